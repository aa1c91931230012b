//! Chains that carry bytes: TCP servers, TLS that passes through or ends without HTTP.
//!
//! Decides which rule a server's connections follow. Our filter has no part in it.
//! Source: istio `pilot/pkg/networking/core/gateway.go`, `buildGatewayNetworkFiltersFromTCPRoutes`,
//! `buildGatewayNetworkFiltersFromTLSRoutes`; spec 5.

use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::filters::tcp_proxy::{
    ClusterSpecifier, ClusterWeight, TcpProxy, WeightedClusters,
};
use fingerpost_envoy_config::listener::{FilterChain, FilterChainMatch, NetworkFilterConfig};
use fingerpost_resources::{Resource, RouteDestination, VirtualService};

use crate::claims;
use crate::gateways::BoundServer;
use crate::host;
use crate::http_chain::HANDSHAKE_TIMEOUT;
use crate::mesh::Mesh;
use crate::services::ClusterRef;
use crate::virtual_services::{BoundService, gateway_name};

/// Where the bytes of a chain go.
#[derive(Debug)]
pub(crate) struct TcpChain<'r> {
    /// The server names that lead here; empty for all connections.
    pub server_names: Vec<String>,
    /// The clusters with their weights; one alone takes all.
    pub shares: Vec<(ClusterRef, u32)>,
    /// The VirtualService.
    pub resource: &'r Resource<VirtualService>,
    /// The path of the rule, such as `spec.tcp[0]`.
    pub path: String,
}

/// The one chain of a server without server names: the first rule that fits has all connections.
pub(crate) fn routed_by_port<'r>(
    server: &BoundServer<'_>,
    services: &[BoundService<'r>],
    mesh: &Mesh<'_>,
) -> Option<TcpChain<'r>> {
    let gateway = server.gateway_name();
    for service in attached(server, services) {
        let namespace = &service.resource.meta.namespace;
        for (index, rule) in service.resource.spec.tcp.iter().enumerate() {
            let fits = rule.matches.is_empty()
                || rule
                    .matches
                    .iter()
                    .any(|it| fits(it.port, &it.gateways, namespace, &gateway, server.declared_port));
            if fits && !rule.route.is_empty() {
                return Some(TcpChain {
                    server_names: Vec::new(),
                    shares: shares(&rule.route, namespace, server, mesh),
                    resource: service.resource,
                    path: format!("spec.tcp[{index}]"),
                });
            }
        }
    }
    None
}

/// The chains of a server that lets TLS pass: one for each match, the first claim of a name wins.
pub(crate) fn routed_by_name<'r>(
    server: &BoundServer<'_>,
    services: &[BoundService<'r>],
    mesh: &Mesh<'_>,
    taken: &mut Vec<String>,
) -> Vec<TcpChain<'r>> {
    let gateway = server.gateway_name();
    let mut chains = Vec::new();
    for service in attached(server, services) {
        let namespace = &service.resource.meta.namespace;
        for (index, rule) in service.resource.spec.tls.iter().enumerate() {
            for (place, matched) in rule.matches.iter().enumerate() {
                let fits = fits(
                    matched.port,
                    &matched.gateways,
                    namespace,
                    &gateway,
                    server.declared_port,
                );
                if !fits || matched.sni_hosts.iter().any(|name| taken.contains(name)) {
                    continue;
                }
                taken.extend(matched.sni_hosts.iter().cloned());
                // A `*` among the names takes every connection (istio listener.go, `isMatchAll`).
                let all = matched.sni_hosts.iter().any(|name| name == "*");
                chains.push(TcpChain {
                    server_names: if all {
                        Vec::new()
                    } else {
                        claims::distinct(&matched.sni_hosts)
                    },
                    shares: shares(&rule.route, namespace, server, mesh),
                    resource: service.resource,
                    path: format!("spec.tls[{index}].match[{place}]"),
                });
            }
        }
    }
    chains
}

/// The Envoy `FilterChain`.
pub(crate) fn filter_chain(chain: &TcpChain<'_>) -> FilterChain {
    let namespace = &chain.resource.meta.namespace;
    let proxy = match chain.shares.as_slice() {
        [(only, _)] => TcpProxy {
            stat_prefix: only.name(),
            cluster: ClusterSpecifier::Cluster(only.name()),
            access_log: Vec::new(),
        },
        several => {
            let clusters = several.iter().map(|(cluster, weight)| ClusterWeight {
                name: cluster.name(),
                weight: *weight,
            });
            TcpProxy {
                stat_prefix: format!("l4.{namespace}"),
                cluster: ClusterSpecifier::WeightedClusters(WeightedClusters {
                    clusters: clusters.collect(),
                }),
                access_log: Vec::new(),
            }
        }
    };
    FilterChain {
        filters: vec![Extension {
            name: "envoy.filters.network.tcp_proxy".to_owned(),
            typed_config: NetworkFilterConfig::TcpProxy(proxy),
        }],
        transport_socket_connect_timeout: Some(HANDSHAKE_TIMEOUT),
        filter_chain_match: FilterChainMatch {
            server_names: chain.server_names.clone(),
        },
        ..FilterChain::default()
    }
}

/// The VirtualServices of the server's Gateway that have a host in common with it.
fn attached<'a, 'r>(
    server: &'a BoundServer<'_>,
    services: &'a [BoundService<'r>],
) -> impl Iterator<Item = &'a BoundService<'r>> {
    let gateway = server.gateway_name();
    services.iter().filter(move |service| {
        let open = host::open_to(&server.hosts, &service.resource.meta.namespace);
        service.gateways.contains(&gateway)
            && service
                .hosts
                .iter()
                .any(|one| open.iter().any(|other| host::overlap(one, other)))
    })
}

/// Only the port and the Gateway count here (istio gateway.go, `l4SingleMatch`).
fn fits(port: Option<u32>, gateways: &[String], namespace: &str, gateway: &str, declared: u32) -> bool {
    let port = port.unwrap_or(0);
    (port == 0 || port == declared)
        && (gateways.is_empty() || gateways.iter().any(|it| gateway_name(it, namespace) == gateway))
}

fn shares(
    route: &[RouteDestination],
    namespace: &str,
    server: &BoundServer<'_>,
    mesh: &Mesh<'_>,
) -> Vec<(ClusterRef, u32)> {
    let all = route.iter().filter_map(|it| {
        let cluster = mesh
            .services
            .cluster(it.destination.as_ref()?, namespace, server.declared_port);
        Some((cluster, u32::try_from(it.weight.unwrap_or(0)).unwrap_or(0)))
    });
    match route {
        [_] => all.collect(),
        _ => all.filter(|(_, weight)| *weight > 0).collect(),
    }
}
