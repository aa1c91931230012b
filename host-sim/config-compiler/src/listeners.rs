//! Listeners and their HTTP connection managers.
//!
//! Decides filter chains, filters and the settings that Istio gives a gateway. What a route table says
//! is `virtual_hosts`' matter, what bytes do is `tcp`'s.
//! Source: istio `pilot/pkg/networking/core/gateway.go` and `listener_builder.go`; spec 1.6, 1.8, 1.13.

use fingerpost_envoy_config::route::RouteConfiguration;
use fingerpost_resources::{Diagnostics, Resources};
use fingerpost_routing_config::{DISPATCH_HEADER, RoutingConfig};
use serde_json::{Value, json};

use crate::address::address;
use crate::claims::{self, Claims, Taken};
use crate::credentials::FileSecret;
use crate::dispatch;
use crate::gateways::{BoundServer, MergedListener};
use crate::mesh::Mesh;
use crate::native;
use crate::options::Engine;
use crate::proto::{Fields, fields, object, typed};
use crate::protocol::Termination;
use crate::tcp;
use crate::tls::{self, InlineCertificate};
use crate::virtual_hosts::{self, RouteConfig};
use crate::virtual_services::BoundService;

/// What a listener was made of, beside its Envoy configuration.
#[derive(Debug)]
pub(crate) struct BuiltListener<'r> {
    /// Envoy's name for it: `address_port`.
    pub name: String,
    /// The port to listen on.
    pub port: u32,
    /// The Envoy `Listener`.
    pub envoy: Value,
    /// Its HTTP chains.
    pub http: Vec<HttpChain<'r>>,
    /// Its chains of bytes.
    pub tcp: Vec<tcp::TcpChain<'r>>,
    /// The protocol names of its servers, without repeats.
    pub protocols: Vec<String>,
    /// The ports that its Gateways declare, without repeats.
    pub declared_ports: Vec<u32>,
    /// What its servers read from files.
    pub file_secrets: Vec<FileSecret>,
    /// The certificates of its servers that it holds.
    pub certificates: Vec<InlineCertificate>,
    /// Envoy's `Secret`s that its servers name and that the bootstrap holds.
    pub secrets: Vec<Value>,
}

/// One HTTP connection manager.
#[derive(Debug)]
pub(crate) struct HttpChain<'r> {
    /// What it routes by.
    pub routes: RouteConfig<'r>,
    /// The filter's config, if the filter is in the chain.
    pub config: Option<RoutingConfig>,
    /// The server names of its connections; empty for all.
    pub server_names: Vec<String>,
}

/// Builds a listener, or nothing where no chain results (a TCP server without a route).
pub(crate) fn build<'r>(
    merged: &MergedListener<'_>,
    services: &[BoundService<'r>],
    mesh: &Mesh<'_>,
    resources: &Resources,
    diagnostics: &mut Diagnostics,
) -> Option<BuiltListener<'r>> {
    let name = format!("{}_{}", merged.bind, merged.port);
    let mut chains = Vec::new();
    let mut http = Vec::new();
    let mut tcp_chains = Vec::new();
    let (mut inspects_tls, mut passes_tls) = (false, false);
    let mut taken_names: Vec<String> = Vec::new();
    let mut file_secrets = Vec::new();
    let mut certificates = Vec::new();
    let mut secrets: Vec<Value> = Vec::new();
    let servers = || merged.groups.iter().flat_map(|group| &group.servers);
    for server in servers().filter(|it| it.is_auto_passthrough()) {
        report_auto_passthrough(server, diagnostics);
    }
    let mut add_tls = |chain: &mut Value, server: &BoundServer<'_>, names: &[String]| {
        inspects_tls = true;
        let built = tls::downstream(server, &name, names, mesh, resources, diagnostics);
        let Value::Object(chain) = chain else { return };
        if !names.is_empty() {
            chain.insert("filter_chain_match".to_owned(), json!({"server_names": names}));
        }
        chain.insert("transport_socket".to_owned(), built.socket);
        file_secrets.extend(built.file_secrets);
        certificates.extend(built.certificates);
        secrets.extend(built.secrets);
    };
    let mut claims = Claims::default();
    let mut dropped: Vec<(&BoundServer<'_>, Taken)> = Vec::new();
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
            let routes = virtual_hosts::build(&group.servers, services, mesh);
            chains.push(http_chain(&name, routes, mesh, &mut http));
            continue;
        }
        for server in &group.servers {
            match server.termination {
                Termination::PlainHttp | Termination::Https => {
                    let names = server_names(server);
                    if !claim(&names, server) {
                        continue;
                    }
                    let routes = virtual_hosts::build(std::slice::from_ref(server), services, mesh);
                    let mut chain = http_chain(&name, routes, mesh, &mut http);
                    if let Some(built) = http.last_mut() {
                        built.server_names.clone_from(&names);
                    }
                    add_tls(&mut chain, server, &names);
                    chains.push(chain);
                }
                Termination::TlsToTcp => {
                    let names = server_names(server);
                    if let Some(built) = tcp::routed_by_port(server, services, mesh)
                        && claim(&names, server)
                    {
                        let mut chain = tcp::filter_chain(&built);
                        add_tls(&mut chain, server, &names);
                        chains.push(chain);
                        tcp_chains.push(built);
                    }
                }
                Termination::Passthrough if server.is_auto_passthrough() => {}
                Termination::Passthrough => {
                    for built in tcp::routed_by_name(server, services, mesh, &mut taken_names) {
                        if !claim(&built.server_names, server) {
                            continue;
                        }
                        passes_tls = true;
                        chains.push(tcp::filter_chain(&built));
                        tcp_chains.push(built);
                    }
                }
                Termination::Tcp => {
                    if let Some(built) = tcp::routed_by_port(server, services, mesh)
                        && claim(&[], server)
                    {
                        chains.push(tcp::filter_chain(&built));
                        tcp_chains.push(built);
                    }
                }
            }
        }
    }
    for (server, taken) in &dropped {
        claims::warn(server, taken, diagnostics);
    }
    if chains.is_empty() {
        return None;
    }
    let protocols = servers()
        .filter_map(|it| it.server.port.as_ref())
        .map(|port| port.protocol.clone());
    let mut envoy = fields(json!({
        "name": name,
        "address": serde_json::to_value(address(&merged.bind, merged.port)).unwrap_or_default(),
        "traffic_direction": "OUTBOUND",
    }));
    if inspects_tls || passes_tls {
        let inspector = typed(
            "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            Fields::new(),
        );
        envoy.insert(
            "listener_filters".to_owned(),
            json!([{"name": "envoy.filters.listener.tls_inspector", "typed_config": inspector}]),
        );
    }
    envoy.insert("filter_chains".to_owned(), chains.into());
    Some(BuiltListener {
        port: merged.port,
        envoy: Value::Object(envoy),
        http,
        tcp: tcp_chains,
        protocols: without_repeats(protocols),
        declared_ports: without_repeats(servers().map(|it| it.declared_port)),
        file_secrets,
        certificates,
        secrets,
        name,
    })
}

/// Istio leads such a server to every service by its name, without a VirtualService.
fn report_auto_passthrough(server: &BoundServer<'_>, diagnostics: &mut Diagnostics) {
    let message = format!(
        "AUTO_PASSTHROUGH is not supported: nothing listens on port {} for this server",
        server.declared_port
    );
    diagnostics
        .warn("auto-passthrough", message)
        .on(
            &server.gateway.origin,
            format!("spec.servers[{}].tls.mode", server.index),
        )
        .help("Istio opens the port for the services of the mesh, without a VirtualService");
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

fn http_chain<'r>(
    listener: &str,
    routes: RouteConfig<'r>,
    mesh: &Mesh<'_>,
    built: &mut Vec<HttpChain<'r>>,
) -> Value {
    let mut filters = Vec::new();
    let (route_config, config) = match mesh.options.engine {
        Engine::Native => (native::route_config(&routes), None),
        Engine::Wasm => {
            let divided = dispatch::split_route_config(&routes, mesh.options.envoy);
            filters.push(wasm_filter(
                &format!("{listener}/{}", routes.name),
                &divided.config,
                mesh,
            ));
            (divided.route_config, Some(divided.config))
        }
    };
    for (name, kind) in [
        (
            "envoy.filters.http.fault",
            "envoy.extensions.filters.http.fault.v3.HTTPFault",
        ),
        (
            "envoy.filters.http.cors",
            "envoy.extensions.filters.http.cors.v3.Cors",
        ),
        (
            "envoy.filters.http.router",
            "envoy.extensions.filters.http.router.v3.Router",
        ),
    ] {
        filters.push(json!({"name": name, "typed_config": typed(kind, Fields::new())}));
    }
    let manager = connection_manager(listener, route_config, filters, mesh);
    built.push(HttpChain {
        routes,
        config,
        server_names: Vec::new(),
    });
    let filter = object([
        ("name", json!("envoy.filters.network.http_connection_manager")),
        ("typed_config", manager),
    ]);
    object([
        ("filters", vec![filter].into()),
        ("transport_socket_connect_timeout", json!("15s")),
    ])
}

/// The settings that Istio gives a gateway (spec 1.8), and the early removal of control headers.
fn connection_manager(
    listener: &str,
    route_config: RouteConfiguration,
    filters: Vec<Value>,
    mesh: &Mesh<'_>,
) -> Value {
    let mut manager = fields(json!({
        "stat_prefix": format!("outbound_{listener}"),
        "server_name": "istio-envoy",
        "use_remote_address": true,
        "normalize_path": true,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "stream_idle_timeout": "0s",
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"subject": true, "cert": true, "dns": true, "uri": true},
        "proxy_100_continue": true,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "request_id_extension": {"typed_config": typed(
            "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
            fields(json!({"use_request_id_for_trace_sampling": true})),
        )},
    }));
    let removed = removed_early(mesh);
    if !removed.is_empty() {
        let mutations: Vec<Value> = removed.iter().map(|name| json!({"remove": name})).collect();
        let config = typed(
            "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            fields(json!({"mutations": mutations})),
        );
        manager.insert(
            "early_header_mutation_extensions".to_owned(),
            json!([{"name": "envoy.http.early_header_mutation.header_mutation", "typed_config": config}]),
        );
    }
    let route_config = serde_json::to_value(route_config).unwrap_or_default();
    manager.insert("route_config".to_owned(), route_config);
    manager.insert("http_filters".to_owned(), filters.into());
    typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        manager,
    )
}

/// Headers that no client may send: they are gone before any filter sees the request.
fn removed_early(mesh: &Mesh<'_>) -> Vec<&'static str> {
    let mut names = Vec::new();
    if mesh.options.engine == Engine::Wasm {
        names.push(DISPATCH_HEADER);
    }
    if mesh.options.envoy.obeys_stream_duration_of_clients() {
        names.push("x-envoy-upstream-stream-duration-ms");
    }
    names
}

fn wasm_filter(name: &str, config: &RoutingConfig, mesh: &Mesh<'_>) -> Value {
    // The types of the contract hold strings and numbers only: they always serialise.
    let text = serde_json::to_string(config).unwrap_or_default();
    let plugin = fields(json!({"config": {
        "name": format!("fingerpost/{name}"),
        "root_id": "fingerpost",
        "vm_config": {
            "vm_id": "fingerpost",
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": mesh.options.module_path}},
        },
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text},
        "failure_policy": "FAIL_RELOAD",
    }}));
    json!({
        "name": "fingerpost",
        "typed_config": typed("envoy.extensions.filters.http.wasm.v3.Wasm", plugin),
    })
}
