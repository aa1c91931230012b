//! Conditions on texts: Envoy's `StringMatcher`, `HeaderMatcher` and `QueryParameterMatcher`.
//!
//! Written apart from the filter's own, of which the model is a check.

use fingerpost_envoy_config::matcher::{RegexMatcher, StringMatcher, StringPattern};
use fingerpost_envoy_config::route::{
    self as config, HeaderMatcher, QueryParameterMatch, QueryParameterMatcher,
};
use fingerpost_envoy_http::ValueCondition;
use fingerpost_envoy_http::header_map::{Headers, values};
use fingerpost_routing::Pattern;

use crate::ModelError;
use crate::of_a_run::is_open;

/// A condition on a text.
#[derive(Debug)]
pub(crate) enum StringMatch {
    Exact(String),
    Prefix(String),
    Regex(Pattern),
}

/// The pattern of a regular expression.
pub(crate) fn pattern(matcher: &RegexMatcher) -> Result<Pattern, ModelError> {
    Pattern::parse(&matcher.regex).map_err(|error| ModelError::new(error).within(&matcher.regex))
}

impl StringMatch {
    pub(crate) fn read(matcher: StringMatcher) -> Result<Self, ModelError> {
        let not_modelled = |what: &str| Err(ModelError::new(format!("{what} is not modelled here")));
        if matcher.ignore_case {
            return not_modelled("ignore_case");
        }
        match matcher.pattern {
            StringPattern::Exact(text) => Ok(Self::Exact(text)),
            StringPattern::Prefix(text) => Ok(Self::Prefix(text)),
            StringPattern::SafeRegex(regex) => Ok(Self::Regex(pattern(&regex)?)),
            StringPattern::Contains(_) => not_modelled("contains"),
        }
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

impl HeaderMatch {
    pub(crate) fn read(matcher: HeaderMatcher) -> Result<Self, ModelError> {
        let HeaderMatcher {
            name,
            value,
            invert_match,
            treat_missing_header_as_empty,
        } = matcher;
        let (want, is_opposite) = match value {
            config::HeaderMatch::PresentMatch(present) => (None, !present),
            config::HeaderMatch::StringMatch(text) => (Some(StringMatch::read(text)?), false),
        };
        let name = match name.to_ascii_lowercase().as_str() {
            "host" => ":authority".to_owned(),
            name => name.to_owned(),
        };
        Ok(Self {
            name,
            want,
            invert: invert_match != is_opposite,
            missing_as_empty: treat_missing_header_as_empty,
        })
    }

    /// The header, if only a run knows whether a request satisfies it.
    pub(crate) fn undecided(&self, headers: &Headers) -> Option<&str> {
        let condition = match &self.want {
            None => ValueCondition::Present,
            Some(StringMatch::Exact(text)) => ValueCondition::Exact(text),
            Some(StringMatch::Prefix(text)) => ValueCondition::Prefix(text),
            Some(StringMatch::Regex(_)) => ValueCondition::Pattern,
        };
        let mut values = values(headers, &self.name);
        values
            .any(|value| is_open(&self.name, value, condition))
            .then_some(self.name.as_str())
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

impl QueryMatch {
    pub(crate) fn read(matcher: QueryParameterMatcher) -> Result<Self, ModelError> {
        let QueryParameterMatcher { name, value } = matcher;
        let want = match value {
            QueryParameterMatch::PresentMatch(_) => None,
            QueryParameterMatch::StringMatch(text) => Some(StringMatch::read(text)?),
        };
        Ok(Self { name, want })
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
