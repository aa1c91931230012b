//! Names the rule and the virtual host of each route of Envoy's own router in its metadata as one text each, for access logs and
//! metrics. Where our filter chooses, it names both.
//!
//! `%METADATA(ROUTE:fingerpost:rule)%` reads fields of a message, not items of a list.

use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_envoy_config::filters::http_connection_manager::RouteSpecifier;
use fingerpost_envoy_config::listener::NetworkFilterConfig;
use fingerpost_envoy_config::route::{Route, RouteOrigin, VirtualHost};
use fingerpost_routing_config::{RuleRef, RuleStep};

use super::metrics::metrics_of_rule;

/// Names the rules of all routes that Envoy matches; with `has_metrics`, each rule also has its own metrics.
pub(super) fn name_rules(bootstrap: &mut Bootstrap, has_metrics: bool) {
    let listeners = bootstrap.static_resources.listeners.iter_mut();
    let chains = listeners.flat_map(|it| &mut it.filter_chains);
    for filter in chains.flat_map(|it| &mut it.filters) {
        let NetworkFilterConfig::HttpConnectionManager(manager) = &mut filter.typed_config else {
            continue;
        };
        let RouteSpecifier::RouteConfig(table) = &mut manager.routes else {
            continue;
        };
        for VirtualHost { name, routes, .. } in &mut table.virtual_hosts {
            for route in routes {
                name_rule(route, name, has_metrics);
            }
        }
    }
}

fn name_rule(route: &mut Route, host: &str, has_metrics: bool) {
    let origin = route.metadata.as_mut().map(|it| &mut it.filter_metadata);
    let Some(origin) = origin.and_then(|it| it.fingerpost.as_mut()) else {
        return;
    };
    let rule = text(origin);
    if has_metrics && route.stat_prefix.is_empty() {
        route.stat_prefix = metrics_of_rule(&rule);
    }
    origin.name = Some(rule);
    origin.virtual_host = Some(host.to_owned());
}

fn text(origin: &RouteOrigin) -> String {
    let rules = origin.rules.iter().map(|it| RuleStep {
        virtual_service: it.virtual_service.clone(),
        http: it.http,
    });
    let rule = RuleRef {
        rules: rules.collect(),
        matched: origin.matched.clone(),
    };
    rule.to_string()
}
