//! Routes for Envoy's own router: the reference engine.
//!
//! Writes each route as Istio would send it. The same `RouteAction`s, without match and rewrite, stand
//! behind the keys of `dispatch`.

use fingerpost_routing_config::{Rewrite, RuleRef};
use serde_json::{Value, json};

use crate::matching;
use crate::proto::{Fields, object};
use crate::routes::{Route, Share, Target};
use crate::virtual_hosts::RouteConfig;

/// An Envoy `RouteConfiguration` that matches by itself.
pub(crate) fn route_config(config: &RouteConfig<'_>) -> Value {
    let virtual_hosts = config.virtual_hosts.iter().map(|host| {
        let mut fields = virtual_host(&host.name, &host.domain, host.requires_tls);
        let routes: Vec<Value> = host.routes.iter().map(route).collect();
        if !routes.is_empty() {
            fields.insert("routes".to_owned(), routes.into());
        }
        Value::Object(fields)
    });
    envelope(config, virtual_hosts.collect())
}

/// A `RouteConfiguration` with the settings that Istio gives every gateway.
pub(crate) fn envelope(config: &RouteConfig<'_>, virtual_hosts: Vec<Value>) -> Value {
    object([
        ("name", json!(config.name)),
        ("virtual_hosts", virtual_hosts.into()),
        ("validate_clusters", json!(false)),
        ("ignore_port_in_host_matching", json!(true)),
        ("max_direct_response_body_size_bytes", json!(1_048_576)),
    ])
}

/// The fields of a `VirtualHost` that both engines share.
pub(crate) fn virtual_host(name: &str, domain: &str, requires_tls: bool) -> Fields {
    let mut fields = Fields::new();
    fields.insert("name".to_owned(), json!(name));
    fields.insert("domains".to_owned(), json!([domain]));
    if requires_tls {
        fields.insert("require_tls".to_owned(), json!("ALL"));
    }
    fields.insert("include_request_attempt_count".to_owned(), json!(true));
    fields
}

/// A route with its own conditions and all its destinations.
pub(crate) fn route(route: &Route<'_>) -> Value {
    let (key, action) = whole_action(&route.target, route.rewrite.as_ref());
    envoy_route(route, matching::native(&route.conditions), key, action)
}

/// The action of a route with all its destinations, and its key in the `Route`.
pub(crate) fn whole_action(target: &Target, rewrite: Option<&Rewrite>) -> (&'static str, Fields) {
    match target {
        Target::Cluster { cluster, policies } => {
            let mut action = Fields::new();
            action.insert("cluster".to_owned(), json!(cluster.name()));
            action.extend(policies.clone());
            ("route", with_rewrite(action, rewrite))
        }
        Target::Split { shares, policies } => {
            let every: Vec<&Share> = shares.iter().collect();
            ("route", with_rewrite(split(&every, policies), rewrite))
        }
        Target::Redirect(fields) => ("redirect", fields.clone()),
        Target::DirectResponse(fields) => ("direct_response", fields.clone()),
    }
}

/// A `RouteAction` over the given shares. Also of a lone share the two levels are kept: its edits are
/// made before those of the rule, and the rule's win (spec 3.10).
pub(crate) fn split(shares: &[&Share], policies: &Fields) -> Fields {
    let clusters: Vec<Value> = shares
        .iter()
        .map(|share| {
            let mut fields = Fields::new();
            fields.insert("name".to_owned(), json!(share.cluster.name()));
            fields.insert("weight".to_owned(), json!(share.weight));
            fields.extend(share.edits.clone());
            Value::Object(fields)
        })
        .collect();
    let mut action = Fields::new();
    action.insert("weighted_clusters".to_owned(), json!({"clusters": clusters}));
    action.extend(policies.clone());
    action
}

/// Adds the rewrite to a `RouteAction`.
pub(crate) fn with_rewrite(mut action: Fields, rewrite: Option<&Rewrite>) -> Fields {
    match rewrite {
        Some(Rewrite::Uri(uri)) => {
            action.insert("prefix_rewrite".to_owned(), json!(uri));
        }
        Some(Rewrite::Regex(regex)) => {
            let rewrite = json!({"pattern": {"regex": regex.pattern}, "substitution": regex.substitution});
            action.insert("regex_rewrite".to_owned(), rewrite);
        }
        None => {}
    }
    action
}

/// An Envoy `Route`. Its metadata names the rule, for access logs.
pub(crate) fn envoy_route(route: &Route<'_>, conditions: Value, key: &str, action: Fields) -> Value {
    let mut fields = Fields::new();
    if !route.name.is_empty() {
        fields.insert("name".to_owned(), json!(route.name));
    }
    fields.insert("match".to_owned(), conditions);
    fields.insert(key.to_owned(), Value::Object(action));
    fields.insert(
        "metadata".to_owned(),
        json!({"filter_metadata": {"fingerpost": rule(&route.rule)}}),
    );
    fields.extend(route.outer.clone());
    Value::Object(fields)
}

fn rule(rule: &RuleRef) -> Value {
    let steps: Vec<Value> = rule
        .rules
        .iter()
        .map(|step| json!({"virtual_service": step.virtual_service, "http": step.http}))
        .collect();
    json!({"rules": steps, "match": rule.matched})
}
