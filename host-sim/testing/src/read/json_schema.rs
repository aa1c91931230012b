//! Whether a JSON value is as a JSON Schema says, for tests of our schemas.
//!
//! It knows the keywords that they use; any other is an error. The libraries that know all keywords bring `regex` along, and
//! with it other features of `regex-automata` than the filters are built with: all native tests would test another matcher.

use fingerpost_routing::{Encoding, Pattern};
use serde_json::{Map, Value};

/// Whether `value` is as `schema`, a part of `root`, says.
pub(crate) fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().expect("a schema is an object");
    keywords.iter().all(|(keyword, wanted)| {
        let all = || wanted.as_array().expect("a list").iter();
        let number = || wanted.as_u64().expect("a number");
        let map = value.as_object();
        match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" | "definitions" => true,
            "$ref" => {
                let pointer = wanted.as_str().and_then(|it| it.strip_prefix('#'));
                let target = pointer.and_then(|it| root.pointer(it));
                fits(root, target.expect("what is referred to"), value)
            }
            "anyOf" => all().any(|it| fits(root, it, value)),
            "allOf" => all().all(|it| fits(root, it, value)),
            "oneOf" => all().filter(|it| fits(root, it, value)).count() == 1,
            "not" => !fits(root, wanted, value),
            "const" => wanted == value,
            "enum" => all().any(|it| it == value),
            "type" if wanted.is_array() => all().any(|it| is_a(it, value)),
            "type" => is_a(wanted, value),
            "pattern" => {
                let text = wanted
                    .as_str()
                    .and_then(|it| it.strip_prefix('^')?.strip_suffix('$'));
                let pattern = Pattern::parse_as(text.expect("a whole text"), Encoding::Utf8);
                let pattern = pattern.expect("a pattern");
                value.as_str().is_none_or(|it| pattern.accepts(it.as_bytes()))
            }
            "minimum" => value
                .as_i64()
                .is_none_or(|it| it >= i64::try_from(number()).unwrap_or(i64::MAX)),
            "maximum" => value.as_u64().is_none_or(|it| it <= number()),
            "exclusiveMinimum" => value
                .as_i64()
                .is_none_or(|it| it > i64::try_from(number()).unwrap_or(i64::MAX)),
            "exclusiveMaximum" => value.as_u64().is_none_or(|it| it < number()),
            "minLength" => value
                .as_str()
                .is_none_or(|it| it.chars().count() as u64 >= number()),
            "minProperties" => map.is_none_or(|it| it.len() as u64 >= number()),
            "maxProperties" => map.is_none_or(|it| it.len() as u64 <= number()),
            "required" => {
                map.is_none_or(|it| all().all(|name| name.as_str().is_some_and(|name| it.contains_key(name))))
            }
            "items" => value
                .as_array()
                .is_none_or(|it| it.iter().all(|it| fits(root, wanted, it))),
            "properties" => map.is_none_or(|it| {
                it.iter()
                    .all(|(name, value)| wanted.get(name).is_none_or(|schema| fits(root, schema, value)))
            }),
            "patternProperties" => map.is_none_or(|it| {
                it.iter().all(|(name, value)| {
                    of_pattern(keywords, name).is_none_or(|schema| fits(root, schema, value))
                })
            }),
            "uniqueItems" => value.as_array().is_none_or(|it| {
                it.iter()
                    .enumerate()
                    .all(|(index, item)| !it[..index].contains(item))
            }),
            "additionalProperties" => map.is_none_or(|it| {
                let is_known = |name: &str| {
                    keywords
                        .get("properties")
                        .is_some_and(|it| it.get(name).is_some())
                };
                let others = it
                    .iter()
                    .filter(|(name, _)| !is_known(name) && of_pattern(keywords, name).is_none());
                others.into_iter().all(|(_, value)| match wanted {
                    Value::Bool(allowed) => *allowed,
                    schema => fits(root, schema, value),
                })
            }),
            other => panic!("the keyword {other} is not known here"),
        }
    })
}

/// The schema of `patternProperties` for a field of this name.
fn of_pattern<'s>(keywords: &'s Map<String, Value>, name: &str) -> Option<&'s Value> {
    let patterns = keywords.get("patternProperties")?.as_object()?;
    let mut patterns = patterns.iter();
    let found = patterns.find(|(pattern, _)| {
        // What a pattern leaves open at an end may be anything.
        let start = if pattern.starts_with('^') { "" } else { ".*" };
        let end = if pattern.ends_with('$') { "" } else { ".*" };
        let text = pattern.trim_start_matches('^').trim_end_matches('$');
        let pattern = Pattern::parse_as(&format!("{start}(?:{text}){end}"), Encoding::Utf8);
        pattern.expect("a pattern").accepts(name.as_bytes())
    });
    found.map(|(_, schema)| schema)
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a name") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known here"),
    }
}
