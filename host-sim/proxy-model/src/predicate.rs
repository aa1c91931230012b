//! Conditions on a request in Envoy's generic matchers: a virtual host checks them if no key leads to a route.

use fingerpost_envoy_config::matcher::{StringMatcher, StringPattern};
use fingerpost_envoy_config::xds;
use fingerpost_envoy_http::header_map::{Headers, values};
use fingerpost_routing::Pattern;

use crate::ModelError;
use crate::string_match::pattern;

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

impl Predicate {
    pub(crate) fn read(predicate: xds::Predicate) -> Result<Self, ModelError> {
        Ok(match predicate {
            xds::Predicate::AndMatcher(all) => {
                let all = all.predicate.into_iter().map(Self::read);
                Self::All(all.collect::<Result<_, _>>()?)
            }
            xds::Predicate::NotMatcher(not) => Self::Not(Box::new(Self::read(*not)?)),
            xds::Predicate::SinglePredicate(one) => Self::Header {
                name: header_name(one.input.typed_config),
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

/// The name of the header that a matcher looks at, in lower case.
pub(crate) fn header_name(input: xds::MatchInput) -> String {
    let xds::MatchInput::RequestHeader(header) = input;
    header.header_name.to_ascii_lowercase()
}

/// Several values are read as one text.
pub(crate) fn joined(request: &Headers, name: &str) -> Option<Vec<u8>> {
    let all: Vec<&[u8]> = values(request, name).collect();
    (!all.is_empty()).then(|| all.join(&b","[..]))
}

impl Text {
    fn read(matcher: StringMatcher) -> Result<Self, ModelError> {
        let StringMatcher {
            pattern: text,
            ignore_case: fold,
        } = matcher;
        match text {
            StringPattern::Exact(text) => Ok(Self::Exact { text, fold }),
            StringPattern::Contains(text) => Ok(Self::Contains {
                text: if fold { text.to_ascii_lowercase() } else { text },
                fold,
            }),
            StringPattern::SafeRegex(regex) => Ok(Self::Regex(pattern(&regex)?)),
            StringPattern::Prefix(_) => Err(ModelError::new("prefix is not modelled here")),
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
