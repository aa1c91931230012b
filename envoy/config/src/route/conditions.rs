//! What a request must have for a route to take it.

use serde::{Deserialize, Serialize};

use crate::is_default;
use crate::matcher::{RegexMatcher, StringMatcher};

/// `envoy.config.route.v3.RouteMatch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteMatch {
    #[serde(flatten)]
    pub path: PathSpecifier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_sensitive: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderMatcher>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_parameters: Vec<QueryParameterMatcher>,
}

/// `path_specifier` of a [`RouteMatch`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathSpecifier {
    Prefix(String),
    Path(String),
    SafeRegex(RegexMatcher),
}

impl From<PathSpecifier> for RouteMatch {
    fn from(path: PathSpecifier) -> Self {
        Self {
            path,
            case_sensitive: None,
            headers: Vec::new(),
            query_parameters: Vec::new(),
        }
    }
}

/// `envoy.config.route.v3.HeaderMatcher`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatcher {
    pub name: String,
    #[serde(flatten)]
    pub value: HeaderMatch,
    #[serde(default, skip_serializing_if = "is_default")]
    pub invert_match: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub treat_missing_header_as_empty: bool,
}

/// `header_match_specifier` of a [`HeaderMatcher`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderMatch {
    PresentMatch(bool),
    StringMatch(StringMatcher),
}

/// `envoy.config.route.v3.QueryParameterMatcher`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryParameterMatcher {
    pub name: String,
    #[serde(flatten)]
    pub value: QueryParameterMatch,
}

/// `query_parameter_match_specifier` of a [`QueryParameterMatcher`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryParameterMatch {
    PresentMatch(bool),
    StringMatch(StringMatcher),
}
