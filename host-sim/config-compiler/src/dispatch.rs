//! Routes for our filter: its config, and the native routes behind its keys.
//!
//! The filter matches and rewrites; it names a native route by a key, and Envoy finds that route by a
//! hash look-up. A key is made of what its route does, so the same content has the same key in every
//! version of the config, and a key that Envoy does not know leads nowhere.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io;

use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::route::{self, Action as EnvoyAction, PathSpecifier, RouteConfiguration};
use fingerpost_envoy_config::xds::{
    HttpRequestHeaderMatchInput, MatchAction, MatchInput, MatchMap, Matcher, MatcherTree, MatcherType,
    OnMatch,
};
use fingerpost_routing_config::{
    Action, DISPATCH_HEADER, Destination, HeaderMatch, RegexEncoding, RepeatedHeaders, Reply, Revision,
    RewrittenBy, Route as FilterRoute, RoutingConfig, Upgrades, ValueMatch, VirtualHost as FilterHost,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::matching;
use crate::native;
use crate::operations::metrics_of_rule;
use crate::options::Options;
use crate::refused_upgrades;
use crate::routes::route::{Destinations, Route, Share, Target};
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
    let has_rule_metrics = options.operations.as_ref().is_some_and(|it| it.rule_metrics);
    let mut filter_hosts = Vec::new();
    let mut envoy_hosts = KeyedHosts::default();
    let refuses = refused_upgrades::plain();
    let mut upgrades = Upgrades {
        allowed: refused_upgrades::ALLOWED.map(str::to_owned).into(),
        refused_by: key("upgrade_refused", &refuses),
        refused_with_edits_by: BTreeMap::new(),
    };
    for host in &config.virtual_hosts {
        let mut keyed = KeyedRoutes {
            routes: BTreeMap::new(),
            refused_with_edits_by: &mut upgrades.refused_with_edits_by,
            has_rule_metrics,
        };
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
        let mut routes = keyed.routes;
        if !routes.is_empty() {
            routes.insert(upgrades.refused_by.clone(), refuses.clone());
        }
        envoy_hosts.add(host, routes);
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
    filter_config.name_rules = options.name_rules;
    filter_config.upgrades = Some(upgrades);
    FilterAndRoutes {
        config: filter_config,
        route_config: native::route_configuration(config, envoy_hosts.into_virtual_hosts()),
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

/// Native routes of a virtual host by their keys. Rules that do the same share one.
struct KeyedRoutes<'t> {
    routes: BTreeMap<String, route::Route>,
    /// The keys of those that refuse upgrades with edits, of the whole table: by the key of the route that makes these edits.
    refused_with_edits_by: &'t mut BTreeMap<String, String>,
    /// Whether each rule has its own metrics, and so its own native route.
    has_rule_metrics: bool,
}

impl KeyedRoutes<'_> {
    /// The key of the native route that does `action` for `route`.
    fn key(&mut self, route: &Route<'_>, label: &str, action: EnvoyAction) -> String {
        let mut native = native::envoy_route(route, conditions(route), action);
        if self.has_rule_metrics && native.stat_prefix.is_empty() {
            native.stat_prefix = metrics_of_rule(&route.rule.to_string());
        }
        self.insert(label, native)
    }

    /// The same for a route that forwards to `cluster`, or for the share that does.
    fn forward(
        &mut self,
        route: &Route<'_>,
        share: Option<&Share>,
        cluster: &str,
        action: EnvoyAction,
    ) -> String {
        let key = self.key(route, cluster, action);
        if let Some(refusal) = refused_upgrades::with_edits(route, share) {
            let refusal = self.insert("upgrade_refused", refusal);
            self.refused_with_edits_by.insert(key.clone(), refusal);
        }
        key
    }

    fn insert(&mut self, label: &str, native: route::Route) -> String {
        let key = key(label, &native);
        self.routes.insert(key.clone(), native);
        key
    }
}

/// The key of a native route. The label is for people.
fn key(label: &str, native: &route::Route) -> String {
    format!("{label}@{}", digest(native))
}

/// The filter's half of a route. Its native routes are added to `keyed`.
fn filter_route(route: &Route<'_>, keyed: &mut KeyedRoutes<'_>) -> FilterRoute {
    let rewrite_here = route.rewrite.as_ref().filter(|_| route.rewrite_stays);
    let action = match &route.target {
        Target::Forward(forward) => {
            let destinations = match &forward.destinations {
                Destinations::One(cluster) => {
                    let cluster = cluster.name();
                    let action = native::action(&route.target, rewrite_here);
                    let key = keyed.forward(route, None, &cluster, action);
                    vec![Destination {
                        cluster,
                        weight: 1,
                        key,
                    }]
                }
                Destinations::Split(shares) => {
                    let destination = |share: &Share| {
                        let alone = native::weighted(std::slice::from_ref(share));
                        let cluster = share.cluster.name();
                        let action = native::forward_to(alone, forward, rewrite_here);
                        let key = keyed.forward(route, Some(share), &cluster, action);
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
            key: keyed.key(route, "redirect", native::action(&route.target, None)),
        }),
        Target::Respond(_) => Action::Reply(Reply {
            key: keyed.key(route, "direct_response", native::action(&route.target, None)),
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
fn digest(content: &impl Serialize) -> String {
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

/// Virtual hosts that find their routes by key.
///
/// The filter has chosen the host already, and a key says all that a route does. So hosts that differ in nothing but their
/// domains and routes are one virtual host with the routes of all.
#[derive(Default)]
struct KeyedHosts {
    hosts: Vec<KeyedHost>,
    /// The indexes of those that others can join, by the digest of what they have in common.
    shared: HashMap<String, usize>,
}

struct KeyedHost {
    /// All but the matcher.
    host: route::VirtualHost,
    routes: BTreeMap<String, route::Route>,
}

impl KeyedHosts {
    /// Adds a host with these routes.
    fn add(&mut self, host: &VirtualHost<'_>, routes: BTreeMap<String, route::Route>) {
        // The metrics of a route have the name of its virtual host in theirs.
        let has_metrics = routes.values().any(|it| !it.stat_prefix.is_empty());
        let added = KeyedHost {
            host: native::virtual_host(host),
            routes,
        };
        if has_metrics {
            self.hosts.push(added);
            return;
        }
        match self.shared.entry(added.common()) {
            Entry::Vacant(entry) => {
                entry.insert(self.hosts.len());
                self.hosts.push(added);
            }
            Entry::Occupied(entry) => {
                let Some(known) = self.hosts.get_mut(*entry.get()) else {
                    return;
                };
                known.host.name = format!("shared@{}", entry.key());
                known.host.domains.extend(added.host.domains);
                known.routes.extend(added.routes);
            }
        }
    }

    fn into_virtual_hosts(self) -> Vec<route::VirtualHost> {
        self.hosts.into_iter().map(KeyedHost::into_virtual_host).collect()
    }
}

impl KeyedHost {
    /// The digest of all that a host has beside its name, its domains and its routes.
    fn common(&self) -> String {
        let host = route::VirtualHost {
            name: String::new(),
            domains: Vec::new(),
            ..self.host.clone()
        };
        digest(&(host, self.routes.is_empty()))
    }

    fn into_virtual_host(self) -> route::VirtualHost {
        // Envoy takes no map without keys.
        if self.routes.is_empty() {
            return self.host;
        }
        let action = |route| {
            OnMatch::Action(Extension {
                name: "route".to_owned(),
                typed_config: MatchAction::Route(Box::new(route)),
            })
        };
        let map = self.routes.into_iter().map(|(key, route)| (key, action(route)));
        let tree = MatcherTree {
            input: Extension {
                name: "dispatch-key".to_owned(),
                typed_config: MatchInput::RequestHeader(HttpRequestHeaderMatchInput {
                    header_name: DISPATCH_HEADER.to_owned(),
                }),
            },
            exact_match_map: MatchMap { map: map.collect() },
        };
        route::VirtualHost {
            request_headers_to_remove: vec![DISPATCH_HEADER.to_owned()],
            matcher: Some(Matcher {
                matcher_type: MatcherType::MatcherTree(tree),
                on_no_match: None,
            }),
            ..self.host
        }
    }
}
