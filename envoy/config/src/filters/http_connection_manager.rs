//! `envoy/extensions/filters/network/http_connection_manager/v3`, and the extensions that it holds.

use serde::{Deserialize, Serialize};

use super::fault::HttpFault;
use super::health_check::HealthCheck;
use super::wasm::Wasm;
use crate::access_log::AccessLog;
use crate::core::{
    ConfigSource, Extension, ExtensionConfigSource, Http2ProtocolOptions, HttpProtocolOptions,
};
use crate::route::RouteConfiguration;
use crate::{Duration, Empty, is_default};

/// `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConnectionManager {
    pub stat_prefix: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_remote_address: Option<bool>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub xff_num_trusted_hops: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize_path: Option<bool>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub path_with_escaped_slashes_action: PathWithEscapedSlashesAction,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_idle_timeout: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_http_protocol_options: Option<HttpProtocolOptions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http2_protocol_options: Option<Http2ProtocolOptions>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub forward_client_cert_details: ForwardClientCertDetails,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_current_client_cert_details: Option<SetCurrentClientCertDetails>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub proxy_100_continue: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upgrade_configs: Vec<UpgradeConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id_extension: Option<Extension<RequestIdConfig>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early_header_mutation_extensions: Vec<Extension<EarlyHeaderMutation>>,
    #[serde(flatten)]
    pub routes: RouteSpecifier,
    #[serde(default)]
    pub http_filters: Vec<HttpFilter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_log: Vec<AccessLog>,
}

/// `route_specifier` of an [`HttpConnectionManager`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteSpecifier {
    Rds(Rds),
    RouteConfig(RouteConfiguration),
}

impl Default for RouteSpecifier {
    fn default() -> Self {
        Self::RouteConfig(RouteConfiguration::default())
    }
}

/// `envoy.extensions.filters.network.http_connection_manager.v3.Rds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rds {
    pub config_source: ConfigSource,
    pub route_config_name: String,
}

/// `…HttpConnectionManager.PathWithEscapedSlashesAction`, those that leave the path as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PathWithEscapedSlashesAction {
    #[default]
    ImplementationSpecificDefault,
    KeepUnchanged,
}

/// `…HttpConnectionManager.ForwardClientCertDetails`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ForwardClientCertDetails {
    #[default]
    Sanitize,
    ForwardOnly,
    AppendForward,
    SanitizeSet,
    AlwaysForwardOnly,
}

/// `…HttpConnectionManager.SetCurrentClientCertDetails`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetCurrentClientCertDetails {
    #[serde(default, skip_serializing_if = "is_default")]
    pub subject: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub cert: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub dns: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub uri: bool,
}

/// `…HttpConnectionManager.UpgradeConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpgradeConfig {
    pub upgrade_type: String,
}

/// How requests get their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum RequestIdConfig {
    #[serde(rename = "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig")]
    Uuid(UuidRequestIdConfig),
}

/// `envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UuidRequestIdConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_request_id_for_trace_sampling: Option<bool>,
}

/// What changes the headers of a request before any route is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum EarlyHeaderMutation {
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    )]
    HeaderMutation(HeaderMutation),
}

/// `envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderMutation {
    pub mutations: Vec<Mutation>,
}

/// `envoy.config.common.mutation_rules.v3.HeaderMutation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mutation {
    Remove(String),
}

/// `envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpFilter {
    pub name: String,
    #[serde(flatten)]
    pub config: HttpFilterConfigType,
}

/// `config_type` of an [`HttpFilter`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpFilterConfigType {
    TypedConfig(HttpFilterConfig),
    ConfigDiscovery(ExtensionConfigSource),
}

/// The configuration of an HTTP filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum HttpFilterConfig {
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm")]
    Wasm(Wasm),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb")]
    GrpcWeb(Empty),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault")]
    Fault(HttpFault),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck")]
    HealthCheck(HealthCheck),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors")]
    Cors(Empty),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router")]
    Router(Empty),
}
