//! The configuration of an HTTP connection manager: its filters in order, its routes, what it removes and refuses.

use fingerpost_envoy_http::connection_manager::PathRules;
use fingerpost_envoy_http::header_map::Headers;
use fingerpost_envoy_http::upgrade;
use serde::Deserialize;
use serde_json::Value;

use crate::ModelError;
use crate::filter::FilterSite;
use crate::read::{Ignored, message};
use crate::virtual_host::RouteTable;

/// A connection manager.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) listener: String,
    pub(crate) edge: Edge,
    pub(crate) filters: Vec<HttpFilter>,
    pub(crate) routes: RouteTable,
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
    Router,
}

/// A Wasm plugin.
#[derive(Debug)]
pub(crate) struct Plugin {
    listener: String,
    name: String,
    module: String,
    configuration: Vec<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHttp {
    #[serde(rename = "@type")]
    _type: Ignored,
    use_remote_address: bool,
    normalize_path: bool,
    #[serde(default, rename = "path_with_escaped_slashes_action")]
    _escaped_slashes: EscapedSlashes,
    #[serde(default)]
    early_header_mutation_extensions: Vec<EarlyMutation>,
    #[serde(rename = "route_config")]
    _route_config: Ignored,
    http_filters: Vec<WrittenFilter>,
    #[serde(default, rename = "stat_prefix")]
    _stat_prefix: Ignored,
    #[serde(default = "usual_server_name")]
    server_name: String,
    #[serde(default, rename = "stream_idle_timeout")]
    _stream_idle_timeout: Ignored,
    #[serde(default, rename = "forward_client_cert_details")]
    _client_cert: Ignored,
    #[serde(default, rename = "set_current_client_cert_details")]
    _client_cert_details: Ignored,
    #[serde(default, rename = "proxy_100_continue")]
    _continue: Ignored,
    #[serde(default)]
    upgrade_configs: Vec<WrittenUpgrade>,
    #[serde(default, rename = "request_id_extension")]
    _request_id: Ignored,
    #[serde(default, rename = "access_log")]
    _access_log: Ignored,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUpgrade {
    upgrade_type: String,
}

/// What is done to a path with `%2F`: nothing else is supported.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum EscapedSlashes {
    #[default]
    ImplementationSpecificDefault,
    KeepUnchanged,
}

#[derive(Debug, Deserialize)]
struct EarlyMutation {
    typed_config: HeaderMutation,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "@type", deny_unknown_fields)]
enum HeaderMutation {
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    )]
    Headers { mutations: Vec<Mutation> },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    remove: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFilter {
    #[serde(default, rename = "name")]
    _name: Ignored,
    typed_config: FilterConfig,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "@type")]
enum FilterConfig {
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm")]
    Wasm { config: WrittenPlugin },
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault")]
    Fault {},
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors")]
    Cors {},
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router")]
    Router {},
}

#[derive(Debug, Deserialize)]
struct WrittenPlugin {
    #[serde(default)]
    name: String,
    #[serde(default)]
    vm_config: Value,
    #[serde(default)]
    configuration: Value,
}

impl Http {
    /// Reads an `HttpConnectionManager`.
    pub(crate) fn read(value: &Value, listener: &str, refuses_fragments: bool) -> Result<Self, ModelError> {
        let written: WrittenHttp = message(value)?;
        if !written.use_remote_address || !written.normalize_path {
            return Err(ModelError::new(
                "expected use_remote_address and normalize_path, as at a gateway",
            ));
        }
        let early = written
            .early_header_mutation_extensions
            .into_iter()
            .flat_map(|it| {
                let HeaderMutation::Headers { mutations } = it.typed_config;
                mutations
            });
        let filters = written
            .http_filters
            .into_iter()
            .map(|it| HttpFilter::read(it.typed_config, listener));
        Ok(Self {
            listener: listener.to_owned(),
            edge: Edge {
                removed_early: early.map(|it| it.remove.to_ascii_lowercase()).collect(),
                path_rules: PathRules {
                    refuses_fragments,
                    normalizes: written.normalize_path,
                },
            },
            filters: filters.collect(),
            server_name: written.server_name,
            routes: RouteTable::read(value.get("route_config").unwrap_or(&Value::Null))?,
            upgrades: written
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
    fn read(config: FilterConfig, listener: &str) -> Self {
        match config {
            FilterConfig::Fault {} => Self::Fault,
            FilterConfig::Cors {} => Self::Cors,
            FilterConfig::Router {} => Self::Router,
            FilterConfig::Wasm { config } => {
                let text = |value: &Value, pointer| {
                    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
                };
                Self::Plugin(Plugin {
                    listener: listener.to_owned(),
                    name: config.name,
                    module: text(&config.vm_config, "/code/local/filename").unwrap_or_default(),
                    configuration: text(&config.configuration, "/value")
                        .unwrap_or_default()
                        .into_bytes(),
                })
            }
        }
    }
}

impl Plugin {
    pub(crate) fn site(&self) -> FilterSite<'_> {
        FilterSite {
            listener: &self.listener,
            plugin: &self.name,
            module: &self.module,
            configuration: &self.configuration,
        }
    }
}
