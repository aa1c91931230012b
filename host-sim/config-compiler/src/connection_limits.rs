//! How long the connections of clients of TCP and TLS routes may live.
//!
//! Decided by the DestinationRule of the first destination's host: Istio reads no other destination, and neither subsets nor
//! settings of ports (istio `pilot/pkg/networking/core/networkfilter.go`, `buildOutboundNetworkFilters`). The same fields limit the
//! connections to the endpoints of each cluster, which is `upstream_http`'s matter.

use std::time::Duration;

use fingerpost_resources::RouteDestination;

use crate::gateways::BoundServer;
use crate::mesh::Mesh;

/// How long connections may live; `None` where the DestinationRule sets nothing.
#[derive(Debug, Default)]
pub(crate) struct ConnectionLimits {
    pub idle_timeout: Option<Duration>,
    pub max_duration: Option<Duration>,
}

impl ConnectionLimits {
    /// The limits for a route.
    pub(crate) fn of(
        route: &[RouteDestination],
        namespace: &str,
        server: &BoundServer<'_>,
        mesh: &Mesh<'_>,
    ) -> Self {
        let policy = || {
            let first = route.first()?.destination.as_ref()?;
            let cluster = mesh.services.cluster(first, namespace, server.declared_port);
            let policy = mesh.rule_of(&cluster, namespace)?.traffic_policy?;
            policy.connection_pool.as_ref()?.tcp.as_ref()
        };
        policy().map_or_else(Self::default, |tcp| Self {
            idle_timeout: tcp.idle_timeout,
            max_duration: tcp.max_connection_duration,
        })
    }
}
