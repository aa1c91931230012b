//! Kinds by which other projects route requests, some of them under the names of Istio's kinds: they are named as what they
//! are, and not read. Gateway API, and Ingresses for Istio, which Istio reads itself, are in `not_routed`.

use std::collections::BTreeMap;

use super::{NETWORKING, Resources};

/// How many resources there are of each kind of each project.
pub(super) type OtherRoutes = BTreeMap<(String, String), usize>;

/// A project, its API group, and the kinds by which it routes.
const PROJECTS: [(&str, &str, &[&str]); 22] = [
    (
        "Gloo",
        "gateway.solo.io",
        &["Gateway", "MatchableHttpGateway", "RouteTable", "VirtualService"],
    ),
    (
        "Gloo Mesh",
        "networking.gloo.solo.io",
        &["RouteTable", "VirtualGateway"],
    ),
    ("Contour", "projectcontour.io", &["HTTPProxy"]),
    ("Contour", "contour.heptio.com", &["IngressRoute"]),
    ("Traefik", "traefik.io", TRAEFIK),
    ("Traefik", "traefik.containo.us", TRAEFIK),
    ("OpenShift", "route.openshift.io", &["Route"]),
    (
        "NGINX",
        "k8s.nginx.org",
        &["TransportServer", "VirtualServer", "VirtualServerRoute"],
    ),
    (
        "Kong",
        "configuration.konghq.com",
        &["KongIngress", "TCPIngress", "UDPIngress"],
    ),
    (
        "Emissary",
        "getambassador.io",
        &["Host", "Listener", "Mapping", "TCPMapping"],
    ),
    ("Skipper", "zalando.org", &["RouteGroup"]),
    ("APISIX", "apisix.apache.org", &["ApisixRoute"]),
    (
        "Consul",
        "consul.hashicorp.com",
        &[
            "IngressGateway",
            "ServiceResolver",
            "ServiceRouter",
            "ServiceSplitter",
        ],
    ),
    (
        "AWS App Mesh",
        "appmesh.k8s.aws",
        &[
            "GatewayRoute",
            "VirtualGateway",
            "VirtualRouter",
            "VirtualService",
        ],
    ),
    (
        "Kuma",
        "kuma.io",
        &["MeshGateway", "MeshGatewayRoute", "MeshHTTPRoute", "MeshTCPRoute"],
    ),
    ("Linkerd", "linkerd.io", &["ServiceProfile"]),
    ("Linkerd", "policy.linkerd.io", &["GRPCRoute", "HTTPRoute"]),
    ("SMI", "split.smi-spec.io", &["TrafficSplit"]),
    (
        "Knative",
        "serving.knative.dev",
        &["DomainMapping", "Route", "Service"],
    ),
    ("Knative", "networking.internal.knative.dev", &["Ingress"]),
    ("Kubernetes", "networking.k8s.io", &["Ingress"]),
    ("Kubernetes", "extensions", &["Ingress"]),
];
const TRAEFIK: &[&str] = &["IngressRoute", "IngressRouteTCP", "IngressRouteUDP"];

/// Whose kind it is: a project, or the API group of one that we don't know and that has a kind of Istio's name.
pub(super) fn project(group: &str, kind: &str) -> Option<String> {
    let known = PROJECTS
        .iter()
        .find(|(_, of, kinds)| *of == group && kinds.contains(&kind));
    let unknown = || NETWORKING.contains(&kind) && group != "networking.istio.io";
    match known {
        Some((project, _, _)) => Some((*project).to_owned()),
        None => unknown().then(|| group.to_owned()),
    }
}

impl Resources {
    /// What other projects' routes there are, in a sentence. An Ingress is worth a word only if there are no rules of Istio's.
    #[must_use]
    pub fn other_routes(&self) -> Option<String> {
        let has_rules = !self.virtual_services.is_empty();
        let routes = self.other_routes.iter();
        let routes = routes.filter(|((project, _), _)| !(has_rules && project == "Kubernetes"));
        let mut projects: Vec<(&str, Vec<String>)> = Vec::new();
        for ((project, kind), number) in routes {
            let text = format!("{number} {kind}");
            match projects.last_mut() {
                Some((last, kinds)) if last == project => kinds.push(text),
                Some(_) | None => projects.push((project, vec![text])),
            }
        }
        let of = |(project, kinds): &(&str, Vec<String>)| format!("{} of {project}", kinds.join(" and "));
        let named: Vec<String> = projects.iter().map(of).collect();
        (!named.is_empty()).then(|| {
            format!(
                "not read: {}. Fingerpost reads Istio's routes: {} of networking.istio.io",
                named.join(", "),
                NETWORKING.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::project;

    #[test]
    fn a_kind_is_that_of_its_group() {
        for (group, kind, of) in [
            ("gateway.solo.io", "VirtualService", Some("Gloo")),
            ("appmesh.k8s.aws", "VirtualService", Some("AWS App Mesh")),
            ("serving.knative.dev", "Service", Some("Knative")),
            ("route.openshift.io", "Route", Some("OpenShift")),
            ("example.com", "Gateway", Some("example.com")),
            ("networking.istio.io", "VirtualService", None),
            ("cilium.io", "CiliumNetworkPolicy", None),
            ("example.com", "Route", None),
        ] {
            assert_eq!(project(group, kind).as_deref(), of, "{group} {kind}");
        }
    }
}
