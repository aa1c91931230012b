//! Transport sockets of clusters: `envoy/extensions/transport_sockets`.

use serde::{Deserialize, Serialize};

use crate::core::Extension;
use crate::tls::UpstreamTlsContext;
use crate::{Empty, is_default};

/// What carries the bytes of a connection to an upstream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum UpstreamSocketConfig {
    #[serde(rename = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext")]
    UpstreamTls(Box<UpstreamTlsContext>),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
    )]
    ProxyProtocol(Box<ProxyProtocolUpstreamTransport>),
    #[serde(rename = "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer")]
    RawBuffer(Empty),
}

/// `envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyProtocolUpstreamTransport {
    pub config: ProxyProtocolConfig,
    pub transport_socket: Extension<UpstreamSocketConfig>,
}

/// `envoy.config.core.v3.ProxyProtocolConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyProtocolConfig {
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: ProxyProtocolVersion,
}

/// `envoy.config.core.v3.ProxyProtocolConfig.Version`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyProtocolVersion {
    #[default]
    V1,
    V2,
}
