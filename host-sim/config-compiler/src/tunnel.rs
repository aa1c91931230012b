//! The tunnel through which the connections of a TCP or TLS route reach their destination: a CONNECT or POST to the endpoint.
//!
//! Decided by the DestinationRule of the first destination's host. The only destination of a route has the tunnel of its
//! subset, if it names one; several destinations have that of the host. Source: istio
//! `pilot/pkg/networking/core/tunnelingconfig/apply.go`, `networkfilter.go`; docs/istio-routing.md 4.10.

use fingerpost_envoy_config::filters::tcp_proxy::TunnelingConfig;
use fingerpost_resources::{RouteDestination, TunnelSettings};

use crate::gateways::BoundServer;
use crate::mesh::Mesh;

/// The settings for a route.
pub(crate) fn of<'r>(
    route: &[RouteDestination],
    namespace: &str,
    server: &BoundServer<'_>,
    mesh: &Mesh<'r>,
) -> Option<&'r TunnelSettings> {
    let first = route.first()?.destination.as_ref()?;
    let cluster = mesh.services.cluster(first, namespace, server.declared_port);
    let rule = mesh.rule_of(&cluster, namespace)?;
    let policy = match (route, cluster.subset.as_str()) {
        ([_], subset) if !subset.is_empty() => rule.subset(subset)?.traffic_policy.as_ref(),
        _ => rule.traffic_policy,
    };
    policy?.tunnel.as_ref()
}

/// The same for Envoy.
pub(crate) fn config(tunnel: &TunnelSettings) -> TunnelingConfig {
    let port = tunnel.target_port.unwrap_or(0);
    let hostname = if tunnel.target_host.contains(':') {
        format!("[{}]:{port}", tunnel.target_host)
    } else {
        format!("{}:{port}", tunnel.target_host)
    };
    TunnelingConfig {
        hostname,
        use_post: tunnel.protocol == "POST",
    }
}
