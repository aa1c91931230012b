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

/// The version of the filter as a number: 1002003 is 1.2.3. Envoy shows its own version as a number too (`server.version`).
///
/// A label of a gauge that is always 1, as in many exporters' `build_info`, would not do: Envoy keeps a gauge for as long as its
/// listener lives, so after an update it would show both versions.
const VERSION: u64 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
    + number(env!("CARGO_PKG_VERSION_MINOR")) * 1_000
    + number(env!("CARGO_PKG_VERSION_PATCH"));

/// What decimal digits say.
const fn number(digits: &str) -> u64 {
    match u64::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => 0,
    }
}

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
            Decision::Routed(_) | Decision::UpgradeRefused(_) => Self::Routed,
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
    /// Defines the counters. All VMs of a proxy share a counter of the same name.
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
        // A failure to count must not fail the request.
        let _refused = host.increment_counter(counter);
    }
}

/// Shows which revision of a table is in force from now on, and which version of the filter routes by it.
pub(crate) fn show_revision(revision: &Revision, host: &impl Host) {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '_';
    for (gauge, value) in [
        ("fingerpost_config_revision_", revision.number),
        ("fingerpost_filter_version_", VERSION),
    ] {
        let table = revision.table.chars();
        let table = table.map(|it| if is_plain(it) { it } else { '_' });
        let name: String = gauge.chars().chain(table).collect();
        if let Ok(gauge) = host.define_gauge(&name) {
            let _refused = host.set_gauge(gauge, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, VERSION, number};
    use crate::scripted::Scripted;
    use crate::{HeadParts, Host, HostError, Part, RouteFilter, RoutingConfig, apply};
    use fingerpost_routing::{Roll, RouteTable};

    #[derive(Default)]
    struct Whole;

    impl Part for Whole {
        fn of(_config: &RoutingConfig) -> Self {
            Self
        }

        fn run(
            &self,
            table: &RouteTable,
            parts: &HeadParts<'_>,
            host: &impl Host,
        ) -> Result<Option<Outcome>, HostError> {
            let decision = table.decide(&parts.head(), || Roll(0));
            apply(&decision, parts, host)?;
            Ok(Some(Outcome::of(&decision)))
        }
    }

    #[test]
    fn a_version_is_a_number_that_people_can_read() {
        assert_eq!(number("0"), 0);
        assert_eq!(number("1207"), 1207);
        let [major, minor, patch] = [VERSION / 1_000_000, VERSION / 1_000 % 1_000, VERSION % 1_000];
        assert_eq!(format!("{major}.{minor}.{patch}"), env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn every_decision_is_counted_and_the_revision_is_shown() {
        let configuration = r#"{"version":1,"revision":{"table":"0.0.0.0_80/http.80","number":7},"virtual_hosts":[
            {"name":"h","domains":["a.test"],"routes":[{"rule":{"rules":[]},"match":{"path":{"prefix":"/v1"}},
             "action":{"forward":[{"cluster":"c","key":"k"}]}}]}]}"#;
        let mut host = Scripted {
            configuration: configuration.into(),
            ..Scripted::default()
        };
        let mut filter = RouteFilter::<Whole>::default();
        assert!(filter.on_configure(&host));
        for (refuses, host_name, path) in [
            (None, "a.test", "/v1"),
            (None, "a.test", "/v1/x"),
            (None, "a.test", "/v2"),
            (None, "b.test", "/v1"),
            (Some("x-fingerpost-route"), "a.test", "/v1"),
        ] {
            host.refuses = refuses;
            host.headers = vec![(":authority", host_name), (":path", path)];
            filter.on_request_headers(&host);
        }
        let expected = [
            ("fingerpost_requests_routed", 2),
            ("fingerpost_requests_no_host", 1),
            ("fingerpost_requests_no_route", 1),
            ("fingerpost_requests_failed", 1),
            ("fingerpost_config_revision_0_0_0_0_80_http_80", 7),
            ("fingerpost_filter_version_0_0_0_0_80_http_80", VERSION),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        assert_eq!(*host.metrics.borrow(), expected);
    }
}
