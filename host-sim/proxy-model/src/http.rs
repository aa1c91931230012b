//! The configuration of an HTTP connection manager: its filters in order, its routes, what it removes and refuses.

use fingerpost_envoy_config::Empty;
use fingerpost_envoy_config::core::{AsyncDataSource, DataSource, Extension};
use fingerpost_envoy_config::filters::http_connection_manager::{
    EarlyHeaderMutation, HeaderMutation, HttpFilterConfig, Mutation, PathWithEscapedSlashesAction,
    UpgradeConfig,
};
use fingerpost_envoy_config::filters::wasm::{PluginConfiguration, Wasm};
use fingerpost_envoy_http::connection_manager::PathRules;
use fingerpost_envoy_http::header_map::Headers;
use fingerpost_envoy_http::upgrade;
use fingerpost_routing::RouteTable;
use serde::Deserialize;
use serde_json::Value;

use crate::ModelError;
use crate::filter::FilterSite;
use crate::of_a_run;
use crate::outcome::Skipped;
use crate::read::{Ignored, message};
use crate::virtual_host;

/// A connection manager.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) listener: String,
    pub(crate) edge: Edge,
    pub(crate) filters: Vec<HttpFilter>,
    pub(crate) routes: virtual_host::RouteTable,
    /// The protocols to which requests may upgrade, in lower case.
    upgrades: Vec<String>,
    /// The `server` of every response.
    pub(crate) server_name: String,
}

/// What a connection manager does to a request before any filter.
#[derive(Debug)]
pub(crate) struct Edge {
    /// Headers that are removed before anything else looks at them.
    pub(crate) removed_early: Vec<String>,
    pub(crate) path_rules: PathRules,
    /// How many proxies before this one are trusted.
    pub(crate) trusted_hops: u32,
}

/// Envoy's default.
fn usual_server_name() -> String {
    "envoy".to_owned()
}

/// A filter of the chain.
#[derive(Debug)]
pub(crate) enum HttpFilter {
    /// One that is not Envoy's own; the caller runs it.
    Plugin(Plugin),
    Fault,
    Cors,
    /// Makes gRPC of gRPC-Web.
    GrpcWeb,
    /// Of a listener that answers probes.
    HealthCheck,
    Router,
}

/// A Wasm plugin.
#[derive(Debug)]
pub(crate) struct Plugin {
    listener: String,
    name: String,
    module: String,
    configuration: Vec<u8>,
    capabilities: Vec<String>,
    /// Its routes, if any of them may depend on what only a run knows.
    of_a_run: Option<Box<RouteTable>>,
}

/// An `HttpConnectionManager` without its routes, which are read elsewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpHead {
    #[serde(rename = "@type")]
    _type: Ignored,
    use_remote_address: bool,
    #[serde(default)]
    xff_num_trusted_hops: u32,
    normalize_path: bool,
    #[serde(default, rename = "path_with_escaped_slashes_action")]
    _escaped_slashes: PathWithEscapedSlashesAction,
    #[serde(default)]
    early_header_mutation_extensions: Vec<Extension<EarlyHeaderMutation>>,
    #[serde(rename = "route_config")]
    _route_config: Ignored,
    http_filters: Vec<Extension<HttpFilterConfig>>,
    #[serde(default, rename = "stat_prefix")]
    _stat_prefix: Ignored,
    #[serde(default = "usual_server_name")]
    server_name: String,
    #[serde(default, rename = "common_http_protocol_options")]
    _http_options: Ignored,
    #[serde(default, rename = "http2_protocol_options")]
    _http2_options: Ignored,
    #[serde(default, rename = "stream_idle_timeout")]
    _stream_idle_timeout: Ignored,
    #[serde(default, rename = "forward_client_cert_details")]
    _client_cert: Ignored,
    #[serde(default, rename = "set_current_client_cert_details")]
    _client_cert_details: Ignored,
    #[serde(default, rename = "proxy_100_continue")]
    _continue: Ignored,
    #[serde(default)]
    upgrade_configs: Vec<UpgradeConfig>,
    #[serde(default, rename = "request_id_extension")]
    _request_id: Ignored,
    #[serde(default, rename = "access_log")]
    _access_log: Ignored,
}

impl Http {
    /// Reads an `HttpConnectionManager`.
    pub(crate) fn read(value: &Value, listener: &str, refuses_fragments: bool) -> Result<Self, ModelError> {
        let head: HttpHead = message(value)?;
        if !head.use_remote_address || !head.normalize_path {
            return Err(ModelError::new(
                "expected use_remote_address and normalize_path, as at a gateway",
            ));
        }
        let early = head.early_header_mutation_extensions.into_iter().flat_map(|it| {
            let EarlyHeaderMutation::HeaderMutation(HeaderMutation { mutations }) = it.typed_config;
            mutations
        });
        let filters = head
            .http_filters
            .into_iter()
            .map(|it| HttpFilter::read(it.typed_config, listener));
        Ok(Self {
            listener: listener.to_owned(),
            edge: Edge {
                removed_early: early
                    .map(|Mutation::Remove(name)| name.to_ascii_lowercase())
                    .collect(),
                path_rules: PathRules {
                    refuses_fragments,
                    normalizes: head.normalize_path,
                },
                trusted_hops: head.xff_num_trusted_hops,
            },
            filters: filters.collect(),
            server_name: head.server_name,
            routes: virtual_host::RouteTable::read(value.get("route_config").unwrap_or(&Value::Null))?,
            upgrades: head
                .upgrade_configs
                .into_iter()
                .map(|it| it.upgrade_type.to_ascii_lowercase())
                .collect(),
        })
    }

    /// Whether a request wants an upgrade that is not allowed.
    pub(crate) fn refuses_upgrade(&self, request: &Headers) -> bool {
        upgrade::wanted(request).is_some_and(|wanted| !self.upgrades.iter().any(|it| *it == wanted))
    }
}

impl HttpFilter {
    fn read(config: HttpFilterConfig, listener: &str) -> Self {
        match config {
            HttpFilterConfig::Fault(_) => Self::Fault,
            HttpFilterConfig::Cors(Empty {}) => Self::Cors,
            HttpFilterConfig::GrpcWeb(Empty {}) => Self::GrpcWeb,
            HttpFilterConfig::HealthCheck(_) => Self::HealthCheck,
            HttpFilterConfig::Router(Empty {}) => Self::Router,
            HttpFilterConfig::Wasm(Wasm { config }) => {
                let configuration = config.configuration.map_or_else(Vec::new, |it| {
                    let PluginConfiguration::Text { value } = it;
                    value.into_bytes()
                });
                Self::Plugin(Plugin {
                    listener: listener.to_owned(),
                    name: config.name,
                    module: match config.vm_config.code {
                        AsyncDataSource::Local(DataSource::Filename(path)) => path,
                        AsyncDataSource::Local(DataSource::InlineBytes(_) | DataSource::InlineString(_)) => {
                            String::new()
                        }
                    },
                    of_a_run: of_a_run::table(&configuration).map(Box::new),
                    configuration,
                    capabilities: config
                        .capability_restriction_config
                        .map_or_else(Vec::new, |it| it.allowed_capabilities.into_keys().collect()),
                })
            }
        }
    }
}

impl Plugin {
    /// Refuses to say what the filter makes of a request if only a run knows.
    pub(crate) fn check_run(&self, request: &Headers) -> Result<(), Skipped> {
        let table = self.of_a_run.as_deref();
        table.map_or(Ok(()), |table| of_a_run::check(table, request))
    }

    pub(crate) fn site(&self) -> FilterSite<'_> {
        FilterSite {
            listener: &self.listener,
            plugin: &self.name,
            module: &self.module,
            configuration: &self.configuration,
            capabilities: &self.capabilities,
        }
    }
}
