//! Routes for our filter: its config, and the native routes that stand behind its keys.
//!
//! The filter matches and rewrites; it names a native route by a key, and Envoy finds that route by a
//! hash look-up. A key is made of what its route does, so the same content has the same key in every
//! version of the config, and a key that Envoy does not know leads nowhere.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use fingerpost_routing_config::{
    Action, DISPATCH_HEADER, Destination, RegexEncoding, RepeatedHeaders, Reply, RewrittenBy,
    Route as FilterRoute, RoutingConfig, VirtualHost as FilterHost,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::foreign_upgrades;
use crate::matching;
use crate::native;
use crate::options::EnvoyVersion;
use crate::proto::{Fields, fields, object, typed};
use crate::routes::{Route, Target};
use crate::virtual_hosts::{RouteConfig, VirtualHost};

/// The two halves of a route configuration.
#[derive(Debug)]
pub(crate) struct Dispatch {
    /// What the filter reads.
    pub config: RoutingConfig,
    /// The `RouteConfiguration` with the native routes by key.
    pub route_config: Value,
}

/// Divides `config` between the filter and Envoy.
pub(crate) fn divide(config: &RouteConfig<'_>, envoy: EnvoyVersion) -> Dispatch {
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
            filter_host.routes.clear();
        }
        // Istio leaves the namespace in the domain of a redirect to HTTPS without a VirtualService (spec 9.19):
        // no authority has a slash.
        if !host.domain.contains('/') {
            filter_hosts.push(filter_host);
        }
        envoy_hosts.push(envoy_host(host, keyed));
    }
    let repeated = match envoy.tries_each_header_value() {
        true => RepeatedHeaders::Each,
        false => RepeatedHeaders::Joined,
    };
    let mut filter_config = RoutingConfig::new(repeated, filter_hosts);
    if !envoy.reads_patterns_by_byte() {
        filter_config.regex_encoding = RegexEncoding::Utf8;
    }
    Dispatch {
        config: filter_config,
        route_config: native::envelope(config, envoy_hosts),
    }
}

/// The filter's half of a route. Its native routes are added to `keyed`.
fn filter_route(route: &Route<'_>, keyed: &mut BTreeMap<String, Value>) -> FilterRoute {
    let mut key_of = |label: &str, native: Value| {
        let key = format!("{label}@{}", digest(&native));
        keyed.insert(key.clone(), native);
        key
    };
    let rewrite_here = route.rewrite.as_ref().filter(|_| route.rewrite_stays);
    let action = match &route.target {
        Target::Split { shares, policies } => Action::Forward(
            shares
                .iter()
                .map(|share| {
                    let action = native::with_rewrite(native::split(&[share], policies), rewrite_here);
                    let cluster = share.cluster.name();
                    let native = native::envoy_route(route, conditions(route), "route", action);
                    let key = key_of(&cluster, native);
                    Destination {
                        cluster,
                        weight: share.weight,
                        key,
                    }
                })
                .collect(),
        ),
        Target::Cluster { cluster, .. } => {
            let (kind, action) = native::whole_action(&route.target, rewrite_here);
            let cluster = cluster.name();
            let key = key_of(
                &cluster,
                native::envoy_route(route, conditions(route), kind, action),
            );
            Action::Forward(vec![Destination {
                cluster,
                weight: 1,
                key,
            }])
        }
        Target::Redirect(_) | Target::DirectResponse(_) => {
            let (kind, action) = native::whole_action(&route.target, None);
            let key = key_of(kind, native::envoy_route(route, conditions(route), kind, action));
            Action::Reply(Reply { key })
        }
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
fn conditions(route: &Route<'_>) -> Value {
    let needs_its_match = match &route.target {
        Target::Redirect(fields) => fields.contains_key("prefix_rewrite"),
        Target::Cluster { .. } | Target::Split { .. } => route.rewrite.is_some() && route.rewrite_stays,
        Target::DirectResponse(_) => false,
    };
    match needs_its_match {
        true => Value::Object(matching::native_path(&route.conditions)),
        false => json!({"prefix": ""}),
    }
}

/// Names content: 64 bits of its SHA-256, in hexadecimal.
fn digest(content: &Value) -> String {
    let mut hash = Hash(Sha256::new());
    let _ = write!(hash, "{content}"); // it takes everything
    let hash = hash.0.finalize();
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Takes text as it is written, so that none is kept.
struct Hash(Sha256);

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

fn envoy_host(host: &VirtualHost<'_>, keyed: BTreeMap<String, Value>) -> Value {
    let mut written = native::virtual_host(&host.name, &host.domain, host.requires_tls);
    if keyed.is_empty() {
        return Value::Object(written);
    }
    let actions: Fields = keyed
        .into_iter()
        .map(|(key, route)| {
            let route = typed("envoy.config.route.v3.Route", fields(route));
            let action = object([("name", json!("route")), ("typed_config", route)]);
            (key, object([("action", action)]))
        })
        .collect();
    let input = typed(
        "envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
        fields(json!({"header_name": DISPATCH_HEADER})),
    );
    written.insert("request_headers_to_remove".to_owned(), json!([DISPATCH_HEADER]));
    let tree = object([
        ("input", json!({"name": "dispatch-key", "typed_config": input})),
        ("exact_match_map", object([("map", actions.into())])),
    ]);
    let matcher = object([
        ("matcher_tree", tree),
        (
            "on_no_match",
            json!({"matcher": foreign_upgrades::matcher(&host.routes)}),
        ),
    ]);
    written.insert("matcher".to_owned(), matcher);
    Value::Object(written)
}
