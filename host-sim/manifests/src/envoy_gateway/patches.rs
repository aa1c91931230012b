//! The `EnvoyPatchPolicy`: what is changed in the listeners and route tables of Envoy Gateway, and the clusters.
//!
//! Envoy Gateway applies the patches one by one, in this order (RFC 6902; a `jsonPath` means all places that it finds, and `path`
//! goes on from there). An `add` at a place of a list inserts before it. A patch that does not apply is skipped and reported in the
//! status of the policy, and the others are applied: so the policy has to be programmed before clients reach the Gateway.

use fingerpost_config_compiler::Compiled;
use fingerpost_envoy_config::filters::http_connection_manager::{
    HttpFilter, HttpFilterConfig, HttpFilterConfigType,
};
use serde_json::{Value, json};

use super::listeners::GatewayListener;
use super::{ENVOY_GATEWAY_API, EnvoyGatewayOptions, GATEWAY_API, extension_name, metadata};
use crate::document::Document;

const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
/// The connection manager of a listener of plain text, which Envoy Gateway puts into the default chain.
const MANAGER: &str =
    "default_filter_chain.filters[?(@.name=='envoy.filters.network.http_connection_manager')].typed_config";

pub(super) fn document(
    compiled: &Compiled,
    listeners: &[GatewayListener<'_>],
    namespace: &str,
    options: &EnvoyGatewayOptions,
) -> Document {
    let clusters = compiled
        .bootstrap
        .static_resources
        .clusters
        .iter()
        .map(|cluster| {
            patch(
                CLUSTER,
                &cluster.name,
                &json!({"op": "add", "path": "", "value": cluster}),
            )
        });
    let mut patches: Vec<Value> = clusters.collect();
    for listener in listeners {
        let name = format!("{namespace}/{}/{}", options.name, listener.name);
        patches.extend(
            of_manager(listener, namespace, options)
                .into_iter()
                .map(|it| patch(LISTENER, &name, &it)),
        );
        patches.extend(of_table(listener).into_iter().map(|it| patch(ROUTES, &name, &it)));
    }
    let comment = [
        "For Envoy Gateway 1.9. Patches are off by default: set `extensionApis.enableEnvoyPatchPolicy: true` in its configuration.",
        "Its status must be Programmed before clients reach the Gateway: `kubectl get envoypatchpolicy` shows it. The names of listeners are those without the
runtime flag XDSNameSchemeV2.",
        "They hold the dispatch tables: for each key that the filter writes, the route that Envoy takes. Write and apply these
manifests again whenever a VirtualService, a Gateway or a DestinationRule changes.",
        "Clients can't send a key: the listeners remove the header before any filter runs.",
    ];
    let object = json!({
        "apiVersion": ENVOY_GATEWAY_API,
        "kind": "EnvoyPatchPolicy",
        "metadata": metadata(&options.name, namespace),
        "spec": {
            "targetRef": {"group": GATEWAY_API, "kind": "Gateway", "name": options.name},
            "type": "JSONPatch",
            "jsonPatches": patches,
        },
    });
    Document::new(&comment, &object)
}

fn patch(kind: &str, name: &str, operation: &Value) -> Value {
    json!({"type": kind, "name": name, "operation": operation})
}

/// The changes of a connection manager.
fn of_manager(listener: &GatewayListener<'_>, namespace: &str, options: &EnvoyGatewayOptions) -> Vec<Value> {
    let manager = listener.manager;
    let set =
        |field: &str, value: Value| json!({"op": "add", "jsonPath": MANAGER, "path": field, "value": value});
    // First what keeps clients from choosing.
    let mut operations = vec![set(
        "/early_header_mutation_extensions",
        json!(manager.early_header_mutation_extensions),
    )];
    // Envoy Gateway merges slashes, redirects paths with %2F and refuses names with underscores; Istio's gateway does not.
    operations.push(set("/merge_slashes", json!(false)));
    operations.push(set(
        "/path_with_escaped_slashes_action",
        json!(manager.path_with_escaped_slashes_action),
    ));
    operations.push(set(
        "/common_http_protocol_options/headers_with_underscores_action",
        json!("ALLOW"),
    ));
    operations.push(set("/upgrade_configs", json!(manager.upgrade_configs)));
    let extension = extension_name(listener, options);
    operations.push(json!({
        "op": "remove",
        "jsonPath": filter_path(&format!(
            "envoy.filters.http.wasm/envoyextensionpolicy/{namespace}/{extension}/wasm/0"
        )),
        "path": "/disabled",
    }));
    let behind = manager.http_filters.iter().filter(|it| is_behind_ours(it));
    operations.extend(behind.map(
        |filter| json!({"op": "add", "jsonPath": filter_path("envoy.filters.http.router"), "value": filter}),
    ));
    operations
}

/// Where the HTTP filter of this name is.
fn filter_path(name: &str) -> String {
    format!("{MANAGER}.http_filters[?(@.name=='{name}')]")
}

/// Whether the filter comes between ours, which an `EnvoyExtensionPolicy` adds, and the router, which is there.
fn is_behind_ours(filter: &HttpFilter) -> bool {
    match &filter.config {
        HttpFilterConfigType::TypedConfig(config) => match config {
            HttpFilterConfig::Fault(_) | HttpFilterConfig::Cors(_) | HttpFilterConfig::GrpcWeb(_) => true,
            HttpFilterConfig::Wasm(_) | HttpFilterConfig::Router(_) | HttpFilterConfig::HealthCheck(_) => {
                false
            }
        },
        HttpFilterConfigType::ConfigDiscovery(_) => false,
    }
}

/// The dispatch table in the place of the routes of Envoy Gateway.
fn of_table(listener: &GatewayListener<'_>) -> Vec<Value> {
    let table = listener.table;
    let set = |op: &str, field: &str, value: Value| json!({"op": op, "path": field, "value": value});
    let mut operations = vec![
        set("replace", "/virtual_hosts", json!(table.virtual_hosts)),
        set(
            "add",
            "/ignore_port_in_host_matching",
            json!(table.ignore_port_in_host_matching),
        ),
    ];
    let largest = table.max_direct_response_body_size_bytes;
    operations.extend(largest.map(|it| set("add", "/max_direct_response_body_size_bytes", json!(it))));
    operations
}
