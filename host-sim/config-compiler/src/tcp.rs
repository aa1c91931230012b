//! Chains that carry bytes: TCP servers, TLS that passes through or ends without HTTP.
//!
//! Decides which rule a server's connections follow. Our filter has no part in it.
//! Source: istio `pilot/pkg/networking/core/gateway.go`, `buildGatewayNetworkFiltersFromTCPRoutes`,
//! `buildGatewayNetworkFiltersFromTLSRoutes`; docs/istio-routing.md 5.

use std::collections::BTreeMap;

use fingerpost_envoy_config::Empty;
use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::filters::tcp_proxy::{
    ClusterSpecifier, ClusterWeight, HashPolicy, TcpProxy, WeightedClusters,
};
use fingerpost_envoy_config::listener::{FilterChain, FilterChainMatch, NetworkFilterConfig};
use fingerpost_resources::{Resource, RouteDestination, TunnelSettings, VirtualService};

use crate::claims;
use crate::connection_hash;
use crate::connection_limits::ConnectionLimits;
use crate::gateways::BoundServer;
use crate::http_chain::HANDSHAKE_TIMEOUT;
use crate::matching::{self, GatewayPort, Mismatch};
use crate::mesh::Mesh;
use crate::protocol::Termination;
use crate::services::ClusterRef;
use crate::tunnel;
use crate::virtual_services::{BoundVirtualService, gateway_name};

/// Where the bytes of a chain go.
#[derive(Debug)]
pub(crate) struct TcpChain<'r> {
    /// The server names that lead here; empty for all connections.
    pub server_names: Vec<String>,
    /// What its server makes of connections.
    pub termination: Termination,
    /// The clusters with their weights; one alone takes all.
    pub shares: Vec<(ClusterRef, u32)>,
    /// How long its connections live.
    pub limits: ConnectionLimits,
    /// The tunnel that they go through.
    pub tunnel: Option<&'r TunnelSettings>,
    /// Whether the client's address chooses the endpoint.
    pub hashes_client_address: bool,
    /// The VirtualService.
    pub resource: &'r Resource<VirtualService>,
    /// The path of the rule, such as `spec.tcp[0]`.
    pub path: String,
}

/// A `tls` match that makes no chain, since an earlier one has one of its server names.
#[derive(Debug)]
pub(crate) struct LostNames<'r> {
    /// The VirtualService, and the path of the match.
    pub resource: &'r Resource<VirtualService>,
    /// Such as `spec.tls[0].match[1]`.
    pub path: String,
    /// The server name that is taken.
    pub name: String,
    /// All names of the match.
    pub names: Vec<String>,
    /// The subject and the path of the match that has it.
    pub taken_by: (String, String),
}

/// The server names that the chains of one listener have, and the matches that came too late.
#[derive(Debug, Default)]
pub(crate) struct ServerNames<'r> {
    owners: BTreeMap<String, (String, String)>,
    /// The matches that make no chain.
    pub lost: Vec<LostNames<'r>>,
}

/// The one chain of a server whose rules know no server names: the first rule that fits of those that it takes has all its
/// connections. `server_names` are those of the server itself.
pub(crate) fn routed_by_port<'s, 'r: 's>(
    server: &BoundServer<'_>,
    server_names: &[String],
    services: impl IntoIterator<Item = &'s BoundVirtualService<'r>>,
    mesh: &Mesh<'r>,
) -> Option<TcpChain<'r>> {
    let (resource, index) = rules_by_port(server, services).next()?;
    let rule = resource.spec.tcp.get(index)?;
    Some(TcpChain {
        server_names: server_names.to_vec(),
        termination: server.termination,
        shares: shares(&rule.route, &resource.meta.namespace, server, mesh),
        hashes_client_address: connection_hash::is_by_client_address(
            &rule.route,
            &resource.meta.namespace,
            server,
            mesh,
        ),
        limits: ConnectionLimits::of(&rule.route, &resource.meta.namespace, server, mesh),
        tunnel: tunnel::of(&rule.route, &resource.meta.namespace, server, mesh),
        resource,
        path: format!("spec.tcp[{index}]"),
    })
}

/// The `tcp` rules that fit the server, in order: the resource and the rule's index. The first has all connections.
pub(crate) fn rules_by_port<'s, 'r: 's>(
    server: &BoundServer<'_>,
    services: impl IntoIterator<Item = &'s BoundVirtualService<'r>>,
) -> impl Iterator<Item = (&'r Resource<VirtualService>, usize)> {
    let gateway = server.gateway_name();
    let gateway_port = GatewayPort {
        gateway: &gateway,
        port: server.declared_port,
    };
    let mut fitting = Vec::new();
    for service in services {
        let resource = service.resource;
        for (index, rule) in resource.spec.tcp.iter().enumerate() {
            let mut matches = rule.matches.iter();
            let fits = rule.matches.is_empty()
                || matches.any(|it| mismatch(it.port, &it.gateways, resource, gateway_port).is_none());
            if fits && !rule.route.is_empty() {
                fitting.push((resource, index));
            }
        }
    }
    fitting.into_iter()
}

/// The chains of a server that lets TLS pass: one for each match, the first claim of a name wins.
pub(crate) fn routed_by_name<'s, 'r: 's>(
    server: &BoundServer<'_>,
    services: impl IntoIterator<Item = &'s BoundVirtualService<'r>>,
    mesh: &Mesh<'r>,
    taken: &mut ServerNames<'r>,
) -> Vec<TcpChain<'r>> {
    let gateway = server.gateway_name();
    let gateway_port = GatewayPort {
        gateway: &gateway,
        port: server.declared_port,
    };
    let mut chains = Vec::new();
    for service in services {
        let resource = service.resource;
        for (index, rule) in resource.spec.tls.iter().enumerate() {
            for (position, matched) in rule.matches.iter().enumerate() {
                if mismatch(matched.port, &matched.gateways, resource, gateway_port).is_some() {
                    continue;
                }
                let path = format!("spec.tls[{index}].match[{position}]");
                if !taken.claim(&matched.sni_hosts, resource, &path) {
                    continue;
                }
                // A `*` among the names takes every connection (istio listener.go, `isMatchAll`).
                let all = matched.sni_hosts.iter().any(|name| name == "*");
                chains.push(TcpChain {
                    server_names: if all {
                        Vec::new()
                    } else {
                        claims::distinct(&matched.sni_hosts)
                    },
                    termination: server.termination,
                    shares: shares(&rule.route, &resource.meta.namespace, server, mesh),
                    hashes_client_address: connection_hash::is_by_client_address(
                        &rule.route,
                        &resource.meta.namespace,
                        server,
                        mesh,
                    ),
                    limits: ConnectionLimits::of(&rule.route, &resource.meta.namespace, server, mesh),
                    tunnel: tunnel::of(&rule.route, &resource.meta.namespace, server, mesh),
                    resource,
                    path,
                });
            }
        }
    }
    chains
}

impl<'r> ServerNames<'r> {
    /// Takes the names for a match, unless one of them is taken.
    fn claim(&mut self, names: &[String], resource: &'r Resource<VirtualService>, path: &str) -> bool {
        let owner = |name: &String| Some((name.clone(), self.owners.get(name)?.clone()));
        if let Some((name, taken_by)) = names.iter().find_map(owner) {
            self.lost.push(LostNames {
                resource,
                path: path.to_owned(),
                name,
                names: names.to_vec(),
                taken_by,
            });
            return false;
        }
        let owner = (resource.origin.subject().to_owned(), path.to_owned());
        self.owners
            .extend(names.iter().map(|name| (name.clone(), owner.clone())));
        true
    }
}

/// The Envoy `FilterChain`.
pub(crate) fn filter_chain(chain: &TcpChain<'_>) -> FilterChain {
    let meta = &chain.resource.meta;
    let (stat_prefix, cluster) = match chain.shares.as_slice() {
        [(only, _)] => (only.name(), ClusterSpecifier::Cluster(only.name())),
        several => {
            let clusters = several.iter().map(|(cluster, weight)| ClusterWeight {
                name: cluster.name(),
                weight: *weight,
            });
            let clusters = clusters.collect();
            (
                format!("{}.{}", meta.name, meta.namespace),
                ClusterSpecifier::WeightedClusters(WeightedClusters { clusters }),
            )
        }
    };
    let proxy = TcpProxy {
        stat_prefix,
        cluster,
        idle_timeout: chain.limits.idle_timeout.map(Into::into),
        max_downstream_connection_duration: chain.limits.max_duration.map(Into::into),
        hash_policy: chain
            .hashes_client_address
            .then_some(HashPolicy::SourceIp(Empty {}))
            .into_iter()
            .collect(),
        access_log: Vec::new(),
        tunneling_config: chain.tunnel.map(tunnel::config),
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

/// Why a match of `resource` is not for a server with this port; none if it is.
pub(crate) fn mismatch(
    port: Option<u32>,
    gateways: &[String],
    resource: &Resource<VirtualService>,
    gateway_port: GatewayPort<'_>,
) -> Option<Mismatch> {
    let namespace = &resource.meta.namespace;
    let gateways: Vec<String> = gateways.iter().map(|it| gateway_name(it, namespace)).collect();
    matching::mismatch_of_connection(port, &gateways, gateway_port)
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
