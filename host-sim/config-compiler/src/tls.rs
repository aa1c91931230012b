//! The TLS contexts of servers that end TLS.
//!
//! Decides which certificates a server shows. Where certificates come from is `credentials` and `file_secrets`, which
//! clients are let in is `client_certificates`, what else is agreed in a handshake is `tls_parameters`.
//! Source: istio `pilot/pkg/networking/core/listener.go`, `BuildListenerTLSContext`; docs/istio-routing.md 1.13.

use fingerpost_envoy_config::core::{DataSource, Extension};
use fingerpost_envoy_config::listener::TransportSocketConfig;
use fingerpost_envoy_config::tls::{
    CommonTlsContext, DownstreamTlsContext, SdsSecretConfig, Secret, SecretContent, TlsCertificate,
    TlsParameters,
};
use fingerpost_resources::{Code, Diagnostics, Origin, Resources, ServerTlsMode, ServerTlsSettings};

use crate::certificates::{self, CertificateFault, Validity};
use crate::client_certificates;
use crate::credentials::{self, CredentialName};
use crate::file_secrets::{FileSecret, Kind, Needed, SecretFiles};
use crate::gateways::BoundServer;
use crate::mesh::Mesh;

/// The transport socket of a server, and what it depends on.
#[derive(Debug, Default)]
pub(crate) struct DownstreamTls {
    /// Envoy's `TransportSocket`.
    pub socket: Option<Extension<TransportSocketConfig>>,
    /// What it reads from files.
    pub file_secrets: Vec<FileSecret>,
    /// The certificates that it holds.
    pub certificates: Vec<InlineCertificate>,
    /// Envoy's `Secret`s that it names and that the bootstrap holds.
    pub secrets: Vec<Secret>,
}

/// A certificate of a Secret of the input, which the bootstrap holds.
#[derive(Debug, Clone)]
pub struct InlineCertificate {
    /// The Secret.
    pub origin: Origin,
    /// When it is valid.
    pub validity: Validity,
}

/// All that the TLS of a server is built from.
pub(crate) struct Server<'a> {
    /// Its settings.
    pub tls: &'a ServerTlsSettings,
    /// Where they are written, such as `spec.servers[0].tls`.
    pub path: String,
    /// What its secrets have in common.
    pub needed: Needed<'a>,
    /// The surroundings.
    pub mesh: &'a Mesh<'a>,
    /// The Secrets.
    pub resources: &'a Resources,
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
        needed: Needed {
            listener,
            server_names,
            origin: &bound.gateway.origin,
            module_path: &mesh.options.module_path,
        },
        mesh,
        resources,
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
            self.refuse_mesh(&self.field("mode"), "ISTIO_MUTUAL", diagnostics);
            return;
        }
        let mut inline = Vec::new();
        let mut by_file = Vec::new();
        for (name, field) in self.credentials() {
            match self.credential(name, field, diagnostics) {
                Source::Inline(certificate, held) => {
                    inline.push((name, certificate));
                    built.certificates.push(held);
                }
                Source::Files(secret) => by_file.push(secret),
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

    fn credential(&self, name: &str, field: String, diagnostics: &mut Diagnostics) -> Source {
        let own = &self.mesh.options.namespace;
        let reason = match CredentialName::parse(name, own) {
            CredentialName::Mesh => {
                self.refuse_mesh(&field, name, diagnostics);
                return Source::Refused;
            }
            CredentialName::ConfigMap => format!("`{name}` is a ConfigMap, which holds no private key"),
            CredentialName::Secret(namespace, secret) => {
                if credentials::refuse_unreadable(self.resources, &namespace, &secret, own, diagnostics) {
                    return Source::Refused;
                }
                let found = credentials::secret(self.resources, &namespace, &secret, own);
                match found {
                    Some(found) => match credentials::pair(&found.spec) {
                        Some((chain, key)) => {
                            if credentials::has_staple(&found.spec) {
                                diagnostics
                                    .warn(Code::StapleLeftOut, "`tls.ocsp-staple` is not supported: clients get no OCSP response with the certificate")
                                    .on(&found.origin, "data.tls.ocsp-staple")
                                    .help("remove it, or accept that clients ask the certificate's authority themselves");
                            }
                            return inline(chain, key, &found.origin, diagnostics);
                        }
                        None => format!(
                            "Secret `{namespace}/{secret}` has neither `tls.crt` and `tls.key` nor `cert` and `key`"
                        ),
                    },
                    None => not_in_input(&namespace, &secret, own),
                }
            }
        };
        Source::Files(self.needed.beside_module(name, Kind::Certificate, field, reason))
    }

    /// The certificates that the server names by their files.
    fn certificate_files(&self) -> Vec<FileSecret> {
        let named = |chain: &str, key: &str, field: String| {
            let files = SecretFiles::Certificate {
                chain: chain.to_owned(),
                key: key.to_owned(),
            };
            self.needed.named(files, field)
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

    pub(crate) fn refuse_mesh(&self, field: &str, what: &str, diagnostics: &mut Diagnostics) {
        let message =
            format!("{what} needs the certificates of a mesh: without Istio's control plane there are none");
        diagnostics
            .error(Code::NoMeshCertificates, message)
            .on(self.needed.origin, field)
            .help("use SIMPLE or MUTUAL with a credentialName, or remove the server");
    }
}

/// Where a certificate comes from.
enum Source {
    /// The certificate, and what is known of it.
    Inline(TlsCertificate, InlineCertificate),
    Files(FileSecret),
    /// An error was reported.
    Refused,
}

fn inline(chain: &[u8], key: &[u8], origin: &Origin, diagnostics: &mut Diagnostics) -> Source {
    match certificates::check_pair(chain, key) {
        Ok(validity) => {
            let certificate = TlsCertificate {
                certificate_chain: inline_string(chain),
                private_key: inline_string(key),
            };
            let held = InlineCertificate {
                origin: origin.clone(),
                validity,
            };
            Source::Inline(certificate, held)
        }
        Err(fault) => {
            refuse_secret(&fault, origin, diagnostics);
            Source::Refused
        }
    }
}

/// Reports a Secret that Envoy would refuse. What it holds is not shown.
pub(crate) fn refuse_secret(fault: &CertificateFault, origin: &Origin, diagnostics: &mut Diagnostics) {
    diagnostics
        .error(
            Code::BadCertificate,
            format!("this Secret can't be used: {fault}"),
        )
        .on(origin, if origin.has("data") { "data" } else { "stringData" })
        .help("see `openssl x509 -noout -text` and `openssl pkey -noout` for its parts");
}

pub(crate) fn inline_string(text: &[u8]) -> DataSource {
    DataSource::InlineString(String::from_utf8_lossy(text).into_owned())
}

/// Why a Secret is not used.
pub(crate) fn not_in_input(namespace: &str, name: &str, own: &str) -> String {
    if namespace == own {
        format!("no Secret `{namespace}/{name}` in the input")
    } else {
        format!("a proxy in namespace `{own}` may not read Secret `{namespace}/{name}`")
    }
}
