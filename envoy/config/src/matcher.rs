//! `envoy/type/matcher/v3`.

use serde::{Deserialize, Serialize};

use crate::{Empty, is_default};

/// `envoy.type.matcher.v3.StringMatcher`, and the same of `xds.type.matcher.v3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StringMatcher {
    #[serde(flatten)]
    pub pattern: StringPattern,
    #[serde(default, skip_serializing_if = "is_default")]
    pub ignore_case: bool,
}

/// `match_pattern` of a [`StringMatcher`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StringPattern {
    Exact(String),
    Prefix(String),
    SafeRegex(RegexMatcher),
    Contains(String),
}

impl From<StringPattern> for StringMatcher {
    fn from(pattern: StringPattern) -> Self {
        Self {
            pattern,
            ignore_case: false,
        }
    }
}

/// `envoy.type.matcher.v3.RegexMatcher`, and the same of `xds.type.matcher.v3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegexMatcher {
    /// xDS requires this field to select RE2; Envoy has no other engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google_re2: Option<Empty>,
    pub regex: String,
}

impl RegexMatcher {
    pub fn new(regex: impl Into<String>) -> Self {
        Self {
            google_re2: None,
            regex: regex.into(),
        }
    }
}

/// `envoy.type.matcher.v3.RegexMatchAndSubstitute`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegexMatchAndSubstitute {
    pub pattern: RegexMatcher,
    #[serde(default)]
    pub substitution: String,
}
