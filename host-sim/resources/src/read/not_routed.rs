//! Reads what a message needs of resources that are not acted on: whom they are for, and what they would change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Reader, text_of};
use crate::not_routed::{MeshSettings, PolicyKind, PolicyTarget, Unenforced, UnreadRoute};
use crate::yaml::{self, Node, Scalar, Value};

/// Fields of `meshConfig` by which a gateway routes, matches or reaches upstreams differently.
/// `mesh-config-fields.txt` has all fields, and what the others are about.
const FIELDS_OF_THE_MESH: [&str; 27] = [
    "configSources",
    "connectTimeout",
    "defaultConfig.connectionSettings",
    "defaultConfig.customConfigFile",
    "defaultConfig.gatewayTopology",
    "defaultConfig.proxyBootstrapTemplatePath",
    "defaultConfig.proxyHeaders",
    "defaultConfig.runtimeValues",
    "defaultDestinationRuleExportTo",
    "defaultHttpRetryPolicy",
    "defaultServiceExportTo",
    "defaultTrafficPolicy",
    "defaultVirtualServiceExportTo",
    "discoverySelectors",
    "h2UpgradePolicy",
    "ingressClass",
    "ingressControllerMode",
    "ingressSelector",
    "ingressService",
    "localityLbSetting",
    "pathNormalization",
    "rootNamespace",
    "serviceEntryVisibility",
    "serviceSettings",
    "tcpKeepalive",
    "tlsDefaults",
    "verifyCertificateAtClient",
];

impl Reader<'_> {
    /// Keeps what there is to say about a resource of a kind that is not acted on. False for any other resource.
    pub(super) fn is_not_routed(&mut self, object: &Arc<Node>, group: &str, kind: &str) -> bool {
        let policy = PolicyKind::ALL
            .into_iter()
            .find(|it| (it.group(), it.as_str()) == (group, kind));
        if let Some(policy) = policy {
            self.policy(object, policy);
            return true;
        }
        match (group, kind) {
            ("networking.k8s.io", "Ingress") if is_for_istio(object) => {
                self.unread_route(object, kind, hosts(object, "spec.rules"));
            }
            ("gateway.networking.k8s.io", "HTTPRoute" | "GRPCRoute" | "TLSRoute")
                if !is_for_the_mesh(object) =>
            {
                self.unread_route(object, kind, hosts(object, "spec.hostnames"));
            }
            ("gateway.networking.k8s.io", "TCPRoute" | "UDPRoute") if !is_for_the_mesh(object) => {
                self.unread_route(object, kind, Vec::new());
            }
            ("gateway.networking.k8s.io", "Gateway" | "ListenerSet") => {
                self.unread_route(object, &format!("Gateway API {kind}"), Vec::new());
            }
            ("" | "install.istio.io" | "sailoperator.io", "ConfigMap" | "IstioOperator" | "Istio") => {
                return self.mesh_settings(object, kind);
            }
            _ => return false,
        }
        true
    }

    fn unread_route(&mut self, object: &Arc<Node>, kind: &str, hosts: Vec<String>) {
        let (meta, origin, _) = self.head(object, kind, false);
        self.resources.unread_routes.push(UnreadRoute {
            kind: kind.to_owned(),
            meta,
            hosts,
            origin,
        });
    }

    fn policy(&mut self, object: &Arc<Node>, kind: PolicyKind) {
        let (meta, origin, _) = self.head(object, kind.as_str(), false);
        let selector = match kind {
            PolicyKind::EnvoyFilter | PolicyKind::Sidecar => "spec.workloadSelector.labels",
            PolicyKind::AuthorizationPolicy
            | PolicyKind::RequestAuthentication
            | PolicyKind::PeerAuthentication
            | PolicyKind::WasmPlugin
            | PolicyKind::TrafficExtension
            | PolicyKind::Telemetry => "spec.selector.matchLabels",
        };
        let one = object.find("spec.targetRef").into_iter();
        let targets = items(object, "spec.targetRefs").into_iter().chain(one);
        self.resources.unenforced.push(Unenforced {
            kind,
            meta,
            selector: labels(object, selector),
            targets: targets.map(target).collect(),
            is_for_gateways: is_for_gateways(object, kind),
            changes: changes(object, kind),
            origin,
        });
    }

    /// Keeps the fields of `meshConfig` that matter. False if there are none.
    fn mesh_settings(&mut self, object: &Arc<Node>, kind: &str) -> bool {
        let fields = match kind {
            "ConfigMap" => mesh_of_config_map(object).map(|it| fields_of_the_mesh(&it)),
            "IstioOperator" => object.find("spec.meshConfig").map(fields_of_the_mesh),
            _ => object.find("spec.values.meshConfig").map(fields_of_the_mesh),
        };
        let fields = fields.unwrap_or_default();
        if fields.is_empty() {
            return false;
        }
        let (_, origin, _) = self.head(object, kind, false);
        self.resources.mesh_settings.push(MeshSettings { fields, origin });
        true
    }
}

fn fields_of_the_mesh(config: &Node) -> Vec<String> {
    let set = FIELDS_OF_THE_MESH
        .iter()
        .filter(|field| config.find(field).is_some_and(|it| !it.is_null()));
    set.map(|field| (*field).to_owned()).collect()
}

/// The mesh's configuration in the ConfigMap that Istio's installation writes: `istio`, or `istio-` and the revision.
fn mesh_of_config_map(object: &Node) -> Option<Arc<Node>> {
    let name = object.find("metadata.name").and_then(text_of)?;
    let text = text_of(object.find("data.mesh")?)?;
    if name != "istio" && !name.starts_with("istio-") {
        return None;
    }
    let first = yaml::parse(text).into_iter().next()?.ok()?;
    first.root
}

/// Whether Istio has a place for the resource in a gateway.
fn is_for_gateways(object: &Node, kind: PolicyKind) -> bool {
    match kind {
        // A patch without a context is for all proxies.
        PolicyKind::EnvoyFilter => items(object, "spec.configPatches").into_iter().any(|it| {
            let context = it.find("match.context").and_then(text_of);
            matches!(context.unwrap_or("ANY"), "ANY" | "GATEWAY")
        }),
        // On a gateway all traffic is that of a client (istio extensions/v1alpha1/wasm.proto, `TrafficSelector`).
        PolicyKind::WasmPlugin | PolicyKind::TrafficExtension => {
            let selectors = items(object, "spec.match");
            let is_client = |it: &&Node| it.get("mode").and_then(|it| text_of(it)) != Some("SERVER");
            selectors.is_empty() || selectors.iter().any(is_client)
        }
        PolicyKind::AuthorizationPolicy | PolicyKind::RequestAuthentication | PolicyKind::Telemetry => true,
        // Both are about the traffic of sidecars; a Gateway's server has its own TLS.
        PolicyKind::PeerAuthentication | PolicyKind::Sidecar => false,
    }
}

fn changes(object: &Node, kind: PolicyKind) -> Vec<String> {
    let text = |path: &str, default: &str| {
        let text = object.find(path).and_then(text_of).unwrap_or(default);
        vec![text.to_owned()]
    };
    match kind {
        PolicyKind::EnvoyFilter => {
            let mut all: Vec<String> = Vec::new();
            for patch in items(object, "spec.configPatches") {
                let place = patch
                    .get("applyTo")
                    .and_then(|it| text_of(it))
                    .unwrap_or_default();
                if !place.is_empty() && !all.iter().any(|it| it == place) {
                    all.push(place.to_owned());
                }
            }
            all
        }
        PolicyKind::AuthorizationPolicy => text("spec.action", "ALLOW"),
        PolicyKind::WasmPlugin | PolicyKind::TrafficExtension => text("spec.phase", "UNSPECIFIED_PHASE"),
        PolicyKind::RequestAuthentication
        | PolicyKind::PeerAuthentication
        | PolicyKind::Telemetry
        | PolicyKind::Sidecar => Vec::new(),
    }
}

fn target(node: &Node) -> PolicyTarget {
    let text = |key: &str| {
        node.get(key)
            .and_then(|it| text_of(it))
            .unwrap_or_default()
            .to_owned()
    };
    PolicyTarget {
        group: text("group"),
        kind: text("kind"),
        name: text("name"),
    }
}

fn labels(object: &Node, path: &str) -> BTreeMap<String, String> {
    let Some(Value::Map(entries)) = object.find(path).map(|it| &it.value) else {
        return BTreeMap::new();
    };
    let pairs = entries.iter().filter_map(|entry| match &entry.value.value {
        Value::Scalar(Scalar::Null) | Value::List(_) | Value::Map(_) => None,
        Value::Scalar(scalar) => Some((entry.key.to_string(), scalar.as_text())),
    });
    pairs.collect()
}

fn items<'n>(object: &'n Node, path: &str) -> Vec<&'n Node> {
    match object.find(path).map(|it| &it.value) {
        Some(Value::List(items)) => items.iter().map(AsRef::as_ref).collect(),
        Some(Value::Scalar(_) | Value::Map(_)) | None => Vec::new(),
    }
}

/// The hosts in `spec.hostnames` of a route of Gateway API or in `spec.rules` of an Ingress; without any, every host.
fn hosts(object: &Node, path: &str) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for item in items(object, path) {
        let host = text_of(item)
            .or_else(|| text_of(item.get("host")?))
            .unwrap_or("*");
        if !hosts.iter().any(|it| it == host) {
            hosts.push(host.to_owned());
        }
    }
    if hosts.is_empty() {
        hosts.push("*".to_owned());
    }
    hosts
}

/// Whether a route of Gateway API is bound to services alone: it is for sidecars and waypoints then.
fn is_for_the_mesh(route: &Node) -> bool {
    let parents = items(route, "spec.parentRefs");
    let is_service = |it: &&Node| {
        let kind = it.get("kind").and_then(|it| text_of(it));
        matches!(kind, Some("Service" | "ServiceEntry"))
    };
    !parents.is_empty() && parents.iter().all(is_service)
}

/// Whether Istio's controller takes an Ingress in its default mode, STRICT
/// (istio `pilot/pkg/config/kube/ingress/conversion.go`, `shouldProcessIngressWithClass`).
fn is_for_istio(ingress: &Node) -> bool {
    let annotations = ingress.get("metadata").and_then(|it| it.get("annotations"));
    let annotated = annotations.and_then(|it| text_of(it.get("kubernetes.io/ingress.class")?));
    let class = || text_of(ingress.find("spec.ingressClassName")?);
    annotated.or_else(class) == Some("istio")
}

#[cfg(test)]
mod tests {
    use super::FIELDS_OF_THE_MESH;

    #[test]
    fn a_field_of_the_mesh_is_reported_or_about_something_else() {
        let rows = include_str!("mesh-config-fields.txt").lines();
        let rows = rows.filter(|it| !it.starts_with('#'));
        let rows: Vec<_> = rows
            .map(|it| it.split_once(' ').expect("a field, and what it is about"))
            .collect();
        assert!(rows.iter().all(|(_, about)| !about.trim().is_empty()));
        let reported = rows.iter().filter(|(_, about)| about.trim() == "reported");
        let reported: Vec<&str> = reported.map(|(field, _)| *field).collect();
        assert_eq!(reported, FIELDS_OF_THE_MESH);
    }
}
