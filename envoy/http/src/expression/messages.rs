//! The messages that an expression may build.
//!
//! Envoy has every message that is linked into it, thousands. Listed here are those that have a meaning in the
//! language; others are treated as unknown.

/// The fields of a message; `None` for an unknown one. A leading dot is allowed.
pub(super) fn fields(name: &str) -> Option<&'static [&'static str]> {
    let name = name.strip_prefix('.').unwrap_or(name);
    let Some(message) = name.strip_prefix("google.protobuf.") else {
        // The types of the language count as messages without fields.
        return TYPES.contains(&name).then_some(&[]);
    };
    Some(match message {
        "Any" => &["type_url", "value"],
        "BoolValue" | "BytesValue" | "DoubleValue" | "FloatValue" | "Int32Value" | "Int64Value"
        | "StringValue" | "UInt32Value" | "UInt64Value" => &["value"],
        "Duration" | "Timestamp" => &["nanos", "seconds"],
        "Empty" | "NullValue" => &[],
        "FieldMask" => &["paths"],
        "ListValue" => &["values"],
        "Struct" => &["fields"],
        "Value" => &[
            "bool_value",
            "list_value",
            "null_value",
            "number_value",
            "string_value",
            "struct_value",
        ],
        _ => return None,
    })
}

const TYPES: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];
