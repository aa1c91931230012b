//! What an expectation is checked against, and what a check comes to.
//!
//! What each expectation asks for is decided in `evaluate`.

use fingerpost_config_compiler::{AbortDetail, RouteSummary, ShareDetail};
use fingerpost_proxy_model::{Outcome, Request, Upstream};

use crate::compiled_proxy::{CompiledProxy, shares};

/// An outcome and where it came from.
pub(super) struct CheckContext<'s> {
    pub(super) outcome: &'s Outcome,
    pub(super) sent: &'s Request,
    pub(super) proxy: &'s CompiledProxy,
    route: Option<&'s RouteSummary>,
}

/// Whether an expectation holds.
pub(super) enum Check {
    /// It does; this is what was found.
    Holds(String),
    /// It does not.
    Differs { expected: String, actual: String },
    /// It can't be known here.
    Unknown(String),
}

impl<'s> CheckContext<'s> {
    pub(super) fn new(outcome: &'s Outcome, sent: &'s Request, proxy: &'s CompiledProxy) -> Self {
        let route = outcome.rule.as_ref().and_then(|it| proxy.route(it));
        Self {
            outcome,
            sent,
            proxy,
            route,
        }
    }

    /// The destinations of the route that took the request.
    pub(super) fn shares(&self) -> &'s [ShareDetail] {
        self.route.map_or(&[], shares)
    }

    /// The fault of the route that aborts requests.
    pub(super) fn abort(&self) -> Option<AbortDetail> {
        self.route?.detail.as_ref()?.abort
    }

    /// Whether the route has a destination, whether or not it is reached.
    pub(super) fn forwards(&self) -> bool {
        self.outcome.cluster.is_some() || !self.shares().is_empty()
    }

    /// The destination that was drawn.
    pub(super) fn share(&self) -> Option<&'s ShareDetail> {
        let cluster = self.outcome.cluster.as_ref()?;
        self.shares().iter().find(|it| it.destination.cluster == *cluster)
    }

    /// The request.
    pub(super) fn sent(&self) -> &'s Request {
        self.sent
    }

    pub(super) fn upstream(&self) -> Option<&'s Upstream> {
        self.outcome.upstream.as_ref()
    }

    /// The message where no upstream was reached.
    pub(super) fn no_upstream(&self) -> String {
        let Some(error) = self.outcome.error else {
            let mut destinations = self.shares().iter().map(|it| &it.destination);
            let missing = destinations.find_map(|it| it.missing.as_ref());
            return match missing {
                Some(missing) => format!(
                    "no upstream is reached ({}: {})",
                    self.outcome.status, missing.message
                ),
                None => format!("no upstream is reached ({})", self.outcome.status),
            };
        };
        format!("no upstream is reached ({error})")
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what is handed in was made for this, or is borrowed already"
)]
pub(super) fn check(is_so: bool, expected: impl ToString, actual: impl ToString) -> Check {
    let actual = actual.to_string();
    if is_so {
        Check::Holds(actual)
    } else {
        Check::Differs {
            expected: expected.to_string(),
            actual,
        }
    }
}
