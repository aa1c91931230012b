//! One spelling for Envoy's configuration in JSON, where protojson allows several.

use serde_json::{Map, Number, Value};

/// Ours to choose, and without effect on a request.
const IGNORED: &[&str] = &["decorator", "metadata", "name"];

/// Wrappers whose false or zero differs from being absent.
const TELLING_ZERO: &[&str] = &[
    "case_sensitive",
    "forward_not_matching_preflights",
    "num_retries",
    "trace_sampled",
];

/// Conditions that must all hold, in whatever order.
const UNORDERED: &[&str] = &["headers", "query_parameters"];

/// Values that mean the same as a missing field.
const DEFAULTS: &[(&str, &str)] = &[
    ("append_action", "APPEND_IF_EXISTS_OR_ADD"),
    ("denominator", "HUNDRED"),
    ("require_tls", "NONE"),
    ("response_code", "MOVED_PERMANENTLY"),
];

/// `value` without what is default or ignored, numbers as numbers, durations in one unit.
/// Only the names of routes are ignored; elsewhere a name says which header or cluster is meant.
#[must_use]
pub(super) fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let is_route = fields.contains_key("match");
            let ignores_case_flag = fields.contains_key("safe_regex"); // a regex has its own `(?i)`
            let kept = fields.iter().filter(|(key, _)| match key.as_str() {
                "case_sensitive" => !ignores_case_flag,
                key => !(is_route && IGNORED.contains(&key)),
            });
            object(
                kept.map(|(key, value)| (key.clone(), field(key, value)))
                    .collect(),
            )
        }
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Array(items) => Value::Array(items.iter().map(item).collect()),
        other => other.clone(),
    }
}

/// An element counts even where it is empty.
fn item(value: &Value) -> Value {
    match canonical(value) {
        Value::Null => value.clone(),
        canonical => canonical,
    }
}

fn field(key: &str, value: &Value) -> Value {
    match value {
        Value::Bool(true) if key == "case_sensitive" => Value::Null,
        Value::Array(items) if UNORDERED.contains(&key) => {
            let mut items: Vec<Value> = items.iter().map(item).collect();
            items.sort_by_key(Value::to_string);
            canonical(&Value::Array(items))
        }
        Value::Bool(false) if !TELLING_ZERO.contains(&key) => Value::Null,
        Value::Number(number) if !TELLING_ZERO.contains(&key) && number.as_f64() == Some(0.0) => Value::Null,
        Value::String(text) => string(key, text),
        other => canonical(other),
    }
}

fn string(key: &str, text: &str) -> Value {
    if text.is_empty() || DEFAULTS.contains(&(key, text)) {
        return Value::Null;
    }
    if is_duration_field(key)
        && let Some(seconds) = text.strip_suffix('s').and_then(|it| it.parse::<f64>().ok())
    {
        return Value::String(format!("{seconds}s"));
    }
    // A 64-bit number is quoted in protojson.
    match text.parse::<u64>() {
        Ok(number) if key == "host_selection_retry_max_attempts" => Value::Number(Number::from(number)),
        _ => Value::String(text.to_owned()),
    }
}

fn is_duration_field(key: &str) -> bool {
    key.contains("timeout") || key.contains("delay") || key.contains("interval") || key == "ttl"
}

fn object(fields: Map<String, Value>) -> Value {
    let kept: Map<String, Value> = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
    if kept.is_empty() {
        Value::Null
    } else {
        Value::Object(kept)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::canonical;

    fn check(rows: &[(Value, Value)]) {
        for (one, other) in rows {
            assert_eq!(canonical(one), canonical(other));
        }
    }

    #[test]
    fn spellings_of_the_same_value_are_equal() {
        check(&[
            (json!({ "timeout": "2s" }), json!({ "timeout": "2.000s" })),
            (
                json!({ "host_selection_retry_max_attempts": "5" }),
                json!({ "host_selection_retry_max_attempts": 5 }),
            ),
            (
                json!({ "prefix": "/", "case_sensitive": true }),
                json!({ "prefix": "/" }),
            ),
            (
                json!({ "append_action": "APPEND_IF_EXISTS_OR_ADD", "headers": [] }),
                json!({ "invert_match": false }),
            ),
            (
                json!({ "match": {}, "name": "a", "decorator": {} }),
                json!({ "match": {}, "name": "b" }),
            ),
        ]);
    }

    #[test]
    fn different_values_are_not() {
        let rows = [
            (json!({ "case_sensitive": false }), json!({})),
            (json!({ "num_retries": 0 }), json!({})),
            (json!({ "timeout": "0s" }), json!({})),
            (
                json!({ "headers": [{ "name": "a" }] }),
                json!({ "headers": [{ "name": "b" }] }),
            ),
            (json!({ "value": "05" }), json!({ "value": "5" })),
        ];
        for (one, other) in rows {
            assert_ne!(canonical(&one), canonical(&other));
        }
    }
}
