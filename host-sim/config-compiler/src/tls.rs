//! The TLS contexts of servers that end TLS.
//!
//! Decides which certificates a server shows and what else is agreed in a handshake. Where certificates come from is
//! `credentials`, which clients are let in is `client_certificates`.
//! Source: istio `pilot/pkg/networking/core/listener.go`, `BuildListenerTLSContext`; spec 1.13. What Envoy refuses was
//! tried with 1.40.

use fingerpost_resources::{Diagnostics, Origin, Resources, ServerTlsMode, ServerTlsSettings, TlsProtocol};
use serde_json::{Value, json};

use crate::certificates::{self, CertificateFault, Validity};
use crate::client_certificates;
use crate::credentials::{self, CredentialName, FileSecret, Kind, Needed, SecretFiles};
use crate::gateways::BoundServer;
use crate::mesh::Mesh;
use crate::proto::{Fields, fields, typed};

pub(crate) use crate::refused::CODE as ENVOY_REFUSES;

/// The transport socket of a server, and what it depends on.
#[derive(Debug, Default)]
pub(crate) struct DownstreamTls {
    /// Envoy's `TransportSocket`.
    pub socket: Value,
    /// What it reads from files.
    pub file_secrets: Vec<FileSecret>,
    /// The certificates that it holds.
    pub certificates: Vec<InlineCertificate>,
    /// Envoy's `Secret`s that it names and that the bootstrap holds.
    pub secrets: Vec<Value>,
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
    let mut common = fields(json!({"alpn_protocols": ["h2", "http/1.1"]}));
    server.add_certificates(&mut common, &mut built, diagnostics);
    client_certificates::add_validation(&server, &mut common, &mut built, diagnostics);
    let parameters = server.parameters(diagnostics);
    if !parameters.is_empty() {
        common.insert("tls_params".to_owned(), Value::Object(parameters));
    }
    let needs_certificate = matches!(server.mode(), ServerTlsMode::Mutual | ServerTlsMode::IstioMutual);
    let context = typed(
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        fields(json!({"common_tls_context": common, "require_client_certificate": needs_certificate})),
    );
    built.socket = json!({"name": "envoy.transport_sockets.tls", "typed_config": context});
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
        common: &mut Fields,
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
            let certificates: Vec<Value> = inline.into_iter().map(|(_, it)| it).collect();
            common.insert("tls_certificates".to_owned(), certificates.into());
            return;
        }
        let mut configs: Vec<Value> = by_file.iter().map(FileSecret::config).collect();
        // Envoy takes both kinds in one server only if both are secrets.
        for (name, certificate) in inline {
            let name = format!("inline+{name}");
            configs.push(json!({"name": name}));
            built
                .secrets
                .push(json!({"name": name, "tls_certificate": certificate}));
        }
        common.insert("tls_certificate_sds_secret_configs".to_owned(), configs.into());
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
                        Some((chain, key)) => return inline(chain, key, &found.origin, diagnostics),
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
            .error("no-mesh-certificates", message)
            .on(self.needed.origin, field)
            .help("use SIMPLE or MUTUAL with a credentialName, or remove the server");
    }

    fn parameters(&self, diagnostics: &mut Diagnostics) -> Fields {
        let mut written = Fields::new();
        // Istio leaves ISTIO_MUTUAL to the mesh.
        if self.mode() == ServerTlsMode::IstioMutual {
            return written;
        }
        let least = version(self.tls.min_protocol_version);
        let most = version(self.tls.max_protocol_version);
        for (key, version) in [
            ("tls_minimum_protocol_version", least),
            ("tls_maximum_protocol_version", most),
        ] {
            if let Some((_, name)) = version {
                written.insert(key.to_owned(), json!(name));
            }
        }
        // Envoy's defaults for servers are 1.2 and 1.3.
        let (least, most) = (least.unwrap_or((2, "TLSv1_2")), most.unwrap_or((3, "TLSv1_3")));
        if least.0 > most.0 {
            let message = format!(
                "the lowest version {} is above the highest version {}: no client can connect",
                least.1, most.1
            );
            diagnostics
                .warn("tls-versions", message)
                .on(self.needed.origin, self.field("maxProtocolVersion"))
                .help("without minProtocolVersion the lowest version is TLSV1_2");
        }
        let ciphers = self.tls.known_cipher_suites();
        if !ciphers.is_empty() {
            self.check_ciphers(&ciphers, diagnostics);
            written.insert("cipher_suites".to_owned(), json!(ciphers));
        }
        if !self.tls.ecdh_curves.is_empty() {
            self.check_curves(diagnostics);
            written.insert("ecdh_curves".to_owned(), json!(self.tls.ecdh_curves));
        }
        written
    }

    /// Istio lets operators pass unseen. Envoy takes those that take something away from suites named before.
    fn check_ciphers(&self, ciphers: &[&str], diagnostics: &mut Diagnostics) {
        for name in ciphers {
            let is_operator = name.starts_with(|it: char| !it.is_alphanumeric());
            let index = self
                .tls
                .cipher_suites
                .iter()
                .position(|it| it == name)
                .unwrap_or(0);
            if is_operator {
                let message = format!("Envoy takes no operators in a list of cipher suites: {name:?}");
                diagnostics
                    .error(ENVOY_REFUSES, message)
                    .on(self.needed.origin, self.field(&format!("cipherSuites[{index}]")))
                    .help("list the suites that you want, in the order of preference");
            }
        }
    }

    fn check_curves(&self, diagnostics: &mut Diagnostics) {
        const CURVES: [&str; 5] = ["P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"];
        for (index, name) in self.tls.ecdh_curves.iter().enumerate() {
            let repeated = self.tls.ecdh_curves.iter().take(index).any(|it| it == name);
            let message = if repeated {
                format!("the curve {name:?} is listed twice: Envoy refuses that")
            } else if CURVES.contains(&name.as_str()) {
                continue;
            } else {
                format!("Envoy does not know the curve {name:?}")
            };
            diagnostics
                .error(ENVOY_REFUSES, message)
                .on(self.needed.origin, self.field(&format!("ecdhCurves[{index}]")))
                .help(format!("Envoy's curves: {}", CURVES.join(", ")));
        }
    }
}

/// Where a certificate comes from.
enum Source {
    /// Envoy's `TlsCertificate`, and what is known of it.
    Inline(Value, InlineCertificate),
    Files(FileSecret),
    /// An error was reported.
    Refused,
}

fn inline(chain: &[u8], key: &[u8], origin: &Origin, diagnostics: &mut Diagnostics) -> Source {
    match certificates::check_pair(chain, key) {
        Ok(validity) => {
            let certificate = json!({
                "certificate_chain": inline_string(chain),
                "private_key": inline_string(key),
            });
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
        .error("bad-certificate", format!("this Secret can't be used: {fault}"))
        .on(origin, if origin.has("data") { "data" } else { "stringData" })
        .help("see `openssl x509 -noout -text` and `openssl pkey -noout` for its parts");
}

pub(crate) fn inline_string(text: &[u8]) -> Value {
    json!({"inline_string": String::from_utf8_lossy(text)})
}

/// Why a Secret is not used.
pub(crate) fn not_in_input(namespace: &str, name: &str, own: &str) -> String {
    if namespace == own {
        format!("no Secret `{namespace}/{name}` in the input")
    } else {
        format!("a proxy in namespace `{own}` may not read Secret `{namespace}/{name}`")
    }
}

/// A version with its rank.
fn version(given: Option<TlsProtocol>) -> Option<(u8, &'static str)> {
    match given? {
        TlsProtocol::Auto => None,
        TlsProtocol::V1_0 => Some((0, "TLSv1_0")),
        TlsProtocol::V1_1 => Some((1, "TLSv1_1")),
        TlsProtocol::V1_2 => Some((2, "TLSv1_2")),
        TlsProtocol::V1_3 => Some((3, "TLSv1_3")),
    }
}
