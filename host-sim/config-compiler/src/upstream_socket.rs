//! What carries the bytes of the connections to the endpoints of a cluster: TLS, and the PROXY protocol around it.
//!
//! Source: istio `pilot/pkg/networking/core/cluster_traffic_policy.go`, `applyUpstreamProxyProtocol`;
//! docs/istio-routing.md 4.10.

use fingerpost_envoy_config::Empty;
use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::upstream_socket::{
    ProxyProtocolConfig, ProxyProtocolUpstreamTransport, ProxyProtocolVersion, UpstreamSocketConfig,
};
use fingerpost_resources::{Diagnostics, ProxyProtocolVersion as GivenVersion};

use crate::certificate_sources::InlineSecret;
use crate::cluster_parts::Parts;
use crate::cluster_policies::Policies;
use crate::file_secrets::FileSecret;
use crate::mesh::Mesh;
use crate::upstream_tls;

/// The transport socket of a cluster, and what it depends on.
#[derive(Debug, Default)]
pub(crate) struct UpstreamSocket {
    /// Envoy's `TransportSocket`; none for plain text.
    pub socket: Option<Extension<UpstreamSocketConfig>>,
    /// What it reads from files.
    pub file_secrets: Vec<FileSecret>,
    /// The Secrets of the input that it holds.
    pub inline_secrets: Vec<InlineSecret>,
}

/// Builds the socket of a cluster with these policies.
pub(crate) fn build(
    parts: &Parts<'_, '_>,
    policies: &Policies<'_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) -> UpstreamSocket {
    let mut built = upstream_tls::build(parts, policies, mesh, diagnostics);
    if let Some(given) = policies.proxy_protocol {
        let version = match given.version.unwrap_or_default() {
            GivenVersion::V1 => ProxyProtocolVersion::V1,
            GivenVersion::V2 => ProxyProtocolVersion::V2,
        };
        let inner = built.socket.unwrap_or_else(|| Extension {
            name: "envoy.transport_sockets.raw_buffer".to_owned(),
            typed_config: UpstreamSocketConfig::RawBuffer(Empty {}),
        });
        built.socket = Some(Extension {
            name: "envoy.transport_sockets.upstream_proxy_protocol".to_owned(),
            typed_config: UpstreamSocketConfig::ProxyProtocol(Box::new(ProxyProtocolUpstreamTransport {
                config: ProxyProtocolConfig { version },
                transport_socket: inner,
            })),
        });
    }
    built
}
