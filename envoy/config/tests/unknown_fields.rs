//! A field that is not known is refused in every message, and so is a message of another type.

use fingerpost_envoy_config::bootstrap::Bootstrap;
use serde_json::{Value, json};

/// One of each kind of message: plain ones, those with a `oneof`, those that are packed in an `Any`.
fn bootstrap() -> Value {
    let route = json!({
        "name": "a",
        "match": {"prefix": "/", "headers": [{"name": "a", "string_match": {"exact": "b"}}]},
        "route": {
            "cluster": "a",
            "timeout": "0.300s",
            "retry_policy": {"retry_on": "5xx", "host_selection_retry_max_attempts": "5"},
            "hash_policy": [{"cookie": {"name": "a", "ttl": "1s"}}],
            "regex_rewrite": {"pattern": {"regex": "a"}, "substitution": "b"},
        },
        "metadata": {"filter_metadata": {"fingerpost": {"rules": [{"virtual_service": "a/b", "http": 0}], "match": null}}},
        "typed_per_filter_config": {"envoy.filters.http.fault": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
            "abort": {"http_status": 503, "percentage": {"numerator": 5000, "denominator": "MILLION"}},
        }},
    });
    let redirect =
        json!({"match": {"path": "/a"}, "redirect": {"path_redirect": "/b", "response_code": "FOUND"}});
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "a",
        "route_config": {"virtual_hosts": [{"name": "a", "domains": ["*"], "routes": [route, redirect]}]},
        "http_filters": [{"name": "router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        }}],
    });
    let tls = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"validation_context": {"trusted_ca": {"filename": "a"}}},
    });
    let cluster = json!({
        "name": "a",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "a", "endpoints": []},
        "lb_policy": "RING_HASH",
        "ring_hash_lb_config": {"minimum_ring_size": 1024},
    });
    json!({"static_resources": {
        "listeners": [{
            "name": "a",
            "address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
            "filter_chains": [{
                "filters": [{"name": "manager", "typed_config": manager}],
                "transport_socket": {"name": "tls", "typed_config": tls},
            }],
        }],
        "clusters": [cluster],
    }})
}

/// Every place of an object in `value`.
fn objects(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                objects(value, format!("{at}/{}", name.replace('/', "~1")), found);
            }
            found.push(at);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, format!("{at}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn what_is_read_is_written_the_same() {
    let read: Bootstrap = serde_json::from_value(bootstrap()).expect("a bootstrap");
    assert_eq!(serde_json::to_value(&read).expect("JSON"), bootstrap());
}

#[test]
fn an_unknown_field_is_refused_in_every_message() {
    let mut places = Vec::new();
    objects(&bootstrap(), String::new(), &mut places);
    // Filters of others may have other metadata.
    places.retain(|place| !place.ends_with("/filter_metadata"));
    assert!(places.len() > 25, "{places:?}");
    for place in places {
        let mut changed = bootstrap();
        let object = changed.pointer_mut(&place).and_then(Value::as_object_mut);
        object.expect("an object").insert("misspelt".to_owned(), json!(1));
        let read = serde_json::from_value::<Bootstrap>(changed);
        let error = read.expect_err(&place).to_string();
        assert!(
            error.contains("misspelt") || error.contains("expected"),
            "{place}: {error}"
        );
    }
}

#[test]
fn a_message_of_an_unknown_type_is_refused() {
    let text = bootstrap().to_string();
    for kind in [
        "HTTPFault",
        "HttpConnectionManager",
        "Router",
        "DownstreamTlsContext",
    ] {
        let changed = text.replace(&format!(".{kind}\""), ".Other\"");
        let error = serde_json::from_str::<Bootstrap>(&changed)
            .expect_err(kind)
            .to_string();
        assert!(error.contains("Other"), "{kind}: {error}");
    }
}
