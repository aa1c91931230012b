//! Holds the schema of the filter's configuration against its reader, and against what the compiler writes.

use std::fs;
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::{Options, compile};
use fingerpost_resources::{Diagnostics, Source, read};
use fingerpost_routing_config::{RoutingConfig, SCHEMA};
use serde_json::{Value, json};

#[path = "../../testing/src/read/json_schema.rs"]
mod json_schema;

fn is_in_schema(value: &Value) -> bool {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    json_schema::fits(&schema, &schema, value)
}

fn is_read(value: &Value) -> bool {
    RoutingConfig::parse(value.to_string().as_bytes()).is_ok()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The example of the page, which has every field.
fn example() -> Value {
    let page = fs::read_to_string(repository().join("docs/filter-configuration.md")).expect("a page");
    let example = page.split("```json\n").nth(1).expect("an example");
    let example = example.split("```").next().expect("its end");
    serde_json::from_str(example).expect("JSON")
}

/// Every value with one change at one place: a field is left out or added, or a value has another type.
fn changed(value: &Value) -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!(true),
        json!(7),
        json!("text"),
        json!([]),
        json!({}),
        json!(-1),
    ];
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let without = fields.iter().filter(|(it, _)| *it != name);
                all.push(Value::Object(
                    without.map(|(k, v)| (k.clone(), v.clone())).collect(),
                ));
                for other in changed(field) {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), other);
                    all.push(Value::Object(fields));
                }
            }
            for name in ["exact", "prefix", "regex", "forward", "uri", "unknown"] {
                let mut fields = fields.clone();
                fields.insert(name.to_owned(), json!("text"));
                all.push(Value::Object(fields));
            }
            for present in [true, false] {
                let mut fields = fields.clone();
                fields.insert("present".to_owned(), json!(present));
                all.push(Value::Object(fields));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                for other in changed(item) {
                    let mut items = items.clone();
                    if let Some(place) = items.get_mut(index) {
                        *place = other;
                    }
                    all.push(Value::Array(items));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        // The one field that is written as null.
        Value::Object(fields) => fields.iter().any(|(name, it)| name != "match" && has_null(it)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let example = example();
    assert!(is_in_schema(&example) && is_read(&example));
    let all = changed(&example);
    assert!(all.len() > 500, "only {} changes", all.len());
    let (mut taken, mut refused) = (0, 0);
    for value in all {
        let by_schema = is_in_schema(&value);
        // Serde reads null as a field that is left out; nothing writes that, and editors need not suggest it.
        if has_null(&value) && !by_schema {
            continue;
        }
        assert_eq!(by_schema, is_read(&value), "{value:#}");
        if by_schema {
            taken += 1;
        } else {
            refused += 1;
        }
    }
    assert!(taken > 20 && refused > 400, "{taken} taken, {refused} refused");
}

/// A field that only the reader knows is found by what it writes.
#[test]
fn the_example_has_every_field_of_the_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let (mut known, mut used) = (Vec::new(), Vec::new());
    names(&schema, "properties", &mut known);
    keys(&example(), &mut used);
    let missing: Vec<_> = known.iter().filter(|it| !used.contains(it)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn names(value: &Value, within: &str, found: &mut Vec<String>) {
    let Value::Object(fields) = value else {
        if let Value::Array(items) = value {
            items.iter().for_each(|it| names(it, within, found));
        }
        return;
    };
    for (name, field) in fields {
        if name == within {
            found.extend(
                field
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone()),
            );
        }
        names(field, within, found);
    }
}

fn keys(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                found.push(name.clone());
                keys(field, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|it| keys(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn what_is_compiled_from_the_examples_is_in_the_schema() {
    let mut checked = 0;
    for entry in fs::read_dir(repository().join("examples"))
        .expect("the examples")
        .flatten()
    {
        let path = entry.path().join("resources.yaml");
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let mut diagnostics = Diagnostics::new();
        let source = Source::new(path.to_string_lossy(), text);
        let resources = read(vec![source], &mut diagnostics);
        let compiled = compile(&resources, &Options::default(), &mut diagnostics);
        for chain in &compiled.chains {
            let config = serde_json::to_value(&chain.config).expect("JSON");
            assert!(is_in_schema(&config), "{}: {config:#}", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 7, "only {checked} configurations");
}
