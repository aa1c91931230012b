//! How a cluster finds the addresses of its endpoints: they are in it, or DNS is asked.
//!
//! Decides the kind of cluster and its DNS settings, not which endpoints there are (that is `endpoints`).
//! Source: istio `pilot/pkg/networking/core/cluster.go`, `convertResolution`; `cluster_builder.go`, `buildCluster`.

use std::net::IpAddr;

use fingerpost_envoy_config::Duration;
use fingerpost_envoy_config::cluster::{CaresResolver, Cluster, DiscoveryType, DnsLookupFamily, DnsResolver};
use fingerpost_envoy_config::core::Extension;
use fingerpost_resources::{Resolution, Resource, ServiceEntry};

use crate::endpoints::{Endpoint, EndpointAddress, looks_names_up};
use crate::services::{KnownService, ServiceSource};

/// Sets the kind of `cluster`, which has these endpoints of `service`.
pub(crate) fn set(service: &KnownService<'_>, endpoints: &[Endpoint], cluster: &mut Cluster) {
    let (by_dns, races) = match service.source {
        ServiceSource::Entry(entry) => (looks_names_up(entry), races_connections(entry)),
        ServiceSource::Kubernetes(_) => (false, false),
    };
    if !by_dns && !endpoints.iter().any(|it| is_name(&it.address)) {
        cluster.discovery_type = DiscoveryType::Static;
        return;
    }
    // LOGICAL_DNS opens a connection to whatever address DNS names first at that time.
    let one_address = races || has_one_address(service);
    cluster.discovery_type = match one_address {
        true => DiscoveryType::LogicalDns,
        false => DiscoveryType::StrictDns,
    };
    cluster.dns_lookup_family = match races {
        true => DnsLookupFamily::All,
        // Istio knows of which families the proxy's addresses are.
        false => DnsLookupFamily::V4Preferred,
    };
    cluster.respect_dns_ttl = true;
    cluster.dns_refresh_rate = Some(Duration::from_secs(60));
    cluster.dns_jitter = Some(std::time::Duration::from_millis(100).into());
    cluster.typed_dns_resolver_config = Some(Extension {
        name: "envoy.network.dns_resolver.cares".to_owned(),
        typed_config: DnsResolver::Cares(CaresResolver {
            // So that a DNS server that is gone is not asked through one UDP socket for ever.
            udp_max_queries: Some(100),
        }),
    });
}

fn is_name(address: &EndpointAddress) -> bool {
    match address {
        EndpointAddress::Socket { host, .. } => host.parse::<IpAddr>().is_err(),
        EndpointAddress::Pipe(_) => false,
    }
}

fn has_one_address(service: &KnownService<'_>) -> bool {
    match service.source {
        ServiceSource::Entry(entry) => entry.spec.resolution == Some(Resolution::DnsRoundRobin),
        ServiceSource::Kubernetes(_) => false,
    }
}

/// Whether an annotation asks for connections to all addresses of a name at once, of which the first to open is used
/// (istio `pilot/pkg/model/service.go`, `GetDNSConnectStrategy`).
fn races_connections(entry: &Resource<ServiceEntry>) -> bool {
    let strategy = entry.meta.annotations.get("istio.io/connect-strategy");
    let wanted = strategy.is_some_and(|it| it.eq_ignore_ascii_case("RACE_FIRST_TCP_CONNECT"));
    wanted && looks_names_up(entry)
}
