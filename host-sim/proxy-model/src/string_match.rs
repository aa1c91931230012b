//! Conditions on texts: Envoy's `StringMatcher`, `HeaderMatcher` and `QueryParameterMatcher`.
//!
//! Written apart from the filter's own, of which the model is a check.

use fingerpost_envoy_http::header_map::{Headers, values};
use fingerpost_routing::Pattern;
use serde::Deserialize;

use crate::ModelError;
use crate::read::Ignored;

/// A condition on a text.
#[derive(Debug)]
pub(crate) enum StringMatch {
    Exact(String),
    Prefix(String),
    Regex(Pattern),
}

/// `StringMatcher` as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenString {
    Exact(String),
    Prefix(String),
    SafeRegex(WrittenRegex),
}

/// `RegexMatcher` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRegex {
    pub(crate) regex: String,
    #[serde(default, rename = "google_re2")]
    _engine: Option<Ignored>,
}

impl WrittenRegex {
    pub(crate) fn read(&self) -> Result<Pattern, ModelError> {
        Pattern::parse(&self.regex).map_err(|error| ModelError::new(error).within(&self.regex))
    }
}

impl StringMatch {
    pub(crate) fn read(written: WrittenString) -> Result<Self, ModelError> {
        Ok(match written {
            WrittenString::Exact(text) => Self::Exact(text),
            WrittenString::Prefix(text) => Self::Prefix(text),
            WrittenString::SafeRegex(regex) => Self::Regex(regex.read()?),
        })
    }

    pub(crate) fn accepts(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(text) => value == text.as_bytes(),
            Self::Prefix(text) => value.starts_with(text.as_bytes()),
            Self::Regex(pattern) => pattern.accepts(value),
        }
    }
}

/// A condition on a header.
#[derive(Debug)]
pub(crate) struct HeaderMatch {
    name: String,
    /// None: it must be there.
    want: Option<StringMatch>,
    invert: bool,
    missing_as_empty: bool,
}

/// `HeaderMatcher` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenHeader {
    name: String,
    string_match: Option<WrittenString>,
    present_match: Option<bool>,
    #[serde(default)]
    invert_match: bool,
    #[serde(default)]
    treat_missing_header_as_empty: bool,
}

impl HeaderMatch {
    pub(crate) fn read(written: WrittenHeader) -> Result<Self, ModelError> {
        // `present_match: false` is its opposite.
        let absent = written.present_match == Some(false);
        let name = match written.name.to_ascii_lowercase().as_str() {
            "host" => ":authority".to_owned(),
            name => name.to_owned(),
        };
        Ok(Self {
            name,
            want: written.string_match.map(StringMatch::read).transpose()?,
            invert: written.invert_match != absent,
            missing_as_empty: written.treat_missing_header_as_empty,
        })
    }

    /// From 1.39 on each value is tried by itself.
    pub(crate) fn accepts(&self, headers: &Headers) -> bool {
        let mut values = values(headers, &self.name).peekable();
        let Some(want) = &self.want else {
            return values.peek().is_some() != self.invert;
        };
        if values.peek().is_none() {
            return self.missing_as_empty && want.accepts(b"") != self.invert;
        }
        values.any(|value| want.accepts(value)) != self.invert
    }
}

/// A condition on the first value of a query parameter.
#[derive(Debug)]
pub(crate) struct QueryMatch {
    name: String,
    /// None: it must be there.
    want: Option<StringMatch>,
}

/// `QueryParameterMatcher` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenQuery {
    name: String,
    string_match: Option<WrittenString>,
    #[serde(default, rename = "present_match")]
    _present: Option<Ignored>,
}

impl QueryMatch {
    pub(crate) fn read(written: WrittenQuery) -> Result<Self, ModelError> {
        Ok(Self {
            name: written.name,
            want: written.string_match.map(StringMatch::read).transpose()?,
        })
    }

    /// Whether a target (a path with its query) satisfies it.
    pub(crate) fn accepts(&self, target: &[u8]) -> bool {
        let Some(mark) = target.iter().position(|byte| *byte == b'?') else {
            return false;
        };
        let mut parameters = target[mark + 1..].split(|byte| *byte == b'&').map(|parameter| {
            let end = parameter.iter().position(|byte| *byte == b'=');
            match end {
                Some(end) => (&parameter[..end], &parameter[end + 1..]),
                None => (parameter, &[][..]),
            }
        });
        match parameters.find(|(name, _)| *name == self.name.as_bytes()) {
            Some((_, value)) => self.want.as_ref().is_none_or(|want| want.accepts(value)),
            None => false,
        }
    }
}
