//! The control plane's own tables in Envoy: the engine that made the corpus.
//!
//! It tests this crate, not the product: what comes out otherwise here, the harness asks or compares wrongly.

use std::collections::BTreeMap;
use std::path::Path;

use fingerpost_envoy_runner::Bootstrap;
use serde_json::{Value, json};

use super::envoy::Setup;
use crate::case::{Rule, RuleIndex};

/// What an `istiod.json` holds.
pub(super) struct Recorded {
    listeners: Value,
    clusters: Value,
}

/// The setup that an `istiod.json` describes.
///
/// # Errors
/// The file is missing or malformed.
pub fn setup(recorded: &Path) -> Result<Setup, String> {
    Ok(read(recorded)?.into_setup())
}

/// Reads an `istiod.json`.
pub(super) fn read(recorded: &Path) -> Result<Recorded, String> {
    let text =
        std::fs::read_to_string(recorded).map_err(|error| format!("{}: {error}", recorded.display()))?;
    let mut recorded: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut listeners = recorded["listeners"].take();
    name_rules(&mut listeners);
    Ok(Recorded {
        listeners,
        clusters: recorded["clusters"].take(),
    })
}

impl Recorded {
    /// The listeners.
    pub(super) fn listeners(&mut self) -> impl Iterator<Item = &mut Value> {
        self.listeners.as_array_mut().into_iter().flatten()
    }

    /// The HTTP connection managers of all listeners.
    pub(super) fn managers(&mut self) -> impl Iterator<Item = &mut Value> {
        self.listeners().flat_map(managers)
    }

    /// What Envoy runs.
    pub(super) fn into_setup(self) -> Setup {
        let names = self.clusters.as_array().into_iter().flatten();
        let clusters: Vec<Value> = names
            .map(|name| json!({ "name": name, "connect_timeout": "1s" }))
            .collect();
        let bootstrap =
            Bootstrap(json!({ "static_resources": { "listeners": self.listeners, "clusters": clusters } }));
        let listeners: BTreeMap<u16, String> = bootstrap
            .listeners()
            .into_iter()
            .map(|(name, port)| (port, name))
            .collect();
        Setup { bootstrap, listeners }
    }
}

/// The HTTP connection managers of a listener.
pub(super) fn managers(listener: &mut Value) -> impl Iterator<Item = &mut Value> {
    let chains = listener["filter_chains"].as_array_mut().into_iter().flatten();
    let filters = chains.flat_map(|chain| chain["filters"].as_array_mut().into_iter().flatten());
    filters
        .map(|filter| &mut filter["typed_config"])
        .filter(|config| config["route_config"].is_object())
}

/// Repeats each route's name as metadata, where the access log looks for the rule.
fn name_rules(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let rule = fields.get("name").and_then(Value::as_str).and_then(parse);
            if let (true, Some(rule)) = (fields.contains_key("match"), rule) {
                fields.insert(
                    "metadata".to_owned(),
                    json!({ "filter_metadata": { "fingerpost": rule } }),
                );
            }
            fields.values_mut().for_each(name_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(name_rules),
        _ => {}
    }
}

/// Reads `default/vs#0.1` or `default/root#0-team/leaf#1.0-0`.
fn parse(name: &str) -> Option<Rule> {
    let mut rules = Vec::new();
    let mut rest = name;
    loop {
        let (virtual_service, after) = rest.split_once('#')?;
        let end = after.find(|it: char| !it.is_ascii_digit()).unwrap_or(after.len());
        let (http, after) = after.split_at(end);
        rules.push(RuleIndex {
            virtual_service: virtual_service.to_owned(),
            http: http.parse().ok()?,
        });
        match after.strip_prefix('-') {
            Some(next) => rest = next,
            None => {
                return Some(Rule {
                    rules,
                    matched: after.strip_prefix('.').map(str::to_owned),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for name in [
            "default/vs#0",
            "default/vs#0.1",
            "default/root#0-team-a/leaf#1.0",
            "a/b-c#0-d/e#1.0-1",
        ] {
            assert_eq!(parse(name).map(|rule| rule.to_string()).as_deref(), Some(name));
        }
        assert_eq!(parse("default"), None);
    }
}
