//! The rules of Envoy's protos on the fields that we write: the bootstrap, listeners and clusters; `routes` has the rest.
//!
//! Source: the `validate.rules` of Envoy's `api/envoy/…/v3/*.proto` at 1.40, and what its factories check beyond them.
//! Rules that no value of ours can break are left out. Each was tried with `envoy --mode validate`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_envoy_config::cluster::{Cluster, OutlierDetection};
use fingerpost_envoy_config::core::{Address, TcpKeepalive};
use fingerpost_envoy_config::endpoint::{ClusterLoadAssignment, LbEndpoint};
use fingerpost_envoy_config::filters::http_connection_manager::RouteSpecifier;
use fingerpost_envoy_config::filters::tcp_proxy::{ClusterSpecifier, TcpProxy};
use fingerpost_envoy_config::listener::{FilterChain, Listener, NetworkFilterConfig};

use super::place::{GIVEN, Refused, TextRule, Walk};
use super::routes;
use super::values::{LARGEST_RING, LONGEST_SOCKET_PATH, table_size};

const SOCKET_PATH: TextRule = TextRule {
    least: 1,
    most: LONGEST_SOCKET_PATH,
    one_line: true,
};
const AT_LEAST_ONE: (usize, usize) = (1, usize::MAX);
const PORT: (u64, u64) = (0, 65_535);
const POSITIVE_U32: (u64, u64) = (1, u32::MAX as u64);
const U32: (u64, u64) = (0, u32::MAX as u64);

/// Every value of the bootstrap that breaks a rule.
pub(crate) fn check(bootstrap: &Bootstrap) -> Vec<Refused> {
    let mut walk = Walk::default();
    let resources = &bootstrap.static_resources;
    walk.field("static_resources", |walk| {
        walk.each("listeners", &resources.listeners, listener);
        walk.broken("clusters", same_name(&resources.clusters));
        walk.each("clusters", &resources.clusters, cluster);
    });
    walk.found()
}

fn same_name(clusters: &[Cluster]) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut names = clusters.iter().map(|it| it.name.as_str());
    let twice = names.find(|name| !seen.insert(*name))?;
    Some(format!("two clusters have the name `{twice}`"))
}

/// The first text that comes twice, letter case apart.
pub(crate) fn twice<'v>(texts: impl Iterator<Item = &'v str>) -> Option<String> {
    let mut seen = BTreeSet::new();
    texts
        .map(str::to_ascii_lowercase)
        .find(|text| !seen.insert(text.clone()))
}

fn address(walk: &mut Walk, address: &Address) {
    match address {
        Address::SocketAddress(socket) => walk.field("socket_address", |walk| {
            walk.text("address", &socket.address, GIVEN);
            walk.number("port_value", socket.port_value.into(), PORT);
        }),
        Address::Pipe(pipe) => walk.field("pipe", |walk| walk.text("path", &pipe.path, SOCKET_PATH)),
    }
}

fn listener(walk: &mut Walk, listener: &Listener) {
    walk.field("address", |walk| address(walk, &listener.address));
    if let Address::SocketAddress(socket) = &listener.address {
        // Envoy accepts a zone behind an IPv6 address.
        let text = &socket.address;
        let is_ip = text.split('%').next().unwrap_or(text).parse::<IpAddr>().is_ok();
        walk.broken(
            "address",
            (!is_ip).then(|| format!("`{text}` is not an IP address")),
        );
    }
    walk.counted(
        "filter_chains",
        &listener.filter_chains,
        AT_LEAST_ONE,
        filter_chain,
    );
    let names = listener.filter_chains.iter().flat_map(|chain| {
        match chain.filter_chain_match.server_names.as_slice() {
            [] => vec![""],
            names => names.iter().map(String::as_str).collect(),
        }
    });
    match twice(names).as_deref() {
        None => {}
        Some("") => walk.refuse("two filter chains accept every connection".to_owned()),
        Some(name) => walk.refuse(format!("two filter chains have the server name `{name}`")),
    }
}

fn filter_chain(walk: &mut Walk, chain: &FilterChain) {
    walk.field("filter_chain_match", |walk| {
        walk.each(
            "server_names",
            &chain.filter_chain_match.server_names,
            |walk, name| {
                let rest = name.strip_prefix("*.").unwrap_or(name);
                if rest.contains('*') {
                    walk.refuse(format!("`{name}`: a `*` must be the whole first label"));
                }
            },
        );
    });
    walk.each("filters", &chain.filters, |walk, filter| {
        walk.field("typed_config", |walk| match &filter.typed_config {
            NetworkFilterConfig::HttpConnectionManager(manager) => {
                walk.text("stat_prefix", &manager.stat_prefix, GIVEN);
                match &manager.routes {
                    RouteSpecifier::RouteConfig(config) => {
                        walk.field("route_config", |walk| routes::route_config(walk, config));
                    }
                    // The table is in another file.
                    RouteSpecifier::Rds(_) => {}
                }
            }
            NetworkFilterConfig::TcpProxy(proxy) => tcp_proxy(walk, proxy),
        });
    });
}

fn tcp_proxy(walk: &mut Walk, proxy: &TcpProxy) {
    walk.text("stat_prefix", &proxy.stat_prefix, GIVEN);
    match &proxy.cluster {
        ClusterSpecifier::Cluster(name) => walk.text("cluster", name, GIVEN),
        ClusterSpecifier::WeightedClusters(weighted) => walk.field("weighted_clusters", |walk| {
            walk.counted("clusters", &weighted.clusters, AT_LEAST_ONE, |walk, cluster| {
                walk.text("name", &cluster.name, GIVEN);
                walk.number("weight", cluster.weight.into(), POSITIVE_U32);
            });
        }),
    }
}

fn cluster(walk: &mut Walk, cluster: &Cluster) {
    walk.text("name", &cluster.name, GIVEN);
    walk.positive("connect_timeout", cluster.connect_timeout);
    walk.set("load_assignment", cluster.load_assignment.as_ref(), assignment);
    walk.set(
        "ring_hash_lb_config",
        cluster.ring_hash_lb_config.as_ref(),
        |walk, ring| {
            walk.number("minimum_ring_size", ring.minimum_ring_size, (0, LARGEST_RING));
        },
    );
    walk.set(
        "maglev_lb_config",
        cluster.maglev_lb_config.as_ref(),
        |walk, maglev| {
            let wrong = maglev.table_size.and_then(table_size);
            walk.broken("table_size", wrong.map(|it| it.message));
        },
    );
    walk.set(
        "outlier_detection",
        cluster.outlier_detection.as_ref(),
        outlier_detection,
    );
    walk.set(
        "common_lb_config",
        cluster.common_lb_config.as_ref(),
        |walk, common| {
            let percent = common.healthy_panic_threshold.map(|it| it.value);
            let wrong = percent.filter(|it| !(0..=100).contains(it));
            walk.broken(
                "healthy_panic_threshold",
                wrong.map(|percent| format!("{percent} is not a percentage")),
            );
        },
    );
    let options = cluster.upstream_connection_options.as_ref();
    walk.set("upstream_connection_options", options, |walk, options| {
        walk.field("tcp_keepalive", |walk| {
            tcp_keepalive(walk, &options.tcp_keepalive);
        });
    });
}

fn tcp_keepalive(walk: &mut Walk, keepalive: &TcpKeepalive) {
    walk.number("keepalive_time", keepalive.keepalive_time.unwrap_or(0), U32);
    walk.number(
        "keepalive_interval",
        keepalive.keepalive_interval.unwrap_or(0),
        U32,
    );
}

fn outlier_detection(walk: &mut Walk, outlier: &OutlierDetection) {
    walk.positive("interval", outlier.interval);
    walk.positive("base_ejection_time", outlier.base_ejection_time);
    let percent = outlier.max_ejection_percent.unwrap_or(0);
    walk.number("max_ejection_percent", percent.into(), (0, 100));
}

fn assignment(walk: &mut Walk, assignment: &ClusterLoadAssignment) {
    walk.each("endpoints", &assignment.endpoints, |walk, locality| {
        walk.each("lb_endpoints", &locality.lb_endpoints, lb_endpoint);
    });
}

fn lb_endpoint(walk: &mut Walk, endpoint: &LbEndpoint) {
    walk.field("endpoint", |walk| {
        walk.field("address", |walk| address(walk, &endpoint.endpoint.address));
    });
    let weight = endpoint.load_balancing_weight.unwrap_or(1);
    walk.number("load_balancing_weight", weight.into(), POSITIVE_U32);
}

#[cfg(test)]
mod tests {
    use fingerpost_envoy_config::bootstrap::Bootstrap;
    use serde_json::{Value, json};

    use super::check;
    use crate::refused::place::Refused;

    fn found(bootstrap: Value) -> Vec<Refused> {
        let bootstrap: Bootstrap = serde_json::from_value(bootstrap).expect("a bootstrap");
        check(&bootstrap)
    }

    #[test]
    fn a_broken_rule_is_named_by_its_place() {
        let cluster = |fields: Value| {
            let found = found(json!({"static_resources": {"clusters": [fields]}}));
            found.into_iter().map(|it| it.place).collect::<Vec<_>>()
        };
        assert_eq!(cluster(json!({"name": "a", "connect_timeout": "1s"})), [""; 0]);
        for (fields, place) in [
            (json!({"name": "a", "connect_timeout": "0s"}), "connect_timeout"),
            (json!({"name": ""}), "name"),
            (
                json!({"name": "a", "ring_hash_lb_config": {"minimum_ring_size": 8_388_609}}),
                "ring_hash_lb_config.minimum_ring_size",
            ),
        ] {
            assert_eq!(cluster(fields), [format!("static_resources.clusters[0].{place}")]);
        }
    }

    #[test]
    fn a_route_behind_a_dispatch_key_is_checked_too_and_names_its_key() {
        let route = json!({
            "@type": "type.googleapis.com/envoy.config.route.v3.Route",
            "match": {"prefix": ""},
            "route": {"cluster": "a", "host_rewrite_literal": "a\nb"},
        });
        let input = json!({
            "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
            "header_name": "a",
        });
        let matcher = json!({"matcher_tree": {
            "input": {"typed_config": input},
            "exact_match_map": {"map": {"key": {"action": {"typed_config": route}}}},
        }});
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "a",
            "route_config": {"virtual_hosts": [{"name": "a", "domains": ["a"], "matcher": matcher}]},
        });
        let listener = json!({
            "name": "a",
            "address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
            "filter_chains": [{"filters": [{"typed_config": manager}]}],
        });
        let found = found(json!({"static_resources": {"listeners": [listener]}}));
        let [refused] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (refused.rule.as_deref(), refused.key.as_deref()),
            (None, Some("key"))
        );
        assert_eq!(
            refused.place,
            "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].\
             matcher.matcher_tree.exact_match_map.map.key.action.typed_config.route.host_rewrite_literal"
        );
    }
}
