//! Manifests for an installation of Envoy Gateway: the filter, and patches of what Envoy Gateway sends to its Envoys.
//!
//! Envoy Gateway makes listeners from a Gateway (of the Gateway API) and routes from HTTPRoutes. Here it gets a Gateway with a
//! listener for each port, one HTTPRoute so that each listener has a route table, an `EnvoyExtensionPolicy` with the
//! filter for each listener, and one `EnvoyPatchPolicy` that
//!
//! * adds the clusters, under the names that the routes use;
//! * puts the dispatch table in the place of each route table;
//! * has each listener remove the dispatch header from what clients send;
//! * switches the filter on. Envoy Gateway adds it to the listener and enables it on its own routes only, which are replaced;
//! * adds the filters behind it that the routes need, and keeps paths and headers as Istio's gateway does.
//!
//! Names and behaviour are those of Envoy Gateway 1.9 (`internal/xds/translator`: `listener.go`, `wasm.go`, `jsonpatch.go`) without the
//! runtime flag `XDSNameSchemeV2`.

mod listeners;
mod patches;

use fingerpost_config_compiler::{Compiled, Options};
use serde_json::{Value, json};

use crate::document::{Document, storable};
use crate::image::ModuleLocation;
use crate::refusal::Refusal;

use listeners::{GatewayListener, gateway_listeners};

const GATEWAY_API: &str = "gateway.networking.k8s.io";
const ENVOY_GATEWAY_API: &str = "gateway.envoyproxy.io/v1alpha1";
/// The root id by which the module finds its filter.
const ROOT_ID: &str = "fingerpost";

/// What the manifests are made for.
#[derive(Debug, Clone)]
pub struct EnvoyGatewayOptions {
    /// The name of the objects; those of a listener have its name behind it.
    pub name: String,
    /// The GatewayClass of the installation.
    pub class: String,
    /// Where Envoy Gateway gets the module.
    pub module: ModuleLocation,
    /// The SHA-256 of what is there, in hexadecimal: of the manifest of an image, or of the module itself.
    pub sha256: Option<String>,
    /// The Secret with the credentials for the registry, in the namespace of the Gateway.
    pub pull_secret: Option<String>,
    /// Whether requests skip a filter that does not run, and get 404. Otherwise they get an error.
    pub fail_open: bool,
}

/// The manifests for the gateway that `compiled` was made for by `target`.
///
/// # Errors
/// What cannot work: all reasons that are known.
pub fn envoy_gateway(
    compiled: &Compiled,
    target: &Options,
    options: &EnvoyGatewayOptions,
) -> Result<Vec<Document>, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let source = code_source(options).map_err(|it| refusals.push(it)).ok();
    let listeners = gateway_listeners(compiled).map_err(|it| refusals.extend(it)).ok();
    let (Some(source), Some(listeners)) = (source, listeners) else {
        return Err(refusals);
    };
    let namespace = target.namespace.as_str();
    let mut documents = vec![
        gateway(&listeners, namespace, options),
        route(namespace, options),
        patches::document(compiled, &listeners, namespace, options),
    ];
    documents.extend(
        listeners
            .iter()
            .map(|it| extension(it, &source, namespace, options)),
    );
    storable(
        documents,
        "divide the rules between several gateways, or use --kubernetes, which divides them itself",
    )
}

fn metadata(name: &str, namespace: &str) -> Value {
    json!({"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": "fingerpost"}})
}

fn gateway(listeners: &[GatewayListener<'_>], namespace: &str, options: &EnvoyGatewayOptions) -> Document {
    let listeners: Vec<Value> = listeners
        .iter()
        .map(|it| {
            json!({
                "name": it.name,
                "port": it.port,
                "protocol": "HTTP",
                // Other HTTPRoutes would have no effect: their table is replaced.
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            })
        })
        .collect();
    let comment = [
        "A listener for each port. The installation must have a GatewayClass of this name, and must not merge Gateways.",
        "HTTPRoutes that name this Gateway have no effect: the patches below replace their routes.",
    ];
    let object = json!({
        "apiVersion": format!("{GATEWAY_API}/v1"),
        "kind": "Gateway",
        "metadata": metadata(&options.name, namespace),
        "spec": {"gatewayClassName": options.class, "listeners": listeners},
    });
    Document::new(&comment, &object)
}

fn route(namespace: &str, options: &EnvoyGatewayOptions) -> Document {
    let comment = [
        "Makes Envoy Gateway send a route table for each listener, and add the filter to it. It has no upstream: where the",
        "patches are not applied, every request gets 500.",
    ];
    let object = json!({
        "apiVersion": format!("{GATEWAY_API}/v1"),
        "kind": "HTTPRoute",
        "metadata": metadata(&options.name, namespace),
        "spec": {
            "parentRefs": [{"name": options.name}],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}],
        },
    });
    Document::new(&comment, &object)
}

/// The name of the policy that adds the filter to a listener.
fn extension_name(listener: &GatewayListener<'_>, options: &EnvoyGatewayOptions) -> String {
    format!("{}-{}", options.name, listener.name)
}

fn extension(
    listener: &GatewayListener<'_>,
    source: &Value,
    namespace: &str,
    options: &EnvoyGatewayOptions,
) -> Document {
    let consequence = if options.fail_open {
        "failOpen: while the filter does not run, requests skip it. They carry no dispatch key, so they get 404."
    } else {
        "While the filter does not run, requests get an error. Envoy Gateway cannot have a filter that has crashed started again:
replace the Pod, or this object."
    };
    let what = format!(
        "The filter of port {}: it chooses the route of each request and writes its key into a header.",
        listener.port
    );
    let object = json!({
        "apiVersion": ENVOY_GATEWAY_API,
        "kind": "EnvoyExtensionPolicy",
        "metadata": metadata(&extension_name(listener, options), namespace),
        "spec": {
            "targetRefs": [{
                "group": GATEWAY_API,
                "kind": "Gateway",
                "name": options.name,
                "sectionName": listener.name,
            }],
            "wasm": [{
                "name": extension_name(listener, options),
                "rootID": ROOT_ID,
                "code": source,
                "failOpen": options.fail_open,
                "config": listener.chain.config,
            }],
        },
    });
    Document::new(&[what.as_str(), consequence], &object)
}

/// Where Envoy Gateway fetches the module, which it then serves to its Envoys.
fn code_source(options: &EnvoyGatewayOptions) -> Result<Value, Refusal> {
    match &options.module {
        ModuleLocation::Image { reference, .. } => {
            let mut image = json!({"url": reference});
            if let Some(sha256) = &options.sha256 {
                image["sha256"] = sha256.as_str().into();
            }
            if let Some(secret) = &options.pull_secret {
                image["pullSecretRef"] = json!({"name": secret});
            }
            Ok(json!({"type": "Image", "image": image}))
        }
        ModuleLocation::Web(address) => {
            let mut http = json!({"url": address});
            if let Some(sha256) = &options.sha256 {
                http["sha256"] = sha256.as_str().into();
            }
            Ok(json!({"type": "HTTP", "http": http}))
        }
        ModuleLocation::File(path) => Err(Refusal {
            reason: format!(
                "Envoy Gateway reads no module from the file {path}: only from an image or a web address"
            ),
            help: "push it with `fingerpost image --push REF`, and name it with --image REF".to_owned(),
        }),
    }
}
