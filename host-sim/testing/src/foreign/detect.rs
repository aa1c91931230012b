//! Tells a test file of another tool among the YAML and JSON files of a folder, by a glance at its text.
//!
//! Such files have any name and often lie beside resources. A glance has to do: the reader reports
//! what is wrong with a file.

use serde_json::Value;

/// Whether a text in YAML or JSON is a test file and no resource.
pub(super) fn like_a_test(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with(['{', '[']) {
        let may_be = ["\"testCases\"", "\"test_name\"", "\"testName\"", "_headers\""];
        let is_test = || match serde_json::from_str(text) {
            Ok(value) => is_json_test(&value),
            // The tools accept one comma too many.
            Err(_) => !text.contains("\"kind\""),
        };
        return may_be.iter().any(|it| text.contains(it)) && is_test();
    }
    let has = |key: &str| {
        let mut lines = text.lines();
        lines.any(|it| it.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
    };
    let mentions = |keys: &[&str]| {
        let mut words = text.lines().map(|it| it.trim_start_matches([' ', '-']));
        words.any(|it| {
            keys.iter()
                .any(|key| it.strip_prefix(key).is_some_and(|it| it.starts_with(':')))
        })
    };
    if has("apiVersion") || has("kind") {
        return false;
    }
    has("testCases")
        || (has("tests") || text.lines().any(|it| it.starts_with("- ")))
            && mentions(&["test_name", "testName"])
        || has("test")
            && mentions(&[
                "request_headers",
                "response_headers",
                "request_body",
                "response_body",
            ])
}

fn is_json_test(value: &Value) -> bool {
    let has_name = |list: &Value| {
        let mut items = list.as_array().into_iter().flatten();
        items.any(|it| it.get("test_name").or(it.get("testName")).is_some())
    };
    match value {
        Value::Array(_) => has_name(value),
        Value::Object(fields) if fields.contains_key("kind") => false,
        Value::Object(fields) => {
            fields.get("testCases").is_some_and(Value::is_array)
                || fields.get("tests").is_some_and(has_name)
                || fields.get("test").is_some_and(Value::is_array)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::like_a_test;

    #[test]
    fn a_test_is_told_from_a_resource_and_from_values_of_a_chart() {
        for (text, is) in [
            ("# mine\ntestCases:\n- description: a\n", true),
            ("tests:\n- test_name: a\n", true),
            ("- test_name: a\n  input: {}\n", true),
            ("test:\n- name: a\n  request_headers: {}\n", true),
            ("{\"tests\": [{\"test_name\": \"a\"}]}", true),
            ("[{\"test_name\": \"a\"}]", true),
            ("{\"testCases\": []}", true),
            ("{\"tests\": [{\"test_name\": \"a\"},]}", true),
            ("tests:\n  enabled: true\n", false),
            ("apiVersion: v1\nkind: ConfigMap\ntests:\n- test_name: a\n", false),
            (
                "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    testCases:\n",
                false,
            ),
            ("{\"kind\": \"ConfigMap\", \"testCases\": []}", false),
            ("tests:\n- name: a\n  request: GET http://a/\n", false),
            ("", false),
        ] {
            assert_eq!(like_a_test(text), is, "{text}");
        }
    }
}
