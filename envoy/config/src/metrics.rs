//! `envoy/config/metrics/v3`.

use serde::{Deserialize, Serialize};

use crate::matcher::StringMatcher;

/// `envoy.config.metrics.v3.StatsConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatsConfig {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stats_tags: Vec<TagSpecifier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_all_default_tags: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats_matcher: Option<StatsMatcher>,
}

/// `envoy.config.metrics.v3.TagSpecifier`. Without a regular expression, it is the default tag of this name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagSpecifier {
    pub tag_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
}

/// `envoy.config.metrics.v3.StatsMatcher`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatsMatcher {
    ExclusionList(ListStringMatcher),
}

/// `envoy.type.matcher.v3.ListStringMatcher`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListStringMatcher {
    pub patterns: Vec<StringMatcher>,
}
