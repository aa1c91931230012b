//! Routes that Envoy answers itself.

use serde::{Deserialize, Serialize};

use crate::core::DataSource;
use crate::is_default;

/// `envoy.config.route.v3.RedirectAction`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedirectAction {
    /// One of this and `prefix_rewrite` at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_redirect: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_rewrite: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host_redirect: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scheme_redirect: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub port_redirect: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub response_code: RedirectResponseCode,
}

/// `envoy.config.route.v3.RedirectAction.RedirectResponseCode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RedirectResponseCode {
    /// 301.
    #[default]
    MovedPermanently,
    /// 302.
    Found,
    /// 303.
    SeeOther,
    /// 307.
    TemporaryRedirect,
    /// 308.
    PermanentRedirect,
}

/// `envoy.config.route.v3.DirectResponseAction`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectResponseAction {
    pub status: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<DataSource>,
}
