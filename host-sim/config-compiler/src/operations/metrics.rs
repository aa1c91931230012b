//! Names of metrics, the labels that Prometheus gets of them, and which are left out.
//!
//! Names of listeners, clusters and rules have dots, at which Envoy's default labels would cut them. So each ends in
//! [`END`], as in Istio's bootstrap (istio `tools/packaging/common/envoy_bootstrap.json`), and the expressions here read to that.

use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_envoy_config::listener::NetworkFilterConfig;
use fingerpost_envoy_config::matcher::{RegexMatcher, StringPattern};
use fingerpost_envoy_config::metrics::{ListStringMatcher, StatsConfig, StatsMatcher, TagSpecifier};

/// Ends a name in the name of a metric.
pub(super) const END: char = ';';

/// Labels with their expressions: the first group is cut from the name of the metric, the second is the value.
const LABELS: &[(&str, &str)] = &[
    ("listener", r"^listener\.((.+?);\.)"),
    ("listener", r"^http\.((.+?);\.)"),
    ("listener", r"^tcp\.((.+?);\.)"),
    ("listener", r"^http\.((admin)\.)"),
    ("listener", r"^listener\.((admin)\.)"),
    ("envoy.cluster_name", r"^cluster\.((.+?);\.)"),
    ("envoy.virtual_host", r"^vhost\.((.+?)\.)(?:route|vcluster)\."),
    ("rule", r"^vhost\..+?\.route\.((.+?);\.)"),
    // The filter's own counters and gauges.
    (
        "outcome",
        r"^wasmcustom\.fingerpost_requests(_(routed|no_host|no_route|failed))$",
    ),
    (
        "table",
        r"^wasmcustom\.fingerpost_(?:config_revision|filter_version)(_(.+))$",
    ),
];

/// Labels by Envoy's own expressions.
const USUAL_LABELS: &[&str] = &[
    "envoy.response_code",
    "envoy.response_code_class",
    "envoy.ssl_version",
    "envoy.ssl_cipher",
    "envoy.worker_id",
];

/// Metrics that say again what others say, many for each listener or cluster.
const LEFT_OUT: &[&str] = &[
    // `http.*` has the same.
    r"^listener\..+;\.http\..*",
    // Connections by worker.
    r"^listener\..+\.worker_\d+\..*",
    // Requests by where they come from: all are external.
    r"^cluster\..+;\.(external|internal|canary)\..*",
    // By what a client proposes.
    r"^(listener|cluster)\..+\.ssl\.(curves|sigalgs)\..*",
    // Circuit breakers of other priorities than the default: routes have none.
    r"^cluster\..+;\.circuit_breakers\.high\..*",
];

/// The name of the metrics of a rule.
pub(crate) fn metrics_of_rule(rule: &str) -> String {
    format!("{rule}{END}")
}

/// Names the metrics of all listeners and clusters, and sets labels for them.
pub(super) fn add(bootstrap: &mut Bootstrap) {
    for listener in &mut bootstrap.static_resources.listeners {
        let name = format!("{}{END}", listener.name);
        for filter in listener.filter_chains.iter_mut().flat_map(|it| &mut it.filters) {
            match &mut filter.typed_config {
                NetworkFilterConfig::HttpConnectionManager(manager) => manager.stat_prefix.clone_from(&name),
                NetworkFilterConfig::TcpProxy(proxy) => proxy.stat_prefix.clone_from(&name),
            }
        }
        listener.stat_prefix = name;
    }
    for cluster in &mut bootstrap.static_resources.clusters {
        cluster.alt_stat_name = format!("{}{END}", cluster.name);
    }
    bootstrap.stats_config = Some(stats_config());
}

fn stats_config() -> StatsConfig {
    let own = LABELS.iter().map(|(name, regex)| TagSpecifier {
        tag_name: (*name).to_owned(),
        regex: Some((*regex).to_owned()),
    });
    let usual = USUAL_LABELS.iter().map(|name| TagSpecifier {
        tag_name: (*name).to_owned(),
        regex: None,
    });
    let left_out = LEFT_OUT
        .iter()
        .map(|it| StringPattern::SafeRegex(RegexMatcher::new(*it)).into());
    StatsConfig {
        stats_tags: own.chain(usual).collect(),
        use_all_default_tags: Some(false),
        stats_matcher: Some(StatsMatcher::ExclusionList(ListStringMatcher {
            patterns: left_out.collect(),
        })),
    }
}
