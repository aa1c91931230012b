//! Where certificates and authorities come from: Secrets of the input, and files in their place.
//!
//! Which Secret a name means is `credentials`, which files take its place is `file_secrets`, whether Envoy takes what they hold is
//! `certificates`. What a server or a cluster does with them is `tls`, `client_certificates` and `upstream_tls`.

use fingerpost_envoy_config::core::DataSource;
use fingerpost_envoy_config::tls::TlsCertificate;
use fingerpost_resources::{Code, Diagnostics, Origin, Resources};

use crate::certificates::{self, CertificateFault, Validity};
use crate::credentials::{self, CredentialName};
use crate::file_secrets::{FileSecret, Kind, Needed};
use crate::mesh::Mesh;

/// Where the certificates of a server or of a cluster come from: Secrets, and files in their place.
pub(crate) struct Sources<'a> {
    /// What the secrets have in common.
    pub needed: Needed<'a>,
    /// The surroundings.
    pub mesh: &'a Mesh<'a>,
    /// The Secrets.
    pub resources: &'a Resources,
}

/// A certificate of a Secret of the input, which the bootstrap holds.
#[derive(Debug, Clone)]
pub struct InlineCertificate {
    /// The Secret.
    pub origin: Origin,
    /// When it is valid.
    pub validity: Validity,
}

impl Sources<'_> {
    /// The certificate and key that a credential names.
    pub(crate) fn certificate(&self, name: &str, field: String, diagnostics: &mut Diagnostics) -> Source {
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
                            if self.needed.is_shown_to_clients() && credentials::has_staple(&found.spec) {
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

    /// Reports what only a mesh could give.
    pub(crate) fn refuse_mesh(&self, field: &str, what: &str, diagnostics: &mut Diagnostics) {
        let message =
            format!("{what} needs the certificates of a mesh: without Istio's control plane there are none");
        diagnostics
            .error(Code::NoMeshCertificates, message)
            .on(self.needed.origin, field)
            .help("use SIMPLE or MUTUAL with a credentialName of a Secret");
    }

    /// The authorities that a credential names; none where an error was reported.
    pub(crate) fn authorities(
        &self,
        credential: &str,
        field: String,
        diagnostics: &mut Diagnostics,
    ) -> Option<Authorities> {
        let own = &self.mesh.options.namespace;
        let mut file = credential;
        let reason = match CredentialName::parse(credential, own) {
            CredentialName::Mesh => {
                self.refuse_mesh(&field, credential, diagnostics);
                return None;
            }
            CredentialName::ConfigMap => {
                file = credential.strip_prefix("configmap://").unwrap_or(credential);
                format!(
                    "ConfigMap `{}` is not read",
                    credentials::without_authority_suffix(file)
                )
            }
            CredentialName::Secret(namespace, name) => {
                if credentials::refuse_unreadable(self.resources, &namespace, &name, own, diagnostics) {
                    return None;
                }
                match credentials::authority(self.resources, &namespace, &name, own) {
                    None => not_in_input(&namespace, &name, own),
                    Some(found) => match credentials::authorities(&found.spec) {
                        None => format!(
                            "Secret `{}` has no `ca.crt` (or `cacert`) to judge certificates by",
                            found.meta.qualified_name()
                        ),
                        Some((trusted, revoked)) => {
                            let judged = certificates::check_authorities(trusted)
                                .and_then(|()| revoked.map_or(Ok(()), certificates::check_revocations));
                            if let Err(fault) = judged {
                                refuse_secret(&fault, &found.origin, diagnostics);
                                return None;
                            }
                            return Some(Authorities::Inline {
                                trusted: inline_string(trusted),
                                revoked: revoked.map(inline_string),
                            });
                        }
                    },
                }
            }
        };
        let secret = self.needed.beside_module(file, Kind::Authority, field, reason);
        Some(Authorities::Files(Box::new(secret)))
    }
}

/// Where a certificate comes from.
pub(crate) enum Source {
    /// The certificate, and what is known of it.
    Inline(TlsCertificate, InlineCertificate),
    /// Files that Envoy reads while it runs.
    Files(FileSecret),
    /// An error was reported.
    Refused,
}

/// Who must have signed the certificate of the other side.
pub(crate) enum Authorities {
    /// Certificates of a Secret.
    Inline {
        /// The authorities.
        trusted: DataSource,
        /// Their revocation lists.
        revoked: Option<DataSource>,
    },
    /// Files that Envoy reads while it runs.
    Files(Box<FileSecret>),
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
fn refuse_secret(fault: &CertificateFault, origin: &Origin, diagnostics: &mut Diagnostics) {
    diagnostics
        .error(
            Code::BadCertificate,
            format!("this Secret can't be used: {fault}"),
        )
        .on(origin, if origin.has("data") { "data" } else { "stringData" })
        .help("see `openssl x509 -noout -text` and `openssl pkey -noout` for its parts");
}

fn inline_string(text: &[u8]) -> DataSource {
    DataSource::InlineString(String::from_utf8_lossy(text).into_owned())
}

/// Why a Secret is not used.
fn not_in_input(namespace: &str, name: &str, own: &str) -> String {
    if namespace == own {
        format!("no Secret `{namespace}/{name}` in the input")
    } else {
        format!("a proxy in namespace `{own}` may not read Secret `{namespace}/{name}`")
    }
}
