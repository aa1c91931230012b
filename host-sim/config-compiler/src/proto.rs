//! Values as Envoy's configuration writes them in JSON: packed messages.

use serde_json::{Map, Value};

/// Fields of a message under construction.
pub(crate) type Fields = Map<String, Value>;

/// A message packed with its type.
pub(crate) fn typed(type_name: &str, fields: Fields) -> Value {
    let mut message = Fields::new();
    message.insert(
        "@type".to_owned(),
        Value::String(format!("type.googleapis.com/{type_name}")),
    );
    message.extend(fields);
    Value::Object(message)
}

/// An object of values that it takes: `json!` copies what stands in it, and a route table is large.
pub(crate) fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let entries = entries.map(|(name, value)| (name.to_owned(), value));
    Value::Object(entries.into_iter().collect())
}

/// The fields of a JSON object literal; nothing for any other value.
pub(crate) fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}
