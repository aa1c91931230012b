//! `envoy/extensions/filters/http/health_check/v3`.

use serde::{Deserialize, Serialize};

use crate::route::HeaderMatcher;

/// `envoy.extensions.filters.http.health_check.v3.HealthCheck`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    pub pass_through_mode: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderMatcher>,
}
