//! Listeners and their filter chains.
//!
//! Decides which chains a listener has and which connections they accept. What is in a chain is the matter of
//! `http_chain`, `tcp` and `tls`.
//! Source: istio `pilot/pkg/networking/core/gateway.go`; docs/istio-routing.md 1.6, 1.13.

use fingerpost_envoy_config::Empty;
use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::listener::{
    FilterChain, FilterChainMatch, Listener, ListenerFilterConfig, TrafficDirection,
};
use fingerpost_envoy_config::tls::Secret;
use fingerpost_resources::{Diagnostics, Resources};

use crate::address::address;
use crate::attachments::Attachments;
use crate::certificate_sources::InlineSecret;
use crate::chain_summary::ChainSummary;
use crate::claims::{self, Claims, Taken};
use crate::file_secrets::FileSecret;
use crate::gateways::{BoundServer, DroppedServer, MergedListener};
use crate::http_chain::{self, HttpChain};
use crate::mesh::Mesh;
use crate::protocol::Termination;
use crate::tcp;
use crate::tls;
use crate::virtual_hosts;

/// What a listener was made of, beside its Envoy configuration.
#[derive(Debug)]
pub(crate) struct BuiltListener<'r> {
    /// Envoy's name for it: `address_port`.
    pub name: String,
    /// The port to listen on.
    pub port: u32,
    /// The Envoy `Listener`.
    pub envoy: Listener,
    /// Its HTTP chains.
    pub http: Vec<HttpChain<'r>>,
    /// Its chains of bytes.
    pub tcp: Vec<tcp::TcpChain<'r>>,
    /// All its chains, in Envoy's order.
    pub chains: Vec<ChainSummary>,
    /// The protocol names of its servers, without repeats.
    pub protocols: Vec<String>,
    /// The ports that its Gateways declare, without repeats.
    pub declared_ports: Vec<u32>,
    /// What its servers read from files.
    pub file_secrets: Vec<FileSecret>,
    /// The Secrets of the input that its servers hold.
    pub inline_secrets: Vec<InlineSecret>,
    /// Envoy's `Secret`s that its servers name and that the bootstrap holds.
    pub secrets: Vec<Secret>,
}

/// What of the listeners' servers and `tls` rules makes no filter chain, since an earlier one has the connections.
#[derive(Debug, Default)]
pub(crate) struct Lost<'r> {
    pub servers: Vec<DroppedServer<'r>>,
    pub names: Vec<tcp::LostNames<'r>>,
}

/// Builds a listener, or nothing where no chain results (a TCP server without a route).
pub(crate) fn build<'r>(
    merged: &MergedListener<'r>,
    attachments: &Attachments<'_, 'r>,
    mesh: &Mesh<'r>,
    resources: &Resources,
    lost: &mut Lost<'r>,
    diagnostics: &mut Diagnostics,
) -> Option<BuiltListener<'r>> {
    let name = format!("{}_{}", merged.bind, merged.port);
    let mut chains = Vec::new();
    let mut http = Vec::new();
    let mut tcp_chains = Vec::new();
    let mut summaries = Vec::new();
    let (mut inspects_tls, mut passes_tls) = (false, false);
    let mut taken_names = tcp::ServerNames::default();
    let mut file_secrets = Vec::new();
    let mut inline_secrets = Vec::new();
    let mut secrets: Vec<Secret> = Vec::new();
    let servers = || merged.groups.iter().flat_map(|group| &group.servers);
    let mut add_tls = |chain: &mut FilterChain, server: &BoundServer<'_>, names: &[String]| {
        inspects_tls = true;
        let built = tls::downstream(server, &name, names, mesh, resources, diagnostics);
        chain.filter_chain_match = FilterChainMatch {
            server_names: names.to_vec(),
        };
        chain.transport_socket = built.socket;
        file_secrets.extend(built.file_secrets);
        inline_secrets.extend(built.inline_secrets);
        secrets.extend(built.secrets);
    };
    let mut claims = Claims::default();
    let mut dropped: Vec<(&BoundServer<'r>, Taken)> = Vec::new();
    let mut claim = |names: &[String], server| {
        let claimed = claims.server_names(names, &claims::describe(server));
        claimed.map_err(|taken| dropped.push((server, taken))).is_ok()
    };
    for group in &merged.groups {
        let plain = group
            .servers
            .first()
            .is_some_and(|it| it.termination == Termination::PlainHttp);
        if let Some(first) = group.servers.first().filter(|_| plain) {
            if !claim(&[], first) {
                continue;
            }
            let routes = virtual_hosts::build(&group.servers, attachments, mesh);
            let (chain, built) = http_chain::build(&name, routes, &[], first, mesh);
            chains.push(chain);
            summaries.push(ChainSummary::new(first, &[]));
            http.push(built);
            continue;
        }
        for server in &group.servers {
            match server.termination {
                Termination::PlainHttp | Termination::Https => {
                    let names = server_names(server);
                    if !claim(&names, server) {
                        continue;
                    }
                    let routes = virtual_hosts::build(std::slice::from_ref(server), attachments, mesh);
                    let (mut chain, built) = http_chain::build(&name, routes, &names, server, mesh);
                    add_tls(&mut chain, server, &names);
                    chains.push(chain);
                    summaries.push(ChainSummary::new(server, &names));
                    http.push(built);
                }
                Termination::TlsToTcp => {
                    let names = server_names(server);
                    if let Some(built) =
                        tcp::routed_by_port(server, &names, attachments.services(server), mesh)
                        && claim(&names, server)
                    {
                        let mut chain = tcp::filter_chain(&built);
                        add_tls(&mut chain, server, &names);
                        chains.push(chain);
                        summaries.push(ChainSummary::new(server, &names));
                        tcp_chains.push(built);
                    }
                }
                Termination::Passthrough if server.is_auto_passthrough() => {}
                Termination::Passthrough => {
                    for built in
                        tcp::routed_by_name(server, attachments.services(server), mesh, &mut taken_names)
                    {
                        if !claim(&built.server_names, server) {
                            continue;
                        }
                        passes_tls = true;
                        chains.push(tcp::filter_chain(&built));
                        summaries.push(ChainSummary::new(server, &built.server_names));
                        tcp_chains.push(built);
                    }
                }
                Termination::Tcp => {
                    if let Some(built) = tcp::routed_by_port(server, &[], attachments.services(server), mesh)
                        && claim(&[], server)
                    {
                        chains.push(tcp::filter_chain(&built));
                        summaries.push(ChainSummary::new(server, &[]));
                        tcp_chains.push(built);
                    }
                }
            }
        }
    }
    lost.servers.extend(
        dropped
            .iter()
            .map(|(server, taken)| claims::dropped(server, taken)),
    );
    lost.names.extend(taken_names.lost);
    if chains.is_empty() {
        return None;
    }
    let protocols = servers()
        .filter_map(|it| it.server.port.as_ref())
        .map(|port| port.protocol.clone());
    let inspector = (inspects_tls || passes_tls).then(|| Extension {
        name: "envoy.filters.listener.tls_inspector".to_owned(),
        typed_config: ListenerFilterConfig::TlsInspector(Empty {}),
    });
    let envoy = Listener {
        name: name.clone(),
        stat_prefix: String::new(),
        address: address(&merged.bind, merged.port),
        traffic_direction: TrafficDirection::Outbound,
        listener_filters: inspector.into_iter().collect(),
        filter_chains: chains,
        access_log: Vec::new(),
        ignore_global_conn_limit: false,
    };
    Some(BuiltListener {
        port: merged.port,
        envoy,
        http,
        tcp: tcp_chains,
        chains: summaries,
        protocols: without_repeats(protocols),
        declared_ports: without_repeats(servers().map(|it| it.declared_port)),
        file_secrets,
        inline_secrets,
        secrets,
        name,
    })
}

fn without_repeats<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

/// The server names of a chain: none at all where one of the hosts is `*`, which takes every client
/// (istio listener.go, `toFilterChainMatch`).
fn server_names(server: &BoundServer<'_>) -> Vec<String> {
    let mut names: Vec<String> = server
        .hosts
        .iter()
        .map(|it| crate::host::without_namespace(it).to_owned())
        .collect();
    if names.iter().any(|name| name == "*") {
        return Vec::new();
    }
    names.sort();
    claims::distinct(&names)
}
