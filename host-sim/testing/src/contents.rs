//! Tells test files from resources, where one was given in place of the other: by a glance at the text.

use serde_json::Value;

use crate::foreign::is_test_file;

/// Whether a text has tests, of our format or of another tool's, and no resource.
#[must_use]
pub fn has_only_tests(text: &str) -> bool {
    is_test_file(text) || !has_resources(text) && is_of_our_format(text)
}

/// Whether a text has resources.
#[must_use]
pub fn has_resources(text: &str) -> bool {
    if is_json(text) {
        return text.contains("\"apiVersion\"") && text.contains("\"kind\"");
    }
    has_key(text, "apiVersion") && has_key(text, "kind")
}

fn is_of_our_format(text: &str) -> bool {
    if !is_json(text) {
        return has_key(text, "tests");
    }
    let value: Option<Value> = serde_json::from_str(text).ok();
    let is_list = |key: &str| {
        value
            .as_ref()
            .and_then(|it| it.get(key))
            .is_some_and(Value::is_array)
    };
    is_list("tests") || is_list("requests")
}

fn is_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with(['{', '['])
}

/// Whether a document in YAML has the key at its root.
fn has_key(text: &str, key: &str) -> bool {
    let mut lines = text.lines();
    lines.any(|it| it.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
}
