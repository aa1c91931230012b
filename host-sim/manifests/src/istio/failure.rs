//! What happens to requests while the filter does not run.
//!
//! Under every strategy such a request reaches no upstream: it has no dispatch key, and the table has no route without one.
//! Source: istio `pkg/wasm/convert.go` for a module that can't be fetched, Envoy `source/extensions/common/wasm` for the rest.

use serde::Serialize;

/// Istio's `failStrategy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum FailStrategy {
    /// A filter that has crashed is started again.
    #[default]
    #[serde(rename = "FAIL_RELOAD")]
    Reload,
    /// All requests fail until the filter is configured again.
    #[serde(rename = "FAIL_CLOSE")]
    Close,
    /// The filter is skipped.
    #[serde(rename = "FAIL_OPEN")]
    Open,
}

impl FailStrategy {
    /// What it means for this filter.
    pub(super) fn consequence(self) -> &'static str {
        match self {
            Self::Reload => {
                "failStrategy FAIL_RELOAD: if the filter crashes, the requests that it was handling get 503, and the next
request starts it again (at most once a second). While the module can't be fetched, every request gets 403."
            }
            Self::Close => {
                "failStrategy FAIL_CLOSE: if the filter crashes, every request on that worker thread gets 503 until this object
or the gateway is replaced. While the module can't be fetched, every request gets 403."
            }
            Self::Open => {
                "failStrategy FAIL_OPEN: if the filter crashes, or while the module can't be fetched, requests skip it. They
carry no dispatch key, so they get 404 from the table: they are not routed by Istio's own rules. Only redirects to HTTPS work."
            }
        }
    }
}
