//! Writes JSON values as YAML that a person reads. Texts are quoted as in JSON, which YAML reads alike.

use std::fmt::Write as _;

use serde_json::Value;

/// Documents, with `---` between them.
#[must_use]
pub fn documents(documents: &[Value]) -> String {
    let written: Vec<String> = documents.iter().map(document).collect();
    written.join("---\n")
}

/// One document.
#[must_use]
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text
}

/// A value that fits on one line stays on one: `[a, b]`, `{a: 1}`.
const SHORT: usize = 90;

fn write(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let _ = write!(text, "{pad}{}:", scalar(key));
                below(value, indent, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(text, "{pad}-");
                let mut inner = String::new();
                write(item, indent + 2, &mut inner);
                text.push(' ');
                text.push_str(inner.trim_start_matches(' '));
            }
        }
        other => {
            let _ = writeln!(text, "{pad}{}", flow(other));
        }
    }
}

fn below(value: &Value, indent: usize, text: &mut String) {
    let short = flow(value);
    let is_nested = matches!(value, Value::Object(_) | Value::Array(_));
    if !is_nested || short.len() + indent <= SHORT {
        let _ = writeln!(text, " {short}");
        return;
    }
    text.push('\n');
    write(value, indent + 2, text);
}

fn flow(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key), flow(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items = items.iter().map(flow);
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Plain where no reader could take it for anything else.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || "-_./".contains(it))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    match is_plain {
        true => text.to_owned(),
        false => Value::String(text.to_owned()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::document;

    #[test]
    fn texts_that_look_like_something_else_are_quoted() {
        let value = json!({"a": {"on": "1", "b": ["true", "", "x y", "%\u{e9}\n"]}, "n": 1, "e": {}});
        assert_eq!(
            document(&value),
            "a: {\"on\": \"1\", b: [\"true\", \"\", \"x y\", \"%é\\n\"]}\n\"n\": 1\ne: {}\n"
        );
    }

    #[test]
    fn long_values_are_indented() {
        let long = "x".repeat(60);
        let value = json!({"a": [{"b": long, "c": [long]}]});
        assert_eq!(document(&value), format!("a:\n  - b: {long}\n    c: [{long}]\n"));
    }
}
