//! Routes for our filter: its config, and the native routes behind its keys.
//!
//! The filter matches and rewrites; it names a native route by a key, and Envoy finds that route by a
//! hash look-up. A key is made of what its route does, so the same content has the same key in every
//! version of the config, and a key that Envoy does not know leads nowhere.

use std::collections::BTreeMap;
use std::io;

use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::route::{self, Action as EnvoyAction, PathSpecifier, RouteConfiguration};
use fingerpost_envoy_config::xds::{MatchAction, MatchMap, Matcher, MatcherTree, MatcherType, OnMatch};
use fingerpost_routing_config::{
    Action, DISPATCH_HEADER, Destination, HeaderMatch, RegexEncoding, RepeatedHeaders, Reply, Revision,
    RewrittenBy, Route as FilterRoute, RoutingConfig, ValueMatch, VirtualHost as FilterHost,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::foreign_upgrades;
use crate::matching;
use crate::native;
use crate::options::Options;
use crate::routes::route::{Destinations, Route, Target};
use crate::virtual_hosts::{RouteConfig, VirtualHost};

/// A route configuration in two halves.
#[derive(Debug)]
pub(crate) struct FilterAndRoutes {
    /// What the filter reads.
    pub config: RoutingConfig,
    /// The native routes by key.
    pub route_config: RouteConfiguration,
}

/// Divides `config` between the filter and Envoy.
pub(crate) fn split_route_config(config: &RouteConfig<'_>, options: &Options) -> FilterAndRoutes {
    let envoy = options.envoy;
    let mut filter_hosts = Vec::new();
    let mut envoy_hosts = Vec::new();
    for host in &config.virtual_hosts {
        let mut keyed = BTreeMap::new();
        let mut filter_host = FilterHost {
            name: host.name.clone(),
            domains: vec![host.domain.clone()],
            routes: host
                .routes
                .iter()
                .map(|route| filter_route(route, &mut keyed))
                .collect(),
        };
        // A redirect to HTTPS comes before any route, and shows the path as it came: nothing is chosen. The native
        // routes stay all the same, for Envoy to judge them as it would without our filter.
        if host.requires_tls && !config.over_tls {
            if options.trusted_hops == 0 {
                filter_host.routes.clear();
            }
            for route in &mut filter_host.routes {
                route.matches.headers.push(came_by_https());
            }
        }
        // Istio leaves the namespace in the domain of a redirect to HTTPS without a VirtualService (docs/istio-routing.md 1.12):
        // no authority has a slash.
        if !host.domain.contains('/') {
            filter_hosts.push(filter_host);
        }
        envoy_hosts.push(envoy_host(host, keyed));
    }
    let repeated = if envoy.tries_each_header_value() {
        RepeatedHeaders::Each
    } else {
        RepeatedHeaders::Joined
    };
    let mut filter_config = RoutingConfig::new(repeated, filter_hosts);
    if !envoy.reads_patterns_by_byte() {
        filter_config.regex_encoding = RegexEncoding::Utf8;
    }
    FilterAndRoutes {
        config: filter_config,
        route_config: native::route_configuration(config, envoy_hosts),
    }
}

/// What Envoy's own check for a redirect to HTTPS looks at: a trusted proxy says that its client used TLS.
fn came_by_https() -> HeaderMatch {
    HeaderMatch {
        name: "x-forwarded-proto".to_owned(),
        want: ValueMatch::Exact("https".to_owned()),
        invert: false,
        missing_as_empty: false,
    }
}

/// The filter's half of a route. Its native routes are added to `keyed`.
fn filter_route(route: &Route<'_>, keyed: &mut BTreeMap<String, route::Route>) -> FilterRoute {
    let mut key_of = |label: &str, action: EnvoyAction| {
        let native = native::envoy_route(route, conditions(route), action);
        let key = format!("{label}@{}", digest(&native));
        keyed.insert(key.clone(), native);
        key
    };
    let rewrite_here = route.rewrite.as_ref().filter(|_| route.rewrite_stays);
    let action = match &route.target {
        Target::Forward(forward) => {
            let destinations = match &forward.destinations {
                Destinations::One(cluster) => {
                    let cluster = cluster.name();
                    let key = key_of(&cluster, native::action(&route.target, rewrite_here));
                    vec![Destination {
                        cluster,
                        weight: 1,
                        key,
                    }]
                }
                Destinations::Split(shares) => {
                    let destination = |share| {
                        let alone = native::weighted(std::slice::from_ref(share));
                        let cluster = share.cluster.name();
                        let key = key_of(&cluster, native::forward_to(alone, forward, rewrite_here));
                        Destination {
                            cluster,
                            weight: share.weight,
                            key,
                        }
                    };
                    shares.iter().map(destination).collect()
                }
            };
            Action::Forward(destinations)
        }
        Target::Redirect(_) => Action::Reply(Reply {
            key: key_of("redirect", native::action(&route.target, None)),
        }),
        Target::Respond(_) => Action::Reply(Reply {
            key: key_of("direct_response", native::action(&route.target, None)),
        }),
    };
    FilterRoute {
        rule: route.rule.clone(),
        matches: route.conditions.clone(),
        rewrite: route.rewrite.clone(),
        rewritten_by: if route.rewrite_stays {
            RewrittenBy::Envoy
        } else {
            RewrittenBy::Filter
        },
        action,
    }
}

/// The match of a native route behind a key: any path, for the filter has chosen, and what it rewrote
/// need not start with a slash. An action that replaces the matched prefix keeps the path's condition.
fn conditions(route: &Route<'_>) -> route::RouteMatch {
    let needs_its_match = match &route.target {
        Target::Redirect(redirect) => redirect.prefix_rewrite.is_some(),
        Target::Forward(_) => route.rewrite.is_some() && route.rewrite_stays,
        Target::Respond(_) => false,
    };
    if needs_its_match {
        matching::native_path(&route.conditions)
    } else {
        PathSpecifier::Prefix(String::new()).into()
    }
}

/// Names content: 64 bits of its SHA-256, in hexadecimal.
fn digest(content: &route::Route) -> String {
    let hash = sha256(content);
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The revision of a filter's configuration: the same for the same content.
pub fn revision(table: String, config: &RoutingConfig) -> Revision {
    let hash = sha256(config);
    // 48 bits: a metric is a floating-point number.
    let number = hash
        .iter()
        .take(6)
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    Revision { table, number }
}

fn sha256(content: &impl Serialize) -> [u8; 32] {
    let mut hash = Hash(Sha256::new());
    // The types hold texts and numbers only, and the hash takes everything: nothing fails.
    let written = serde_json::to_writer(&mut hash, content);
    debug_assert!(written.is_ok());
    hash.0.finalize().into()
}

/// Takes text as it is written, so that none is kept.
struct Hash(Sha256);

impl io::Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn envoy_host(host: &VirtualHost<'_>, keyed: BTreeMap<String, route::Route>) -> route::VirtualHost {
    let shared = native::virtual_host(host);
    if keyed.is_empty() {
        return shared;
    }
    let action = |route| {
        OnMatch::Action(Extension {
            name: "route".to_owned(),
            typed_config: MatchAction::Route(Box::new(route)),
        })
    };
    let map = keyed.into_iter().map(|(key, route)| (key, action(route)));
    let tree = MatcherTree {
        input: foreign_upgrades::input("dispatch-key", DISPATCH_HEADER),
        exact_match_map: MatchMap { map: map.collect() },
    };
    route::VirtualHost {
        request_headers_to_remove: vec![DISPATCH_HEADER.to_owned()],
        matcher: Some(Matcher {
            matcher_type: MatcherType::MatcherTree(tree),
            on_no_match: Some(Box::new(OnMatch::Matcher(Box::new(foreign_upgrades::matcher(
                &host.routes,
            ))))),
        }),
        ..shared
    }
}
