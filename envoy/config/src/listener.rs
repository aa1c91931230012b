//! `envoy/config/listener/v3`.

use serde::{Deserialize, Serialize};

use crate::access_log::AccessLog;
use crate::core::{Address, Extension};
use crate::filters::http_connection_manager::HttpConnectionManager;
use crate::filters::tcp_proxy::TcpProxy;
use crate::tls::DownstreamTlsContext;
use crate::{Duration, Empty, is_default};

/// `envoy.config.listener.v3.Listener`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stat_prefix: String,
    pub address: Address,
    #[serde(default, skip_serializing_if = "is_default")]
    pub traffic_direction: TrafficDirection,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listener_filters: Vec<Extension<ListenerFilterConfig>>,
    pub filter_chains: Vec<FilterChain>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_log: Vec<AccessLog>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub ignore_global_conn_limit: bool,
}

/// `envoy.config.core.v3.TrafficDirection`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrafficDirection {
    #[default]
    Unspecified,
    Inbound,
    Outbound,
}

/// A listener filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum ListenerFilterConfig {
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector")]
    TlsInspector(Empty),
}

/// `envoy.config.listener.v3.FilterChain`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterChain {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default)]
    pub filters: Vec<Extension<NetworkFilterConfig>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport_socket_connect_timeout: Option<Duration>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub filter_chain_match: FilterChainMatch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport_socket: Option<Extension<TransportSocketConfig>>,
}

/// `envoy.config.listener.v3.FilterChainMatch`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterChainMatch {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_names: Vec<String>,
}

/// A network filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum NetworkFilterConfig {
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    )]
    HttpConnectionManager(Box<HttpConnectionManager>),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy")]
    TcpProxy(TcpProxy),
}

/// What carries the bytes of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum TransportSocketConfig {
    #[serde(rename = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext")]
    DownstreamTls(Box<DownstreamTlsContext>),
}
