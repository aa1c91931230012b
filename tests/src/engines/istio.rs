//! A gateway of Istio with our manifests: the tables that the control plane made, changed as it changes them by an
//! `EnvoyFilter` and a `WasmPlugin` or `TrafficExtension`.
//!
//! Only what our manifests use is known, and anything else is an error. That istiod itself does the same was tried once with
//! its test server; docs/deploy/istio.md has the result, and `FINGERPOST_CONTROL_PLANE` repeats it.

use std::path::Path;

use fingerpost_manifests::Document;
use serde_json::{Value, json};

use super::control_plane::{self, Recorded};
use super::envoy::Setup;

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const STRING_VALUE: &str = "type.googleapis.com/google.protobuf.StringValue";

/// The setup that an `istiod.json` describes, with the manifests applied. `module` is where the filter's module is.
///
/// # Errors
/// The file is missing or malformed, or a manifest has what is not known here.
pub fn setup(recorded: &Path, manifests: &[Document], module: &str) -> Result<Setup, String> {
    let mut recorded = control_plane::read(recorded)?;
    for manifest in manifests {
        let spec = &manifest.content["spec"];
        match manifest.kind() {
            "EnvoyFilter" => {
                for patch in list(&spec["configPatches"]) {
                    apply(patch, &mut recorded)?;
                }
            }
            "TrafficExtension" => attach(manifest, &spec["wasm"], module, &mut recorded)?,
            "WasmPlugin" => attach(manifest, spec, module, &mut recorded)?,
            other => return Err(format!("{other} is not known")),
        }
    }
    Ok(recorded.into_setup())
}

/// Applies one patch of an `EnvoyFilter`.
fn apply(patch: &Value, recorded: &mut Recorded) -> Result<(), String> {
    let operation = text(&patch["patch"]["operation"]);
    let value = &patch["patch"]["value"];
    match (text(&patch["applyTo"]), operation) {
        ("NETWORK_FILTER", "MERGE") => {
            let added = &value["typed_config"]["early_header_mutation_extensions"];
            for manager in recorded.managers() {
                let has = list(&manager["early_header_mutation_extensions"]).iter();
                let all: Vec<Value> = has.chain(list(added)).cloned().collect();
                manager["early_header_mutation_extensions"] = all.into();
            }
        }
        ("VIRTUAL_HOST", operation @ ("REMOVE" | "ADD")) => {
            let name = &patch["match"]["routeConfiguration"]["name"];
            let mut tables = recorded.managers().map(|manager| &mut manager["route_config"]);
            let table = tables
                .find(|it| it["name"] == *name)
                .ok_or_else(|| format!("the control plane has no route table {name}"))?;
            let mut hosts = list(&table["virtual_hosts"]).to_vec();
            match operation {
                "REMOVE" => hosts.clear(),
                _ => hosts.push(value.clone()),
            }
            table["virtual_hosts"] = hosts.into();
        }
        (kind, operation) => return Err(format!("{operation} of {kind} is not known")),
    }
    Ok(())
}

/// Puts the filter first in the connection managers of its ports.
fn attach(manifest: &Document, wasm: &Value, module: &str, recorded: &mut Recorded) -> Result<(), String> {
    let failure_policy = match text(&wasm["failStrategy"]) {
        "FAIL_RELOAD" => "FAIL_RELOAD",
        "FAIL_CLOSE" => "FAIL_CLOSED",
        "FAIL_OPEN" => "FAIL_OPEN",
        other => return Err(format!("failStrategy {other} is not known")),
    };
    let filter = json!({
        "name": manifest.name(),
        "typed_config": {"@type": WASM, "config": {
            "name": manifest.name(),
            "root_id": wasm["pluginName"],
            "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": module}}},
            "configuration": {"@type": STRING_VALUE, "value": wasm["pluginConfig"].to_string()},
            "failure_policy": failure_policy,
        }},
    });
    let selectors = list(&manifest.content["spec"]["match"]).iter();
    let ports: Vec<&Value> = selectors
        .flat_map(|it| list(&it["ports"]))
        .map(|it| &it["number"])
        .collect();
    for listener in recorded.listeners() {
        let port = listener["address"]["socket_address"]["port_value"].clone();
        if ports.contains(&&port) {
            for manager in control_plane::managers(listener) {
                let mut filters = vec![filter.clone()];
                filters.extend(list(&manager["http_filters"]).iter().cloned());
                manager["http_filters"] = filters.into();
            }
        }
    }
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
