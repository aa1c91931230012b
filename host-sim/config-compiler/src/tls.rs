//! The TLS contexts of servers that end TLS.
//!
//! Decides which certificates a server shows. Where certificates come from is `certificate_sources`, which
//! clients are let in is `client_certificates`, what else is agreed in a handshake is `tls_parameters`.
//! Source: istio `pilot/pkg/networking/core/listener.go`, `BuildListenerTLSContext`; docs/istio-routing.md 1.13.

use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::listener::TransportSocketConfig;
use fingerpost_envoy_config::tls::{
    CommonTlsContext, DownstreamTlsContext, SdsSecretConfig, Secret, SecretContent, TlsParameters,
};
use fingerpost_resources::{Diagnostics, Resources, ServerTlsMode, ServerTlsSettings};

use crate::certificate_sources::{InlineSecret, Source, Sources};
use crate::client_certificates;
use crate::file_secrets::{FileSecret, Needed, NeededBy, SecretFiles};
use crate::gateways::BoundServer;
use crate::mesh::Mesh;

/// The transport socket of a server, and what it depends on.
#[derive(Debug, Default)]
pub(crate) struct DownstreamTls {
    /// Envoy's `TransportSocket`.
    pub socket: Option<Extension<TransportSocketConfig>>,
    /// What it reads from files.
    pub file_secrets: Vec<FileSecret>,
    /// The Secrets of the input that it holds.
    pub inline_secrets: Vec<InlineSecret>,
    /// Envoy's `Secret`s that it names and that the bootstrap holds.
    pub secrets: Vec<Secret>,
}

/// All that the TLS of a server is built from.
pub(crate) struct Server<'a> {
    /// Its settings.
    pub tls: &'a ServerTlsSettings,
    /// Where they are written, such as `spec.servers[0].tls`.
    pub path: String,
    /// Where its certificates come from.
    pub sources: Sources<'a>,
}

/// Builds the transport socket of a server that ends TLS.
pub(crate) fn downstream(
    bound: &BoundServer<'_>,
    listener: &str,
    server_names: &[String],
    mesh: &Mesh<'_>,
    resources: &Resources,
    diagnostics: &mut Diagnostics,
) -> DownstreamTls {
    let mut built = DownstreamTls::default();
    let Some(tls) = &bound.server.tls else {
        return built;
    };
    let server = Server {
        tls,
        path: format!("spec.servers[{}].tls", bound.index),
        sources: Sources {
            needed: Needed {
                by: NeededBy::Listener {
                    name: listener.to_owned(),
                    server_names: server_names.to_vec(),
                },
                origin: &bound.gateway.origin,
                module_path: &mesh.options.module_path,
            },
            mesh,
            resources,
        },
    };
    let mut common = CommonTlsContext {
        alpn_protocols: vec!["h2".to_owned(), "http/1.1".to_owned()],
        ..CommonTlsContext::default()
    };
    server.add_certificates(&mut common, &mut built, diagnostics);
    client_certificates::add_validation(&server, &mut common, &mut built, diagnostics);
    let parameters = server.parameters(diagnostics);
    common.tls_params = Some(parameters).filter(|it| *it != TlsParameters::default());
    let needs_certificate = matches!(server.mode(), ServerTlsMode::Mutual | ServerTlsMode::IstioMutual);
    let context = DownstreamTlsContext {
        common_tls_context: common,
        require_client_certificate: Some(needs_certificate),
    };
    built.socket = Some(Extension {
        name: "envoy.transport_sockets.tls".to_owned(),
        typed_config: TransportSocketConfig::DownstreamTls(Box::new(context)),
    });
    built
}

impl Server<'_> {
    pub(crate) fn mode(&self) -> ServerTlsMode {
        self.tls.mode.unwrap_or(ServerTlsMode::Passthrough)
    }

    /// The path of a field.
    pub(crate) fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// The names of its credentials, each with its field; none where it names files.
    pub(crate) fn credentials(&self) -> Vec<(&str, String)> {
        if self.tls.credential_names.is_empty() {
            let only = Some(self.tls.credential_name.as_str()).filter(|it| !it.is_empty());
            return only
                .map(|it| (it, self.field("credentialName")))
                .into_iter()
                .collect();
        }
        let names = self.tls.credential_names.iter().enumerate();
        names
            .map(|(index, it)| (it.as_str(), self.field(&format!("credentialNames[{index}]"))))
            .collect()
    }

    fn add_certificates(
        &self,
        common: &mut CommonTlsContext,
        built: &mut DownstreamTls,
        diagnostics: &mut Diagnostics,
    ) {
        if self.mode() == ServerTlsMode::IstioMutual {
            self.sources
                .refuse_mesh(&self.field("mode"), "ISTIO_MUTUAL", diagnostics);
            return;
        }
        let mut inline = Vec::new();
        let mut by_file = Vec::new();
        for (name, field) in self.credentials() {
            match self.sources.certificate(name, field, diagnostics) {
                Source::Inline(certificate, held) => {
                    inline.push((name, certificate));
                    built.inline_secrets.push(*held);
                }
                Source::Files(secret) => by_file.push(*secret),
                Source::Refused => {}
            }
        }
        if self.credentials().is_empty() {
            by_file.extend(self.certificate_files());
        }
        if by_file.is_empty() {
            common.tls_certificates = inline.into_iter().map(|(_, it)| it).collect();
            return;
        }
        let mut configs: Vec<SdsSecretConfig> = by_file.iter().map(FileSecret::config).collect();
        // Envoy takes both kinds in one server only if both are secrets.
        for (name, certificate) in inline {
            let name = format!("inline+{name}");
            configs.push(SdsSecretConfig {
                name: name.clone(),
                sds_config: None,
            });
            built.secrets.push(Secret {
                name,
                content: SecretContent::TlsCertificate(certificate),
            });
        }
        common.tls_certificate_sds_secret_configs = configs;
        built.file_secrets.extend(by_file);
    }

    /// The certificates that the server names by their files.
    fn certificate_files(&self) -> Vec<FileSecret> {
        let named = |chain: &str, key: &str, field: String| {
            let files = SecretFiles::Certificate {
                chain: chain.to_owned(),
                key: key.to_owned(),
            };
            self.sources.needed.named(files, field)
        };
        if self.tls.tls_certificates.is_empty() {
            let (chain, key) = (&self.tls.server_certificate, &self.tls.private_key);
            return vec![named(chain, key, self.field("serverCertificate"))];
        }
        let pairs = self.tls.tls_certificates.iter().enumerate();
        pairs
            .map(|(index, it)| {
                let field = self.field(&format!("tlsCertificates[{index}].serverCertificate"));
                named(&it.server_certificate, &it.private_key, field)
            })
            .collect()
    }
}
