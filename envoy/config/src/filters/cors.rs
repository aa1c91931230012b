//! `envoy/extensions/filters/http/cors/v3`.

use serde::{Deserialize, Serialize};

use crate::core::RuntimeFractionalPercent;
use crate::matcher::StringMatcher;

/// `envoy.extensions.filters.http.cors.v3.CorsPolicy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorsPolicy {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_origin_string_match: Vec<StringMatcher>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub allow_methods: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub allow_headers: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expose_headers: String,
    /// In seconds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub max_age: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_not_matching_preflights: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_enabled: Option<RuntimeFractionalPercent>,
}
