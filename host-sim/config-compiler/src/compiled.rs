//! What a compilation makes.

use std::collections::BTreeSet;

use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_envoy_config::core::DataSource;
use fingerpost_envoy_config::listener::TransportSocketConfig;
use fingerpost_envoy_config::tls::{SecretContent, TlsCertificate, UpstreamTlsContext};
use fingerpost_envoy_config::upstream_socket::UpstreamSocketConfig;
use fingerpost_routing_config::RoutingConfig;
use serde::Serialize;
use serde_json::Value;

use crate::certificate_sources::InlineSecret;
use crate::file_secrets::FileSecret;
use crate::options::Engine;
use crate::summary::Summary;

/// The result of [`compile`](crate::compile).
#[derive(Debug, Clone)]
pub struct Compiled {
    /// What Envoy runs. Its JSON is what serde makes of it.
    pub bootstrap: Bootstrap,
    /// Who matches the requests.
    pub engine: Engine,
    /// The HTTP chains in which the filter is, in the order of the listeners; none for Envoy's own router.
    pub chains: Vec<CompiledChain>,
    /// The same as a flat view.
    pub summary: Summary,
    /// What Envoy reads from files while it runs, once for each server that needs it. For each, the file
    /// [`FileSecret::path`] must be there when Envoy starts.
    pub file_secrets: Vec<FileSecret>,
    /// What the bootstrap holds of the Secrets of the input.
    pub inline_secrets: Vec<InlineSecret>,
    /// The Secrets of the input that are needed and can't be used, as findings name them: such as `Secret prod/shop`. There is an error about
    /// each; what needs one waits for files in its place.
    pub invalid_secrets: BTreeSet<String>,
}

/// An HTTP chain and what its filter is configured by. Its virtual hosts are those of the listener in the summary that
/// name its route configuration.
#[derive(Debug, Clone, Serialize)]
pub struct CompiledChain {
    /// Envoy's name of the listener.
    #[serde(rename = "name")]
    pub listener: String,
    /// The port to listen on.
    pub port: u32,
    /// Envoy's name of the route configuration, of which a listener has no two.
    pub route_config: String,
    /// What the filter reads.
    pub config: RoutingConfig,
}

/// The configurations of all filters, for people. Envoy has them in the bootstrap.
#[derive(Debug, Serialize)]
pub struct Routing<'a> {
    engine: &'static str,
    listeners: &'a [CompiledChain],
}

impl Compiled {
    /// What the filters decide by, to print as JSON.
    pub fn routing(&self) -> Routing<'_> {
        Routing {
            engine: match self.engine {
                Engine::Wasm => "wasm",
                Engine::Native => "native",
            },
            listeners: &self.chains,
        }
    }

    /// The bootstrap for those who know Envoy's JSON and not our types: the last writer.
    pub fn bootstrap_json(&self) -> Value {
        // Texts and numbers only: they always serialise.
        serde_json::to_value(&self.bootstrap).unwrap_or_default()
    }

    /// Whether a private key of a Secret is in the bootstrap itself.
    pub fn holds_private_key(&self) -> bool {
        let is_inline = |certificate: &TlsCertificate| match certificate.private_key {
            DataSource::InlineString(_) | DataSource::InlineBytes(_) => true,
            DataSource::Filename(_) => false,
        };
        let resources = &self.bootstrap.static_resources;
        let in_secret = resources.secrets.iter().any(|secret| match &secret.content {
            SecretContent::TlsCertificate(certificate) => is_inline(certificate),
            SecretContent::ValidationContext(_) => false,
        });
        let sockets = resources.clusters.iter();
        let sockets = sockets.filter_map(|it| it.transport_socket.as_ref());
        let contexts = sockets.filter_map(|it| upstream_tls(&it.typed_config));
        let mut in_cluster = contexts.flat_map(|it| &it.common_tls_context.tls_certificates);
        let chains = resources.listeners.iter().flat_map(|it| &it.filter_chains);
        let mut sockets = chains.filter_map(|chain| chain.transport_socket.as_ref());
        in_secret
            || in_cluster.any(is_inline)
            || sockets.any(|socket| match &socket.typed_config {
                TransportSocketConfig::DownstreamTls(context) => {
                    context.common_tls_context.tls_certificates.iter().any(is_inline)
                }
            })
    }

    /// The chain of a listener with this route configuration, if a filter is in it.
    pub fn chain(&self, listener: &str, route_config: &str) -> Option<&CompiledChain> {
        self.chains
            .iter()
            .find(|it| it.listener == listener && it.route_config == route_config)
    }
}

/// The TLS of a socket, if it speaks any.
fn upstream_tls(socket: &UpstreamSocketConfig) -> Option<&UpstreamTlsContext> {
    match socket {
        UpstreamSocketConfig::UpstreamTls(context) => Some(context),
        UpstreamSocketConfig::ProxyProtocol(outer) => upstream_tls(&outer.transport_socket.typed_config),
        UpstreamSocketConfig::RawBuffer(_) => None,
    }
}
