//! Filter chains that carry HTTP: the connection manager and its filters.
//!
//! Decides the settings that Istio gives a gateway, and which filters there are. What the route table says is the matter
//! of `virtual_hosts`.
//! Source: istio `pilot/pkg/networking/core/gateway.go` and `listener_builder.go`; docs/istio-routing.md 1.8.

use fingerpost_envoy_config::core::{AsyncDataSource, DataSource, Extension};
use fingerpost_envoy_config::filters::fault::HttpFault;
use fingerpost_envoy_config::filters::http_connection_manager::{
    EarlyHeaderMutation, ForwardClientCertDetails, HeaderMutation, HttpConnectionManager, HttpFilter,
    HttpFilterConfig, HttpFilterConfigType, Mutation, PathWithEscapedSlashesAction, RequestIdConfig,
    RouteSpecifier, SetCurrentClientCertDetails, UpgradeConfig, UuidRequestIdConfig,
};
use fingerpost_envoy_config::filters::wasm::{
    CapabilityRestrictionConfig, FailurePolicy, PluginConfig, PluginConfiguration, VmConfig, Wasm,
};
use fingerpost_envoy_config::listener::{FilterChain, NetworkFilterConfig};
use fingerpost_envoy_config::route::RouteConfiguration;
use fingerpost_envoy_config::{Duration, Empty};
use fingerpost_routing_config::{CAPABILITIES, DISPATCH_HEADER, RoutingConfig};

use crate::dispatch;
use crate::gateways::BoundServer;
use crate::mesh::Mesh;
use crate::native;
use crate::options::Engine;
use crate::refused_upgrades;
use crate::virtual_hosts::RouteConfig;

/// How long a client may take for its handshake: Istio's setting.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// One HTTP connection manager.
#[derive(Debug)]
pub(crate) struct HttpChain<'r> {
    /// What it routes by.
    pub routes: RouteConfig<'r>,
    /// What the filter routes by, if it is in the chain.
    pub filter: Option<FilterSettings>,
    /// The server names of its connections; empty for all.
    pub server_names: Vec<String>,
}

/// What a filter is configured by.
#[derive(Debug)]
pub(crate) struct FilterSettings {
    /// Its configuration.
    pub config: RoutingConfig,
    /// The length of that as JSON, in bytes.
    pub bytes: usize,
}

/// Builds the chain of a listener for connections with these server names; none for all. `first` is the first of its
/// servers.
pub(crate) fn build<'r>(
    listener: &str,
    routes: RouteConfig<'r>,
    server_names: &[String],
    first: &BoundServer<'_>,
    mesh: &Mesh<'_>,
) -> (FilterChain, HttpChain<'r>) {
    let mut filters = Vec::new();
    let (route_config, filter) = match mesh.options.engine {
        Engine::Native => (native::route_config(&routes), None),
        Engine::Wasm => {
            let mut split = dispatch::split_route_config(&routes, mesh.options);
            let table = format!("{listener}/{}", routes.name);
            if mesh.options.operations.is_some() {
                split.config.revision = Some(dispatch::revision(table.clone(), &split.config));
            }
            // The types of the contract hold texts and numbers only: they always serialise.
            let mut text = serde_json::to_string(&split.config.for_filter()).unwrap_or_default();
            text.shrink_to_fit();
            let settings = FilterSettings {
                config: split.config,
                bytes: text.len(),
            };
            filters.push(wasm_filter(&table, text, mesh));
            (split.route_config, Some(settings))
        }
    };
    if first.translates_grpc_web() {
        filters.push(filter_of(
            "envoy.filters.http.grpc_web",
            HttpFilterConfig::GrpcWeb(Empty {}),
        ));
    }
    filters.extend([
        filter_of(
            "envoy.filters.http.fault",
            HttpFilterConfig::Fault(HttpFault::default()),
        ),
        filter_of("envoy.filters.http.cors", HttpFilterConfig::Cors(Empty {})),
        filter_of("envoy.filters.http.router", HttpFilterConfig::Router(Empty {})),
    ]);
    let manager = connection_manager(listener, route_config, filters, mesh);
    let chain = FilterChain {
        filters: vec![Extension {
            name: "envoy.filters.network.http_connection_manager".to_owned(),
            typed_config: NetworkFilterConfig::HttpConnectionManager(Box::new(manager)),
        }],
        transport_socket_connect_timeout: Some(HANDSHAKE_TIMEOUT),
        ..FilterChain::default()
    };
    let built = HttpChain {
        routes,
        filter,
        server_names: server_names.to_vec(),
    };
    (chain, built)
}

fn filter_of(name: &str, config: HttpFilterConfig) -> HttpFilter {
    HttpFilter {
        name: name.to_owned(),
        config: HttpFilterConfigType::TypedConfig(config),
    }
}

/// The settings that Istio gives a gateway (docs/istio-routing.md 1.8), and the early removal of control headers.
fn connection_manager(
    listener: &str,
    route_config: RouteConfiguration,
    http_filters: Vec<HttpFilter>,
    mesh: &Mesh<'_>,
) -> HttpConnectionManager {
    HttpConnectionManager {
        stat_prefix: format!("outbound_{listener}"),
        server_name: "istio-envoy".to_owned(),
        use_remote_address: Some(true),
        xff_num_trusted_hops: mesh.options.trusted_hops,
        normalize_path: Some(true),
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction::KeepUnchanged,
        stream_idle_timeout: Some(Duration::from_secs(0)),
        forward_client_cert_details: ForwardClientCertDetails::SanitizeSet,
        set_current_client_cert_details: Some(SetCurrentClientCertDetails {
            subject: true,
            cert: true,
            dns: true,
            uri: true,
        }),
        common_http_protocol_options: None,
        http2_protocol_options: None,
        proxy_100_continue: true,
        upgrade_configs: refused_upgrades::ALLOWED
            .map(|protocol| UpgradeConfig {
                upgrade_type: protocol.to_owned(),
            })
            .into(),
        request_id_extension: Some(Extension {
            name: String::new(),
            typed_config: RequestIdConfig::Uuid(UuidRequestIdConfig {
                use_request_id_for_trace_sampling: Some(true),
            }),
        }),
        early_header_mutation_extensions: early_removal(mesh).into_iter().collect(),
        routes: RouteSpecifier::RouteConfig(route_config),
        http_filters,
        access_log: Vec::new(),
    }
}

/// Headers that no client may send: they are gone before any filter sees the request.
fn early_removal(mesh: &Mesh<'_>) -> Option<Extension<EarlyHeaderMutation>> {
    let mut names = Vec::new();
    if mesh.options.engine == Engine::Wasm {
        names.push(DISPATCH_HEADER);
    }
    if mesh.options.envoy.obeys_stream_duration_of_clients() {
        names.push("x-envoy-upstream-stream-duration-ms");
    }
    let mutations = names.iter().map(|name| Mutation::Remove((*name).to_owned()));
    (!names.is_empty()).then(|| Extension {
        name: "envoy.http.early_header_mutation.header_mutation".to_owned(),
        typed_config: EarlyHeaderMutation::HeaderMutation(HeaderMutation {
            mutations: mutations.collect(),
        }),
    })
}

/// Our filter with this configuration.
fn wasm_filter(name: &str, configuration: String, mesh: &Mesh<'_>) -> HttpFilter {
    let plugin = PluginConfig {
        name: format!("fingerpost/{name}"),
        root_id: "fingerpost".to_owned(),
        vm_config: VmConfig {
            vm_id: "fingerpost".to_owned(),
            runtime: "envoy.wasm.runtime.v8".to_owned(),
            code: AsyncDataSource::Local(DataSource::Filename(mesh.options.module_path.clone())),
        },
        configuration: Some(PluginConfiguration::Text { value: configuration }),
        // After a trap the worker gets a new VM. The other policies leave it without the filter for good: then FAIL_CLOSED
        // answers every request with 503, and FAIL_OPEN with 404, for no request without a key has a route.
        failure_policy: Some(FailurePolicy::FailReload),
        capability_restriction_config: Some(CapabilityRestrictionConfig {
            allowed_capabilities: CAPABILITIES.map(|name| (name.to_owned(), Empty {})).into(),
        }),
    };
    filter_of("fingerpost", HttpFilterConfig::Wasm(Wasm { config: plugin }))
}
