//! Whether an object is as its definition says: Istio's schemas, in `crds`.
//!
//! A cluster drops fields that a schema does not have; here they are errors. Every keyword of a schema is known, or the test
//! fails; the rules in CEL (`x-kubernetes-validations`) are the exception, and are not evaluated.

use std::fs;

use fingerpost_routing::{Encoding, Pattern};
use serde_json::Value;

use crate::here;

/// What is wrong with an object in some supported release of Istio: paths and reasons.
pub(crate) fn faults(object: &Value) -> Vec<String> {
    let files: &[&str] = match object["kind"].as_str().expect("a kind") {
        "EnvoyFilter" => &["envoyfilters-1.28.json", "envoyfilters.json"],
        "TrafficExtension" => &["trafficextensions.json"],
        "WasmPlugin" => &["wasmplugins.json"],
        other => panic!("no definition of {other}"),
    };
    let mut faults: Vec<String> = files.iter().flat_map(|file| faults_by(file, object)).collect();
    faults.dedup();
    faults
}

fn faults_by(file: &str, object: &Value) -> Vec<String> {
    let version = object["apiVersion"].as_str().expect("an apiVersion");
    let (group, version) = version.split_once('/').expect("a group and a version");
    let kind = object["kind"].as_str().expect("a kind");
    let text = fs::read_to_string(here().join("tests/crds").join(file)).expect("a definition");
    let definition: Value = serde_json::from_str(&text).expect("JSON");
    let spec = &definition["spec"];
    assert_eq!(
        (spec["group"].as_str(), spec["names"]["kind"].as_str()),
        (Some(group), Some(kind))
    );
    let versions = spec["versions"].as_array().expect("versions");
    let version = versions
        .iter()
        .find(|it| it["name"] == version)
        .expect("the version");
    let mut faults = Vec::new();
    let schema = &version["schema"]["openAPIV3Schema"];
    check(
        &schema["properties"]["spec"],
        &object["spec"],
        "spec",
        &mut faults,
    );
    for name in object.as_object().expect("an object").keys() {
        if !["apiVersion", "kind", "metadata", "spec"].contains(&name.as_str()) {
            faults.push(format!("{name} is unknown"));
        }
    }
    faults
}

fn check(schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    let is_int_or_string = schema["x-kubernetes-int-or-string"] == true;
    let keeps_unknown = schema["x-kubernetes-preserve-unknown-fields"] == true;
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let length = || value.as_str().map(|it| it.chars().count() as u64);
        let limit = wanted.as_u64();
        let fits = match keyword.as_str() {
            "x-kubernetes-validations"
            | "x-kubernetes-preserve-unknown-fields"
            | "x-kubernetes-int-or-string"
            | "x-kubernetes-list-type"
            | "x-kubernetes-list-map-keys"
            | "format"
            | "nullable"
            | "default" => true,
            "type" => is_a(wanted, value),
            "anyOf" if is_int_or_string => value.is_i64() || value.is_u64() || value.is_string(),
            "anyOf" | "oneOf" => {
                let fitting = wanted
                    .as_array()
                    .expect("a list")
                    .iter()
                    .filter(|it| holds(it, value))
                    .count();
                if keyword == "oneOf" {
                    fitting == 1
                } else {
                    fitting > 0
                }
            }
            "enum" => wanted.as_array().expect("a list").contains(value),
            "pattern" => {
                // Each of them is about the whole text.
                let text = wanted.as_str().expect("a text");
                let pattern = Pattern::parse_as(text, Encoding::Utf8).expect("a pattern");
                value.as_str().is_none_or(|it| pattern.accepts(it.as_bytes()))
            }
            "minLength" => length().is_none_or(|it| Some(it) >= limit),
            "maxLength" => length().is_none_or(|it| Some(it) <= limit),
            "minimum" => value.as_i64().is_none_or(|it| Some(it) >= wanted.as_i64()),
            "maximum" => value.as_u64().is_none_or(|it| Some(it) <= limit),
            "maxItems" => value.as_array().is_none_or(|it| Some(it.len() as u64) <= limit),
            "maxProperties" => value.as_object().is_none_or(|it| Some(it.len() as u64) <= limit),
            "required" => wanted
                .as_array()
                .expect("a list")
                .iter()
                .all(|it| value.get(it.as_str().expect("a name")).is_some()),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(wanted, item, &format!("{path}[{index}]"), faults);
                }
                true
            }
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    match wanted.get(name) {
                        Some(schema) => check(schema, field, &format!("{path}.{name}"), faults),
                        None if keeps_unknown => {}
                        None => faults.push(format!("{path}.{name} is unknown")),
                    }
                }
                true
            }
            "additionalProperties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    check(wanted, field, &format!("{path}.{name}"), faults);
                }
                true
            }
            other => panic!("the keyword {other} is not known here"),
        };
        if !fits {
            faults.push(format!("{path}: {keyword} {wanted} does not hold for {value}"));
        }
    }
}

/// Whether a part of `oneOf` or `anyOf` holds. Those of Istio are about which fields there are.
fn holds(schema: &Value, value: &Value) -> bool {
    schema
        .as_object()
        .expect("a schema is an object")
        .iter()
        .all(|(keyword, wanted)| match keyword.as_str() {
            "required" => wanted
                .as_array()
                .expect("a list")
                .iter()
                .all(|it| value.get(it.as_str().expect("a name")).is_some()),
            "not" => !holds(wanted, value),
            "anyOf" => wanted
                .as_array()
                .expect("a list")
                .iter()
                .any(|it| holds(it, value)),
            "type" => is_a(wanted, value),
            other => panic!("the keyword {other} is not known here"),
        })
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a name") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the type {other} is not known here"),
    }
}

#[test]
fn a_wrong_object_is_found() {
    let right = serde_json::json!({
        "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin", "metadata": {},
        "spec": {"url": "oci://a/b", "match": [{"mode": "CLIENT", "ports": [{"number": 80}]}], "pluginConfig": {"any": [1]}},
    });
    assert_eq!(faults(&right), Vec::<String>::new());
    for (pointer, wrong) in [
        ("/spec/url", serde_json::json!("")),
        ("/spec/match/0/mode", serde_json::json!("INBOUND")),
        ("/spec/match/0/ports/0/number", serde_json::json!(65536)),
        ("/spec/match/0/ports/0", serde_json::json!({})),
        ("/spec/match", serde_json::json!({})),
        ("/spec/pluginConfig", serde_json::json!("text")),
    ] {
        let mut object = right.clone();
        *object.pointer_mut(pointer).expect("a field") = wrong;
        assert_eq!(faults(&object).len(), 1, "{object}: {:?}", faults(&object));
    }
    let mut object = right;
    object["spec"]["failureStrategy"] = "FAIL_OPEN".into();
    assert_eq!(faults(&object), ["spec.failureStrategy is unknown"]);

    // Istio 1.29 has this context, 1.28 has not.
    let newer = serde_json::json!({
        "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": {},
        "spec": {"configPatches": [{"applyTo": "VIRTUAL_HOST", "match": {"context": "WAYPOINT"}}]},
    });
    assert_eq!(faults(&newer).len(), 1, "{:?}", faults(&newer));
}
