//! Names each native route's rule and virtual host in its metadata as one text each, for access logs and metrics.
//!
//! `%METADATA(ROUTE:fingerpost:rule)%` reads fields of a message, not items of a list.

use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_envoy_config::filters::http_connection_manager::RouteSpecifier;
use fingerpost_envoy_config::listener::NetworkFilterConfig;
use fingerpost_envoy_config::route::{Route, RouteOrigin, VirtualHost};
use fingerpost_envoy_config::xds::{MatchAction, Matcher, MatcherType, OnMatch};
use fingerpost_routing_config::{RuleRef, RuleStep};

use super::metrics::END;

/// Names the rules of all routes; with `has_metrics`, each rule also has its own metrics.
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
        for host in &mut table.virtual_hosts {
            let VirtualHost {
                name,
                routes,
                matcher,
                ..
            } = host;
            let mut name_route = |route: &mut Route| name_rule(route, name, has_metrics);
            routes.iter_mut().for_each(&mut name_route);
            if let Some(matcher) = matcher {
                each_route(matcher, &mut name_route);
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
        route.stat_prefix = format!("{rule}{END}");
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

/// Visits every route of a matcher.
fn each_route(matcher: &mut Matcher, visit: &mut impl FnMut(&mut Route)) {
    match &mut matcher.matcher_type {
        MatcherType::MatcherTree(tree) => {
            for found in tree.exact_match_map.map.values_mut() {
                each_route_of(found, visit);
            }
        }
        MatcherType::MatcherList(list) => {
            for matcher in &mut list.matchers {
                each_route_of(&mut matcher.on_match, visit);
            }
        }
    }
    if let Some(otherwise) = &mut matcher.on_no_match {
        each_route_of(otherwise, visit);
    }
}

fn each_route_of(found: &mut OnMatch, visit: &mut impl FnMut(&mut Route)) {
    match found {
        OnMatch::Matcher(inner) => each_route(inner, visit),
        OnMatch::Action(action) => match &mut action.typed_config {
            MatchAction::Route(route) => visit(route),
            MatchAction::RouteList(list) => list.routes.iter_mut().for_each(visit),
        },
    }
}
