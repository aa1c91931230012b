//! The TLS of a cluster's transport socket, if it speaks any: the PROXY protocol may be around it.

use fingerpost_envoy_config::tls::UpstreamTlsContext;
use fingerpost_envoy_config::upstream_socket::UpstreamSocketConfig;

/// To read.
pub(crate) fn upstream_tls(socket: &UpstreamSocketConfig) -> Option<&UpstreamTlsContext> {
    match socket {
        UpstreamSocketConfig::UpstreamTls(context) => Some(context),
        UpstreamSocketConfig::ProxyProtocol(outer) => upstream_tls(&outer.transport_socket.typed_config),
        UpstreamSocketConfig::RawBuffer(_) => None,
    }
}

/// To change.
pub(crate) fn upstream_tls_mut(socket: &mut UpstreamSocketConfig) -> Option<&mut UpstreamTlsContext> {
    match socket {
        UpstreamSocketConfig::UpstreamTls(context) => Some(context),
        UpstreamSocketConfig::ProxyProtocol(outer) => {
            upstream_tls_mut(&mut outer.transport_socket.typed_config)
        }
        UpstreamSocketConfig::RawBuffer(_) => None,
    }
}
