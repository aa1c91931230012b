//! Whether the address of a client chooses the endpoint of its TCP or TLS connection.
//!
//! Decided by the DestinationRule of the first destination's host. A load balancer of its subset comes first, unless the route has
//! several destinations; settings of ports do not count (istio `pilot/pkg/networking/core/networkfilter.go`, `maybeSetHashPolicy`).
//! The cluster's load balancer is the matter of `load_balancer`.

use fingerpost_resources::{HashKey, LbPolicy, LoadBalancerSettings, RouteDestination, TrafficPolicy};

use crate::gateways::BoundServer;
use crate::mesh::Mesh;

/// Whether it does.
pub(crate) fn is_by_client_address(
    route: &[RouteDestination],
    namespace: &str,
    server: &BoundServer<'_>,
    mesh: &Mesh<'_>,
) -> bool {
    let Some(first) = route.first().and_then(|it| it.destination.as_ref()) else {
        return false;
    };
    let cluster = mesh.services.cluster(first, namespace, server.declared_port);
    let Some(rule) = mesh.rule_of(&cluster, namespace) else {
        return false;
    };
    let subset = match route {
        [_] => rule.subset(&cluster.subset),
        _ => None,
    };
    let of_subset = load_balancer(subset.and_then(|it| it.traffic_policy.as_ref()));
    let settings = of_subset.or_else(|| load_balancer(rule.traffic_policy));
    settings.is_some_and(hashes_client_address)
}

fn load_balancer(policy: Option<&TrafficPolicy>) -> Option<&LoadBalancerSettings> {
    policy?.load_balancer.as_ref()
}

fn hashes_client_address(settings: &LoadBalancerSettings) -> bool {
    match &settings.lb_policy {
        Some(LbPolicy::ConsistentHash(hash)) => matches!(hash.hash_key, Some(HashKey::UseSourceIp(true))),
        Some(LbPolicy::Simple(_) | LbPolicy::BackendUtilization(_)) | None => false,
    }
}
