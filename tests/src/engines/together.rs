//! Several scenarios in one Envoy: it compiles the filter's module once for all of them, which takes longer than their cases.
//!
//! Scenarios have listeners of the same names. So each name gets that of its scenario in front, also in the names of plugins
//! and of the listener's limits. Clusters are shared. A scenario with another cluster of the same name, or with another
//! setting of Envoy, does not fit.

use std::collections::BTreeMap;

use fingerpost_envoy_runner::Bootstrap;
use serde_json::{Value, json};

use super::envoy::Setup;

/// What one Envoy runs.
pub(super) struct Together {
    /// The bootstrap of all its scenarios.
    pub(super) bootstrap: Bootstrap,
    /// For each scenario, the listener's name by the port that the Gateway declares.
    pub(super) listeners: Vec<BTreeMap<u16, String>>,
}

impl Together {
    /// One scenario, as it is.
    pub(super) fn alone(setup: &Setup) -> Self {
        Self {
            bootstrap: setup.bootstrap.clone(),
            listeners: vec![setup.listeners.clone()],
        }
    }

    /// No scenario yet.
    pub(super) fn empty() -> Self {
        Self {
            bootstrap: Bootstrap(Value::Null),
            listeners: Vec::new(),
        }
    }

    /// Adds the scenario with this name, and says whether it fits. If not, nothing has changed.
    pub(super) fn add(&mut self, scenario: &str, setup: &Setup) -> bool {
        let added = renamed(scenario, setup);
        let united = match self.listeners.is_empty() {
            true => Some(added),
            false => unite("", &self.bootstrap.0, &added),
        };
        let Some(united) = united else { return false };
        self.bootstrap = Bootstrap(united);
        let names = setup.listeners.iter();
        self.listeners
            .push(names.map(|(port, name)| (*port, of(scenario, name))).collect());
        true
    }
}

/// The name of a scenario's listener.
fn of(scenario: &str, listener: &str) -> String {
    format!("{scenario}/{listener}")
}

/// The bootstrap of a scenario, with the scenario in its names.
fn renamed(scenario: &str, setup: &Setup) -> Value {
    let mut value = setup.bootstrap.0.clone();
    let names: Vec<String> = setup
        .bootstrap
        .listeners()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let listeners = value["static_resources"]["listeners"].as_array_mut();
    for (listener, name) in listeners.into_iter().flatten().zip(&names) {
        listener["name"] = json!(of(scenario, name));
        name_plugins(listener, scenario);
    }
    let layers = value
        .pointer_mut("/layered_runtime/layers")
        .and_then(Value::as_array_mut);
    for layer in layers.into_iter().flatten() {
        let Some(limits) = layer.get_mut("static_layer").and_then(Value::as_object_mut) else {
            continue;
        };
        let named = |mut key: String| {
            for name in &names {
                key = key.replace(
                    &format!(".listener.{name}."),
                    &format!(".listener.{}.", of(scenario, name)),
                );
            }
            key
        };
        *limits = std::mem::take(limits)
            .into_iter()
            .map(|(key, value)| (named(key), value))
            .collect();
    }
    value
}

/// Puts `owner` in front of the names of plugins: those of one name would share a root context, and so a configuration.
pub(crate) fn name_plugins(value: &mut Value, owner: &str) {
    match value {
        Value::Object(fields) => {
            let is_plugin = fields.contains_key("vm_config");
            if let Some(Value::String(name)) = fields.get_mut("name").filter(|_| is_plugin) {
                *name = format!("{owner}/{name}");
            }
            fields.values_mut().for_each(|it| name_plugins(it, owner));
        }
        Value::Array(items) => items.iter_mut().for_each(|it| name_plugins(it, owner)),
        _ => {}
    }
}

/// `one` and `other`, the values of `field`, as one value; none if they say different things.
fn unite(field: &str, one: &Value, other: &Value) -> Option<Value> {
    match (field, one, other) {
        ("listeners", Value::Array(one), Value::Array(other)) => {
            Some(one.iter().chain(other).cloned().collect())
        }
        ("clusters", Value::Array(one), Value::Array(other)) => clusters(one, other),
        ("layers", Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let layers = one.iter().zip(other);
            layers.map(|(one, other)| unite("layer", one, other)).collect()
        }
        (
            "" | "static_resources" | "layered_runtime" | "layer" | "static_layer",
            Value::Object(one),
            Value::Object(other),
        ) => {
            let may_differ = field == "static_layer";
            let mut united = one.clone();
            for (name, value) in other {
                let value = match one.get(name) {
                    Some(own) => unite(name, own, value)?,
                    None if may_differ => value.clone(),
                    None => return None,
                };
                united.insert(name.clone(), value);
            }
            (may_differ || united.len() == other.len()).then_some(Value::Object(united))
        }
        _ => (one == other).then(|| one.clone()),
    }
}

/// All clusters, those of both once.
fn clusters(one: &[Value], other: &[Value]) -> Option<Value> {
    let mut united = one.to_vec();
    for cluster in other {
        match one.iter().find(|it| it["name"] == cluster["name"]) {
            Some(own) if own == cluster => {}
            Some(_) => return None,
            None => united.push(cluster.clone()),
        }
    }
    Some(united.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(cluster: &Value, heap: u32) -> Setup {
        let plugin = json!({"name": "plugin", "vm_config": {}});
        Setup {
            bootstrap: Bootstrap(json!({
                "overload_manager": {"heap": heap},
                "layered_runtime": {"layers": [{"name": "edge", "static_layer": {"limits.listener.80.connections": 9}}]},
                "static_resources": {
                    "clusters": [cluster],
                    "listeners": [{"name": "80", "address": {"socket_address": {"port_value": 80}}, "filter": plugin}],
                },
            })),
            listeners: BTreeMap::from([(80, "80".to_owned())]),
        }
    }

    #[test]
    fn each_scenario_keeps_its_listeners_plugins_and_limits() {
        let mut together = Together::empty();
        let (a, b) = (json!({"name": "a"}), json!({"name": "b"}));
        for (scenario, cluster) in [("one", &a), ("two", &b), ("three", &a)] {
            assert!(
                together.add(scenario, &setup(cluster, 1)),
                "{scenario} does not fit"
            );
        }
        let value = &together.bootstrap.0;
        let listeners = &value["static_resources"]["listeners"];
        let names = [0, 1, 2].map(|it| (&listeners[it]["name"], &listeners[it]["filter"]["name"]));
        assert_eq!(
            names,
            [
                (&json!("one/80"), &json!("one/plugin")),
                (&json!("two/80"), &json!("two/plugin")),
                (&json!("three/80"), &json!("three/plugin")),
            ]
        );
        assert_eq!(value["static_resources"]["clusters"], json!([a, b]));
        let limits = &value["layered_runtime"]["layers"][0]["static_layer"];
        assert_eq!(limits["limits.listener.two/80.connections"], json!(9));
        assert_eq!(
            together.listeners[2],
            BTreeMap::from([(80, "three/80".to_owned())])
        );
    }

    #[test]
    fn what_differs_does_not_fit() {
        let mut together = Together::empty();
        let cluster = json!({"name": "a"});
        assert!(together.add("one", &setup(&cluster, 1)));
        assert!(!together.add("another heap", &setup(&cluster, 2)));
        assert!(!together.add(
            "another cluster",
            &setup(&json!({"name": "a", "type": "STATIC"}), 1)
        ));
        assert_eq!(together.listeners.len(), 1);
        assert_eq!(together.bootstrap.listeners().len(), 1);
    }
}
