//! What the proxy's metrics tell of the filter: how many requests had which outcome, and which configuration is in force.
//!
//! Envoy puts `wasmcustom.` in front of the names, and Prometheus gets them without. Names have only letters, digits and
//! underscores, since Envoy leaves others out there. A metric that the proxy refuses is missing, and nothing else: no request
//! and no configuration fails for its sake.

use crate::Host;
use fingerpost_routing::Decision;
use fingerpost_routing_config::Revision;

/// The number of a metric in the proxy.
pub type MetricId = u32;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A route was chosen.
    Routed,
    /// No virtual host has the request's host.
    NoHost,
    /// No route of the virtual host accepts the request.
    NoRoute,
}

impl Outcome {
    /// What a decision is counted as.
    pub fn of(decision: &Decision<'_>) -> Self {
        match decision {
            Decision::Routed(_) => Self::Routed,
            Decision::NoVirtualHost => Self::NoHost,
            Decision::NoRoute(_) => Self::NoRoute,
        }
    }
}

/// The counters of requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counters {
    routed: Option<MetricId>,
    no_host: Option<MetricId>,
    no_route: Option<MetricId>,
    failed: Option<MetricId>,
}

impl Counters {
    /// Defines them; those of the same names are the same, whoever defines them.
    pub(crate) fn define(host: &impl Host) -> Self {
        let counter = |name| host.define_counter(name).ok();
        Self {
            routed: counter("fingerpost_requests_routed"),
            no_host: counter("fingerpost_requests_no_host"),
            no_route: counter("fingerpost_requests_no_route"),
            failed: counter("fingerpost_requests_failed"),
        }
    }

    pub(crate) fn count(self, outcome: Outcome, host: &impl Host) {
        let counter = match outcome {
            Outcome::Routed => self.routed,
            Outcome::NoHost => self.no_host,
            Outcome::NoRoute => self.no_route,
        };
        increment(counter, host);
    }

    pub(crate) fn count_failure(self, host: &impl Host) {
        increment(self.failed, host);
    }
}

fn increment(counter: Option<MetricId>, host: &impl Host) {
    if let Some(counter) = counter {
        // There is nobody to report a failure to, and the request is more important.
        let _refused = host.increment_counter(counter);
    }
}

/// Shows the revision that is in force from now on.
pub(crate) fn show_revision(revision: &Revision, host: &impl Host) {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let table = revision
        .table
        .chars()
        .map(|it| if is_plain(it) { it } else { '_' });
    let name: String = "fingerpost_config_revision_".chars().chain(table).collect();
    if let Ok(gauge) = host.define_gauge(&name) {
        let _refused = host.set_gauge(gauge, revision.number);
    }
}
