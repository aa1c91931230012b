//! Manifests as objects: read from YAML, and held against the published schemas in `tests/schemas`.

use std::fs;
use std::path::Path;

use libyaml_safer::{Document, NodeData, Parser, ScalarStyle};
use serde_json::{Map, Value, json};

#[path = "../../../testing/src/read/json_schema.rs"]
mod json_schema;

/// The objects of a YAML stream, in its order.
pub(crate) fn read(text: &str) -> Vec<Value> {
    let mut bytes = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input(&mut bytes);
    let mut objects = Vec::new();
    loop {
        let mut document = Document::load(&mut parser).expect("YAML");
        if document.get_root_node().is_none() {
            return objects;
        }
        objects.push(value(&document, 1));
    }
}

fn value(document: &Document, index: i32) -> Value {
    let node = document.get_node(index).expect("a node");
    match &node.data {
        NodeData::NoNode => Value::Null,
        NodeData::Scalar { value, style } => match style {
            ScalarStyle::Plain => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
            _ => json!(value),
        },
        NodeData::Sequence { items, .. } => items.iter().map(|it| value(document, *it)).collect(),
        NodeData::Mapping { pairs, .. } => {
            let name = |index| value(document, index).as_str().expect("a text as key").to_owned();
            let fields = pairs.iter().map(|it| (name(it.key), value(document, it.value)));
            Value::Object(fields.collect::<Map<String, Value>>())
        }
    }
}

/// Checks an object against the schema of its kind, strictly: a field that the schema does not have is an error.
pub(crate) fn check(object: &Value) {
    let kind = object["kind"].as_str().expect("a kind");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    for file in ["kubernetes-1.33.json", "envoy-gateway-1.9.json"] {
        let text = fs::read_to_string(folder.join(file)).expect("schemas");
        let root: Value = serde_json::from_str(&text).expect("JSON");
        let schemas = root["definitions"].as_object().expect("schemas by name");
        let found = schemas.iter().find(|(name, schema)| {
            name.ends_with(&format!(".{kind}")) && schema["properties"]["kind"]["enum"][0] == kind
        });
        if let Some((name, schema)) = found {
            assert!(
                json_schema::fits(&root, schema, object),
                "not as {name} of {file} says: {}",
                serde_json::to_string_pretty(object).unwrap_or_default()
            );
            return;
        }
    }
    panic!("no schema for {kind}");
}

/// Whether a file for docker compose is as the specification's schema says.
pub(crate) fn is_compose_file(file: &Value) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/compose-spec.json");
    let text = fs::read_to_string(path).expect("a schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    json_schema::fits(&schema, &schema, file)
}

#[test]
fn a_wrong_object_does_not_fit_its_schema() {
    let good = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 80, "targetPort": "http"}]},
    });
    check(&good);
    for (pointer, wrong) in [
        ("/spec/ports/0/port", json!("80")),
        ("/spec/ports/0", json!({"port": 80, "targetport": 8080})),
        ("/apiVersion", json!("v2")),
        ("/spec", json!([])),
    ] {
        let mut object = good.clone();
        *object.pointer_mut(pointer).expect("a field") = wrong;
        let fits = std::panic::catch_unwind(|| check(&object)).is_ok();
        assert!(!fits, "{object}");
    }
}
