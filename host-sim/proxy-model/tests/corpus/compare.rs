//! Compares what the model says with what was recorded, field by field.

use serde_json::Value;

/// The fields of the nearest of `outcomes` that came out otherwise, each on a line for what was expected and one
/// for what came.
pub(crate) fn differences(outcomes: &[Value], got: &Value) -> Vec<String> {
    let all = outcomes.iter().map(|expected| {
        let mut found = Vec::new();
        between("", expected, got, &mut found);
        found
    });
    all.min_by_key(Vec::len).expect("a case expects something")
}

fn between(place: &str, expected: &Value, got: &Value, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one
                .keys()
                .chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let place = if place.is_empty() {
                    name.clone()
                } else {
                    format!("{place}.{name}")
                };
                let field =
                    |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                between(&place, &field(one), &field(other), found);
            }
        }
        _ if expected == got => {}
        _ => found.push(format!(
            "{place}\n      expected {expected}\n      got      {got}"
        )),
    }
}
