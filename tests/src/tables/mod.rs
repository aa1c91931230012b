//! Compares a compiled bootstrap with the control plane's own tables, listener by listener.
//!
//! An oracle that needs no proxy: where the tables are equal, Envoy can only do the same with them. Names,
//! metadata and decorators are ours to choose; a route is told by its rule instead.

mod canonical;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::case::Rule;
use crate::compare::Difference;
use canonical::canonical;

/// What differs between the control plane's listeners and those of a bootstrap. A field is a path that a person
/// can follow: listener, filter chain, virtual host, route, field.
#[must_use]
pub fn differences(control_plane: &Value, bootstrap: &Value) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    let expected = by_name(&control_plane["listeners"]);
    let got = by_name(&bootstrap["static_resources"]["listeners"]);
    found.pairs("", &expected, &got, |found, name, expected, got| {
        let (expected, got) = (by_match(expected), by_match(got));
        found.pairs(name, &expected, &got, Found::chain);
    });
    found.clusters(control_plane, bootstrap);
    found.0
}

struct Found(Vec<Difference>);

impl Found {
    fn push(&mut self, field: &str, expected: impl Into<String>, got: impl Into<String>) {
        self.0.push(Difference::new(field, expected, got));
    }

    /// Compares what has the same key on both sides, and notes what only one side has.
    fn pairs<T>(
        &mut self,
        place: &str,
        expected: &BTreeMap<String, T>,
        got: &BTreeMap<String, T>,
        compare: impl Fn(&mut Self, &str, &T, &T),
    ) {
        for (key, expected) in expected {
            let place = join(place, key);
            match got.get(key) {
                Some(got) => compare(self, &place, expected, got),
                None => self.push(&place, "present", ""),
            }
        }
        for key in got.keys().filter(|key| !expected.contains_key(*key)) {
            self.push(&join(place, key), "", "present");
        }
    }

    fn chain(&mut self, place: &str, expected: &&Value, got: &&Value) {
        match (network_filter(expected), network_filter(got)) {
            (Some(NetworkFilter::Http(expected)), Some(NetworkFilter::Http(got))) => {
                let (expected, got) = (by_domain(expected), by_domain(got));
                self.pairs(place, &expected, &got, Self::virtual_host);
            }
            (Some(NetworkFilter::Tcp(expected)), Some(NetworkFilter::Tcp(got))) => {
                for field in ["cluster", "weighted_clusters", "hash_policy"] {
                    self.values(
                        &join(place, field),
                        &canonical(&expected[field]),
                        &canonical(&got[field]),
                    );
                }
            }
            (expected, got) => {
                let name = |it: Option<NetworkFilter<'_>>| it.map_or("", |it| it.name());
                self.push(place, name(expected), name(got));
            }
        }
    }

    fn virtual_host(&mut self, place: &str, expected: &&Value, got: &&Value) {
        for field in ["require_tls", "include_request_attempt_count"] {
            self.values(
                &join(place, field),
                &canonical(&expected[field]),
                &canonical(&got[field]),
            );
        }
        let (expected, got) = (routes(expected), routes(got));
        let names = |routes: &[(String, &Value)]| {
            routes
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        if names(&expected) != names(&got) {
            self.push(&join(place, "routes"), names(&expected), names(&got));
        }
        for (name, expected) in &expected {
            if let Some((_, got)) = got.iter().find(|(other, _)| other == name) {
                self.values(&join(place, name), &canonical(expected), &canonical(got));
            }
        }
    }

    fn values(&mut self, place: &str, expected: &Value, got: &Value) {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                let keys: BTreeSet<_> = expected.keys().chain(got.keys()).collect();
                for key in keys {
                    let side =
                        |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                    self.values(&join(place, key), &side(expected), &side(got));
                }
            }
            (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
                for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                    self.values(&format!("{place}[{index}]"), expected, got);
                }
            }
            _ if expected == got => {}
            _ => self.push(place, shown(expected), shown(got)),
        }
    }

    /// A route may lead to a cluster that does not exist. Which ones exist must be the same on both sides.
    fn clusters(&mut self, control_plane: &Value, bootstrap: &Value) {
        let mut named = BTreeSet::new();
        mentioned_clusters(&control_plane["listeners"], &mut named);
        let expected: BTreeSet<&str> = array(&control_plane["clusters"])
            .filter_map(Value::as_str)
            .collect();
        let clusters = array(&bootstrap["static_resources"]["clusters"]);
        let got: BTreeSet<&str> = clusters.filter_map(|it| it["name"].as_str()).collect();
        for name in named {
            let known = |names: &BTreeSet<&str>| if names.contains(name) { "known" } else { "unknown" };
            if known(&expected) != known(&got) {
                self.push(&format!("cluster {name}"), known(&expected), known(&got));
            }
        }
    }
}

enum NetworkFilter<'v> {
    /// The virtual hosts of a connection manager.
    Http(&'v Value),
    /// A TCP proxy.
    Tcp(&'v Value),
}

impl NetworkFilter<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "a connection manager",
            Self::Tcp(_) => "a TCP proxy",
        }
    }
}

fn network_filter(chain: &Value) -> Option<NetworkFilter<'_>> {
    array(&chain["filters"]).find_map(|filter| {
        let config = &filter["typed_config"];
        match filter["name"].as_str()? {
            "envoy.filters.network.http_connection_manager" => {
                Some(NetworkFilter::Http(&config["route_config"]["virtual_hosts"]))
            }
            "envoy.filters.network.tcp_proxy" => Some(NetworkFilter::Tcp(config)),
            _ => None,
        }
    })
}

fn by_name(listeners: &Value) -> BTreeMap<String, &Value> {
    array(listeners).map(|it| (shown(&it["name"]), it)).collect()
}

fn by_match(listener: &Value) -> BTreeMap<String, &Value> {
    let key = |chain: &Value| match canonical(&chain["filter_chain_match"]) {
        Value::Null => "any connection".to_owned(),
        conditions => conditions.to_string(),
    };
    array(&listener["filter_chains"])
        .map(|it| (key(it), it))
        .collect()
}

/// The virtual host of each domain. Which domains share one makes no difference, and a `*` without routes neither.
fn by_domain(virtual_hosts: &Value) -> BTreeMap<String, &Value> {
    let hosts = array(virtual_hosts);
    let pairs = hosts.flat_map(|host| array(&host["domains"]).map(move |domain| (shown(domain), host)));
    pairs
        .filter(|(domain, host)| domain != "*" || host["require_tls"].is_string() || has_routes(host))
        .collect()
}

fn has_routes(virtual_host: &Value) -> bool {
    array(&virtual_host["routes"]).next().is_some()
}

/// The routes with the names of their rules: the control plane's are named so, ours say it in metadata.
fn routes(virtual_host: &Value) -> Vec<(String, &Value)> {
    let name = |route: &Value| {
        let rule = &route["metadata"]["filter_metadata"]["fingerpost"];
        match serde_json::from_value::<Rule>(rule.clone()) {
            Ok(rule) => rule.to_string(),
            Err(_) => shown(&route["name"]),
        }
    };
    array(&virtual_host["routes"]).map(|it| (name(it), it)).collect()
}

/// Every cluster that an action names.
fn mentioned_clusters<'v>(value: &'v Value, names: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(fields) => {
            names.extend(fields.get("cluster").and_then(Value::as_str));
            let split = &value["weighted_clusters"]["clusters"];
            names.extend(array(split).filter_map(|it| it["name"].as_str()));
            fields.values().for_each(|it| mentioned_clusters(it, names));
        }
        Value::Array(items) => items.iter().for_each(|it| mentioned_clusters(it, names)),
        _ => {}
    }
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn join(place: &str, next: &str) -> String {
    if place.is_empty() {
        next.to_owned()
    } else {
        format!("{place} > {next}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::differences;

    fn listeners(routes: &Value) -> Value {
        json!([{ "name": "0.0.0.0_80", "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": { "route_config": { "virtual_hosts": [{ "domains": ["a"], "routes": routes }] } },
        }] }] }])
    }

    fn check(theirs: &Value, ours: &Value, expected: &[&str]) {
        let control_plane = json!({ "listeners": listeners(theirs), "clusters": ["x"] });
        let bootstrap =
            json!({ "static_resources": { "listeners": listeners(ours), "clusters": [{ "name": "x" }] } });
        let found: Vec<_> = differences(&control_plane, &bootstrap)
            .into_iter()
            .map(|it| it.field)
            .collect();
        assert_eq!(found, expected);
    }

    fn ours(http: usize, cluster: &str) -> Value {
        let rule = json!({ "rules": [{ "virtual_service": "default/vs", "http": http }], "match": "0" });
        json!({ "match": {}, "metadata": { "filter_metadata": { "fingerpost": rule } }, "route": { "cluster": cluster } })
    }

    #[test]
    fn a_route_is_told_by_its_rule() {
        let theirs =
            json!([{ "name": "default/vs#0.0", "match": {}, "decorator": {}, "route": { "cluster": "x" } }]);
        check(&theirs, &json!([ours(0, "x")]), &[]);
    }

    #[test]
    fn a_differing_field_is_shown_with_its_place() {
        let theirs = json!([{ "name": "default/vs#0.0", "match": {}, "route": { "cluster": "x" } }]);
        check(
            &theirs,
            &json!([ours(0, "y")]),
            &["0.0.0.0_80 > any connection > a > default/vs#0.0 > route > cluster"],
        );
    }

    #[test]
    fn order_counts() {
        let theirs = json!([
            { "name": "default/vs#0.0", "match": {}, "route": { "cluster": "x" } },
            { "name": "default/vs#1.0", "match": {}, "route": { "cluster": "x" } },
        ]);
        check(
            &theirs,
            &json!([ours(1, "x"), ours(0, "x")]),
            &["0.0.0.0_80 > any connection > a > routes"],
        );
    }

    #[test]
    fn a_cluster_that_the_control_plane_lacks_must_be_lacking() {
        let theirs = json!([{ "name": "default/vs#0.0", "match": {}, "route": { "cluster": "x" } }]);
        let control_plane = json!({ "listeners": listeners(&theirs), "clusters": [] });
        let ours = listeners(&json!([ours(0, "x")]));
        let bootstrap = json!({ "static_resources": { "listeners": ours, "clusters": [{ "name": "x" }] } });
        let found = differences(&control_plane, &bootstrap);
        assert_eq!((found.len(), found[0].field.as_str()), (1, "cluster x"));
    }
}
