//! Conditions on a request in Envoy's generic matchers: a virtual host checks them if no key leads to a route.

use fingerpost_envoy_http::header_map::{Headers, values};
use fingerpost_routing::Pattern;
use serde::Deserialize;
use serde_json::Value;

use crate::ModelError;
use crate::read::Ignored;
use crate::string_match::WrittenRegex;

/// A condition.
#[derive(Debug)]
pub(crate) enum Predicate {
    All(Vec<Self>),
    Not(Box<Self>),
    Header { name: String, want: Text },
}

/// What a header's text must be.
#[derive(Debug)]
pub(crate) enum Text {
    Exact {
        text: String,
        fold: bool,
    },
    /// In lower case if `fold`.
    Contains {
        text: String,
        fold: bool,
    },
    Regex(Pattern),
}

/// `MatcherList.Predicate` as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenPredicate {
    SinglePredicate(WrittenSingle),
    AndMatcher(WrittenAll),
    NotMatcher(Box<Self>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenAll {
    predicate: Vec<WrittenPredicate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenSingle {
    input: Extension<HeaderInput>,
    value_match: WrittenText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenText {
    exact: Option<String>,
    contains: Option<String>,
    safe_regex: Option<WrittenRegex>,
    #[serde(default)]
    ignore_case: bool,
}

/// `TypedExtensionConfig`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extension<T = Value> {
    #[serde(default, rename = "name")]
    _name: Ignored,
    pub(crate) typed_config: T,
}

/// What a matcher looks at.
#[derive(Debug, Deserialize)]
#[serde(tag = "@type", deny_unknown_fields)]
pub(crate) enum HeaderInput {
    #[serde(rename = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput")]
    Header { header_name: String },
}

impl HeaderInput {
    /// The header's name, in lower case.
    pub(crate) fn name(self) -> String {
        let Self::Header { header_name } = self;
        header_name.to_ascii_lowercase()
    }
}

impl Predicate {
    pub(crate) fn read(written: WrittenPredicate) -> Result<Self, ModelError> {
        Ok(match written {
            WrittenPredicate::AndMatcher(all) => Self::All(
                all.predicate
                    .into_iter()
                    .map(Self::read)
                    .collect::<Result<_, _>>()?,
            ),
            WrittenPredicate::NotMatcher(not) => Self::Not(Box::new(Self::read(*not)?)),
            WrittenPredicate::SinglePredicate(one) => Self::Header {
                name: one.input.typed_config.name(),
                want: Text::read(one.value_match)?,
            },
        })
    }

    /// Whether it holds.
    pub(crate) fn accepts(&self, request: &Headers) -> bool {
        match self {
            Self::All(all) => all.iter().all(|it| it.accepts(request)),
            Self::Not(not) => !not.accepts(request),
            Self::Header { name, want } => joined(request, name).is_some_and(|value| want.accepts(&value)),
        }
    }
}

/// Several values are read as one text.
pub(crate) fn joined(request: &Headers, name: &str) -> Option<Vec<u8>> {
    let all: Vec<&[u8]> = values(request, name).collect();
    (!all.is_empty()).then(|| all.join(&b","[..]))
}

impl Text {
    fn read(written: WrittenText) -> Result<Self, ModelError> {
        let fold = written.ignore_case;
        match (written.exact, written.contains, written.safe_regex) {
            (Some(text), None, None) => Ok(Self::Exact { text, fold }),
            (None, Some(text), None) => Ok(Self::Contains {
                text: if fold { text.to_ascii_lowercase() } else { text },
                fold,
            }),
            (None, None, Some(regex)) => Ok(Self::Regex(regex.read()?)),
            _ => Err(ModelError::new("expected one of exact, contains and safe_regex")),
        }
    }

    fn accepts(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact { text, fold: true } => value.eq_ignore_ascii_case(text.as_bytes()),
            Self::Exact { text, fold: false } => value == text.as_bytes(),
            Self::Contains { text, fold } => {
                let value = if *fold {
                    value.to_ascii_lowercase()
                } else {
                    value.to_vec()
                };
                text.is_empty() || value.windows(text.len()).any(|it| it == text.as_bytes())
            }
            Self::Regex(pattern) => pattern.accepts(value),
        }
    }
}
