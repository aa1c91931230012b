//! Which Gateway servers the proxy serves, and how those that share a port become listeners.
//!
//! Decides selection, port resolution and merging. It builds no virtual host and no filter chain.
//! Source: istio `pilot/pkg/model/gateway.go`, `mergeGateways`; docs/istio-routing.md 1.1 to 1.7.

use std::collections::{BTreeMap, HashMap};

use fingerpost_resources::{Gateway, Resource, Resources, Server, ServerTlsMode, Service};

use crate::host;
use crate::options::Options;
use crate::protocol::Termination;
use crate::services::target_number;

/// A server of a Gateway that the proxy serves.
#[derive(Debug, Clone)]
pub(crate) struct BoundServer<'r> {
    /// The Gateway that it belongs to.
    pub gateway: &'r Resource<Gateway>,
    /// Its place in `spec.servers`.
    pub index: usize,
    /// Its place among all servers of the proxy.
    pub place: usize,
    /// The server as written.
    pub server: &'r Server,
    /// Its hosts: `host` or `namespace/host`.
    pub hosts: Vec<String>,
    /// The port that the Gateway declares: what `match.port` and default destination ports mean.
    pub declared_port: u32,
    /// The route configuration that it uses; empty for a server without HTTP.
    pub route_name: String,
    /// What it makes of connections.
    pub termination: Termination,
}

impl BoundServer<'_> {
    /// `namespace/name` of the Gateway.
    pub(crate) fn gateway_name(&self) -> String {
        self.gateway.meta.qualified_name()
    }

    /// Whether TLS passes through to the service that the client names, without a rule.
    pub(crate) fn is_auto_passthrough(&self) -> bool {
        let mode = self.server.tls.as_ref().and_then(|tls| tls.mode);
        mode == Some(ServerTlsMode::AutoPassthrough)
    }

    /// Whether gRPC-Web of browsers becomes gRPC here (istio listener_builder.go, `buildHTTPConnectionManager`).
    pub(crate) fn translates_grpc_web(&self) -> bool {
        let port = self.server.port.as_ref();
        port.is_some_and(|it| it.protocol.eq_ignore_ascii_case("GRPC-WEB"))
    }

    /// Whether plain text is answered by a redirect to HTTPS.
    pub(crate) fn redirects_to_https(&self) -> bool {
        self.server
            .tls
            .as_ref()
            .is_some_and(|tls| tls.https_redirect == Some(true))
    }
}

/// Servers that share one slot of a listener: a port, a protocol and an address to bind.
#[derive(Debug)]
pub(crate) struct ServerGroup<'r> {
    /// The servers, in order of merging.
    pub servers: Vec<BoundServer<'r>>,
    slot: Slot,
}

/// A listener: an address and a port with all the groups that live on it.
#[derive(Debug)]
pub(crate) struct MergedListener<'r> {
    /// The address to bind, `0.0.0.0` unless a server names one.
    pub bind: String,
    /// The port to listen on, after the translation by a Service.
    pub port: u32,
    /// Its groups, in order.
    pub groups: Vec<ServerGroup<'r>>,
}

impl<'r> MergedListener<'r> {
    /// Its servers, group by group.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &BoundServer<'r>> {
        self.groups.iter().flat_map(|group| &group.servers)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    port: u32,
    protocol: String,
    bind: String,
}

/// What is known while servers are merged (istio gateway.go, `mergeGateways`).
#[derive(Default)]
struct Merge<'r> {
    groups: Vec<ServerGroup<'r>>,
    /// By port: the slot of the last plain-text server.
    plain_text: BTreeMap<u32, Slot>,
    /// Claims of hosts by servers with a `tls` block: (port, host) to bind address.
    claims: BTreeMap<(u32, String), String>,
    route_names: Vec<String>,
}

/// A server of a selected Gateway that Istio drops, or that is left out since Envoy would refuse it.
#[derive(Debug)]
pub(crate) struct DroppedServer<'r> {
    pub server: BoundServer<'r>,
    pub conflict: ServerConflict,
}

/// The listeners of the proxy, in the order in which their first server comes, and the servers that are in none.
pub(crate) fn merge<'r>(
    resources: &'r Resources,
    options: &Options,
) -> (Vec<MergedListener<'r>>, Vec<DroppedServer<'r>>) {
    let mut merge = Merge::default();
    let mut dropped = Vec::new();
    let mut places = 0..;
    for gateway in selected(resources, options) {
        for (index, server) in gateway.spec.servers.iter().enumerate() {
            let Some(declared_port) = server.port.as_ref().and_then(|port| port.number) else {
                continue;
            };
            for port in listener_ports(declared_port, resources, options) {
                let slot = Slot {
                    port,
                    protocol: server
                        .port
                        .as_ref()
                        .map_or(String::new(), |it| it.protocol.to_uppercase()),
                    bind: server.bind.clone(),
                };
                let termination = Termination::of(server);
                let route_name = route_name(gateway, server, port, declared_port, termination);
                let hosts = host::server_hosts(&server.hosts, &gateway.meta.namespace);
                let bound = BoundServer {
                    gateway,
                    index,
                    place: places.next().unwrap_or(usize::MAX),
                    server,
                    hosts,
                    declared_port,
                    route_name,
                    termination,
                };
                let server = bound.clone();
                if let Err(conflict) = merge.add(slot, bound) {
                    dropped.push(DroppedServer { server, conflict });
                }
            }
        }
    }
    (listeners(merge.groups), dropped)
}

/// The Gateways of the input by `namespace/name`.
pub(crate) fn by_name(resources: &Resources) -> HashMap<String, &Resource<Gateway>> {
    let mut named = HashMap::new();
    for gateway in &resources.gateways {
        named.entry(gateway.meta.qualified_name()).or_insert(gateway);
    }
    named
}

/// Whether the labels of the proxy satisfy the selector of a Gateway.
pub(crate) fn selects_proxy(gateway: &Resource<Gateway>, options: &Options) -> bool {
    let mut selector = gateway.spec.selector.iter();
    selector.all(|(key, value)| options.labels.get(key) == Some(value))
}

/// The Gateways that select the proxy, in Istio's order.
fn selected<'r>(resources: &'r Resources, options: &Options) -> Vec<&'r Resource<Gateway>> {
    let gateways = resources.gateways.iter();
    let mut chosen: Vec<_> = gateways.filter(|it| selects_proxy(it, options)).collect();
    chosen.sort_by_key(|gateway| gateway.meta.creation_order());
    chosen
}

/// The ports to listen on for a Gateway port: the target port of the first Service that selects
/// the proxy and has that port, else the number itself (istio gateway.go, `resolvePorts`).
fn listener_ports(declared: u32, resources: &Resources, options: &Options) -> Vec<u32> {
    let selects = |service: &&Resource<Service>| {
        service.meta.namespace == options.namespace
            && !service.spec.selector.is_empty()
            && !service
                .meta
                .labels
                .contains_key("experimental.istio.io/disable-gateway-port-translation")
            && service
                .spec
                .selector
                .iter()
                .all(|(key, value)| options.labels.get(key) == Some(value))
    };
    let mut services: Vec<_> = resources.services.iter().filter(selects).collect();
    services.sort_by_key(|service| service.meta.creation_order());
    let target = services
        .iter()
        .flat_map(|service| &service.spec.ports)
        .find(|port| port.port == Some(declared))
        .map(|port| target_number(port).unwrap_or(declared));
    vec![target.unwrap_or(declared)]
}

/// The name of the route configuration (istio gateway.go, `gatewayRDSRouteName`).
fn route_name(
    gateway: &Resource<Gateway>,
    server: &Server,
    listener_port: u32,
    declared_port: u32,
    termination: Termination,
) -> String {
    let suffix = if server.bind.is_empty() {
        String::new()
    } else {
        format!(".{}", server.bind)
    };
    match termination {
        Termination::PlainHttp => format!("http.{listener_port}{suffix}"),
        Termination::Https => {
            let port_name = server.port.as_ref().map_or("", |port| &port.name);
            let (name, namespace) = (&gateway.meta.name, &gateway.meta.namespace);
            format!("https.{declared_port}.{port_name}.{name}.{namespace}{suffix}")
        }
        Termination::TlsToTcp | Termination::Passthrough | Termination::Tcp => String::new(),
    }
}

/// Why a server is in no listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerConflict {
    /// Another HTTPS server has the same port, port name and Gateway.
    SamePortName,
    /// An earlier server has the port, and the two can not be merged.
    PortTaken {
        /// The port to listen on.
        port: u32,
        /// The protocol of the earlier server, which has plain text.
        protocol: String,
        /// Whether the server itself takes TLS.
        with_tls: bool,
    },
    /// An earlier server with a `tls` block has one of its hosts on this port.
    HostTaken {
        /// The host as the server names it.
        host: String,
        /// The port to listen on.
        port: u32,
    },
    /// An earlier server has the same connections or the same address: Istio sends both, and Envoy refuses them.
    EnvoyRefuses {
        /// What is taken.
        taken: String,
        /// The earlier server.
        by: String,
    },
}

impl<'r> Merge<'r> {
    /// Adds one server, or says why Istio drops it.
    fn add(&mut self, slot: Slot, bound: BoundServer<'r>) -> Result<(), ServerConflict> {
        if bound.server.tls.is_some() {
            self.claim_hosts(&slot, &bound)?;
        }
        let port_is_new = self.groups.iter().all(|group| group.slot.port != slot.port);
        let plain = matches!(bound.termination, Termination::PlainHttp | Termination::Tcp);
        if port_is_new {
            if plain {
                self.plain_text.insert(slot.port, slot.clone());
            }
            self.append(slot, bound);
            return Ok(());
        }
        let Some(current) = self.plain_text.get(&slot.port).cloned() else {
            if bound.termination == Termination::Https && self.route_names.contains(&bound.route_name) {
                return Err(ServerConflict::SamePortName);
            }
            self.append(slot, bound);
            return Ok(());
        };
        if current.bind != slot.bind {
            self.append(slot, bound);
            return Ok(());
        }
        let both_http = self.is_plain_http(&current) && bound.termination == Termination::PlainHttp;
        if !both_http {
            return Err(ServerConflict::PortTaken {
                port: slot.port,
                protocol: current.protocol,
                with_tls: !plain,
            });
        }
        self.append(current, bound);
        Ok(())
    }

    /// A host may be claimed once per port and address by servers with a `tls` block, an HTTP one
    /// with the redirect included (istio gateway.go, `CheckDuplicates`).
    fn claim_hosts(&mut self, slot: &Slot, bound: &BoundServer<'r>) -> Result<(), ServerConflict> {
        for name in &bound.hosts {
            let claimed = self.claims.get(&(slot.port, name.clone()));
            if claimed.is_some_and(|bind| *bind == slot.bind) {
                return Err(ServerConflict::HostTaken {
                    host: name.clone(),
                    port: slot.port,
                });
            }
        }
        for name in &bound.hosts {
            self.claims.insert((slot.port, name.clone()), slot.bind.clone());
        }
        Ok(())
    }

    fn is_plain_http(&self, slot: &Slot) -> bool {
        crate::protocol::Protocol::parse(&slot.protocol).is_plain_http()
    }

    fn append(&mut self, slot: Slot, bound: BoundServer<'r>) {
        if !bound.route_name.is_empty() {
            self.route_names.push(bound.route_name.clone());
        }
        match self.groups.iter_mut().find(|group| group.slot == slot) {
            Some(group) => group.servers.push(bound),
            None => self.groups.push(ServerGroup {
                servers: vec![bound],
                slot,
            }),
        }
    }
}

/// Groups with the same address and port share a listener.
fn listeners(groups: Vec<ServerGroup<'_>>) -> Vec<MergedListener<'_>> {
    let mut listeners: Vec<MergedListener<'_>> = Vec::new();
    for group in groups {
        let port = group.slot.port;
        let bind = match group.slot.bind.as_str() {
            "" => "0.0.0.0".to_owned(),
            bind => bind.to_owned(),
        };
        match listeners.iter_mut().find(|it| it.bind == bind && it.port == port) {
            Some(listener) => listener.groups.push(group),
            None => listeners.push(MergedListener {
                bind,
                port,
                groups: vec![group],
            }),
        }
    }
    listeners
}
