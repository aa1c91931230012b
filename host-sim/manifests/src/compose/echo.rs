//! The configuration of an echo server: a stock Envoy once more, which answers with what it got.

use serde_json::{Value, json};

use super::upstreams::Upstream;
use crate::document::Document;

const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/// The bootstrap of the echo server of an upstream.
pub(super) fn document(upstream: &Upstream) -> Document {
    let listeners: Vec<Value> = upstream
        .ports
        .iter()
        .map(|port| listener(*port, upstream))
        .collect();
    let content = json!({"static_resources": {"listeners": listeners}});
    Document::new(&["Answers each request with what it got, as JSON."], &content)
}

fn listener(port: u32, upstream: &Upstream) -> Value {
    let joined =
        |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let body = json!({
        "service": joined(&upstream.services),
        "subset": joined(&upstream.subsets),
        "method": "%REQ(:METHOD)%",
        "host": "%REQ(:AUTHORITY)%",
        "path": "%REQ(:PATH)%",
    });
    let route = json!({
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body_format": {"json_format": body}},
    });
    let manager = json!({
        "@type": MANAGER,
        "stat_prefix": "echo",
        "route_config": {
            "name": "echo",
            "virtual_hosts": [{"name": "echo", "domains": ["*"], "routes": [route]}],
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}],
    });
    json!({
        "name": format!("echo_{port}"),
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
        "filter_chains": [{
            "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
        }],
    })
}
