//! Fields that have no effect on a gateway, and why.

/// The path of a field, and the reason. Those of a policy of a subset or a port are those of the policy of a host.
pub(crate) const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (
        "Gateway.servers.defaultEndpoint",
        "for sidecars; Istio ignores it on a gateway",
    ),
    (
        "Gateway.servers.name",
        "names statistics of TLS servers, which Envoy has here by the listener",
    ),
    (
        "ServiceEntry.addresses",
        "for sidecars: a gateway finds a service by its host",
    ),
    ("ServiceEntry.endpoints.network", ONE_NETWORK),
    ("ServiceEntry.location", MESH),
    ("WorkloadEntry.network", ONE_NETWORK),
];

const ONE_NETWORK: &str = "all endpoints are on one network: nothing tells where the gateways of others are";
const MESH: &str = "decides about the mesh's mutual TLS, which is not spoken";
