//! A cluster as paths of fields with their values, in one spelling where protojson allows several.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values that mean the same as a missing field.
const DEFAULTS: &[(&str, &str)] = &[
    ("dns_lookup_family", "AUTO"),
    ("lb_policy", "ROUND_ROBIN"),
    ("type", "STATIC"),
];

/// Every field of a cluster but its endpoints, by a path such as `outlier_detection/interval`.
pub(super) fn of(cluster: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (key, value) in cluster.as_object().into_iter().flatten() {
        match key.as_str() {
            "load_assignment" => {}
            "transport_socket_matches" => add_matches(value, &mut found),
            _ => drop(add(key, key, value, &mut found)),
        }
    }
    found
}

/// The control plane gives each cluster two transport sockets: one for endpoints whose metadata says that they are in the mesh,
/// and one for all others, which is like the cluster's own. Plain text is the default of that.
fn add_matches(matches: &Value, found: &mut BTreeMap<String, String>) {
    for entry in matches.as_array().into_iter().flatten() {
        let socket = &entry["transport_socket"];
        if entry["match"].as_object().is_none_or(|it| !it.is_empty()) {
            let name = entry["name"].as_str().unwrap_or_default();
            found.insert(
                format!("transport_socket_matches/{name}"),
                "(transport socket)".to_owned(),
            );
        } else if socket["name"] != "envoy.transport_sockets.raw_buffer" {
            add("transport_socket", "transport_socket", socket, found);
        }
    }
}

/// Adds what is below `path`, and says whether there is anything. An empty message is something.
fn add(path: &str, key: &str, value: &Value, found: &mut BTreeMap<String, String>) -> bool {
    let leaf = match value {
        Value::Null | Value::Bool(false) => None,
        Value::Object(fields) => {
            let mut is_empty = true;
            for (key, value) in fields {
                is_empty &= !add(&format!("{path}/{key}"), key, value, found);
            }
            is_empty.then(|| "{}".to_owned())
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                add(&format!("{path}[{index}]"), key, item, found);
            }
            return !items.is_empty();
        }
        Value::Number(number) if key == "value" && number.as_f64() == Some(0.0) => None, // of a percentage
        Value::Number(number) => Some(number.as_f64().unwrap_or_default().to_string()),
        Value::String(text) if text.is_empty() || DEFAULTS.contains(&(key, text)) => None,
        Value::String(text) => Some(spelled(text)),
        Value::Bool(true) => Some("true".to_owned()),
    };
    match leaf {
        Some(leaf) => {
            found.insert(path.to_owned(), leaf);
            true
        }
        None => value.is_object(),
    }
}

/// A duration without superfluous zeros. A 64-bit number is quoted in protojson, so that it is a text here too.
fn spelled(text: &str) -> String {
    match text.strip_suffix('s').map(str::parse::<f64>) {
        Some(Ok(seconds)) => format!("{seconds}s"),
        Some(Err(_)) | None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of;

    #[test]
    fn the_socket_for_endpoints_outside_the_mesh_is_the_clusters_own() {
        let matches = |outside: &str| {
            json!({ "transport_socket_matches": [
                { "name": "tlsMode-istio", "match": { "tlsMode": "istio" }, "transport_socket": { "name": "tls" } },
                { "name": "tlsMode-disabled", "match": {}, "transport_socket": { "name": outside } },
            ] })
        };
        let mesh = ("transport_socket_matches/tlsMode-istio", "(transport socket)");
        check(&matches("envoy.transport_sockets.raw_buffer"), &[mesh]);
        check(&matches("other"), &[("transport_socket/name", "other"), mesh]);
    }

    fn check(cluster: &Value, expected: &[(&str, &str)]) {
        let expected = expected
            .iter()
            .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()));
        assert_eq!(of(cluster), expected.collect());
    }

    #[test]
    fn defaults_are_left_out_and_empty_messages_are_not() {
        check(
            &json!({ "lb_policy": "ROUND_ROBIN", "respect_dns_ttl": false, "load_assignment": { "endpoints": [1] } }),
            &[],
        );
        check(
            &json!({ "common_lb_config": { "healthy_panic_threshold": { "value": 0 } } }),
            &[("common_lb_config/healthy_panic_threshold", "{}")],
        );
    }

    #[test]
    fn a_zero_counts_and_spellings_do_not() {
        check(
            &json!({ "a": { "enforcing": 0, "timeout": "0.250s" }, "list": [{ "size": "4096" }, { "size": 5.0 }] }),
            &[
                ("a/enforcing", "0"),
                ("a/timeout", "0.25s"),
                ("list[0]/size", "4096"),
                ("list[1]/size", "5"),
            ],
        );
    }
}
