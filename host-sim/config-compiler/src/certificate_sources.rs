//! Where certificates and authorities come from: Secrets of the input, mounted Secrets, and files in their place.
//!
//! A Secret that Envoy would refuse is an error, and puts nothing else out of order: what needs it waits for files, as for a Secret that is
//! not there (istio `pilot/pkg/xds/sds.go` sends it on, and Envoy rejects that secret alone).
//! Which Secret a name means is `credentials`, which files take its place is `file_secrets` and `mounted_secrets`, whether Envoy takes what
//! they hold is `certificates`. What a server or a cluster does with them is `tls`, `client_certificates` and `upstream_tls`.

use fingerpost_envoy_config::core::DataSource;
use fingerpost_envoy_config::tls::TlsCertificate;
use fingerpost_resources::{Code, Diagnostics, Origin, Resource, Resources, Secret};

use crate::certificates::{self, CertificateChain, CertificateFault};
use crate::credentials::{self, CredentialName};
use crate::file_secrets::{FileSecret, FromFiles, Kind, Needed, NeededBy, SecretFiles};
use crate::mesh::Mesh;
use crate::mounted_secrets::MountedSecrets;

/// Where the certificates of a server or of a cluster come from: Secrets, and files in their place.
pub(crate) struct Sources<'a> {
    /// What the secrets have in common.
    pub needed: Needed<'a>,
    /// The surroundings.
    pub mesh: &'a Mesh<'a>,
    /// The Secrets.
    pub resources: &'a Resources,
}

/// What the bootstrap holds of a Secret of the input.
#[derive(Debug, Clone)]
pub struct InlineSecret {
    /// The Secret.
    pub origin: Origin,
    /// Its field, such as `data.tls.crt`.
    pub part: String,
    /// What it says.
    pub content: InlineContent,
    /// What needs it.
    pub needed_by: NeededBy,
    /// The Gateway or DestinationRule that names it.
    pub named_by: Origin,
    /// The field that names it, such as `spec.servers[0].tls.credentialName`.
    pub field: String,
}

/// What a Secret says.
#[derive(Debug, Clone)]
pub enum InlineContent {
    /// A certificate, and those that signed it.
    Certificate(CertificateChain),
    /// What the certificates of the other side are judged by.
    Authorities(certificates::Authorities),
}

impl Sources<'_> {
    /// The certificate and key that a credential names.
    pub(crate) fn certificate(&self, name: &str, field: String, diagnostics: &mut Diagnostics) -> Source {
        let from = match CredentialName::parse(name, &self.mesh.options.namespace) {
            CredentialName::Mesh => {
                self.refuse_mesh(&field, name, diagnostics);
                return Source::Refused;
            }
            CredentialName::ConfigMap => {
                FromFiles::NoSecret(format!("`{name}` is a ConfigMap, which holds no private key"))
            }
            CredentialName::Secret(namespace, secret) => {
                if let Some(files) = self.mounted_certificate(&namespace, &secret) {
                    let secret = self.needed.mounted(&secret, Kind::Certificate, files, field);
                    return Source::Files(Box::new(secret));
                }
                match self.certificate_of(&namespace, &secret, &field, diagnostics) {
                    Ok((certificate, held)) => return Source::Inline(certificate, Box::new(held)),
                    Err(from) => from,
                }
            }
        };
        let secret = self.needed.beside_module(name, Kind::Certificate, field, from);
        Source::Files(Box::new(secret))
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

    /// The authorities that a credential names; none where an error was reported that stops everything.
    pub(crate) fn authorities(
        &self,
        credential: &str,
        field: String,
        diagnostics: &mut Diagnostics,
    ) -> Option<Authorities> {
        let mut file = credential;
        let from = match CredentialName::parse(credential, &self.mesh.options.namespace) {
            CredentialName::Mesh => {
                self.refuse_mesh(&field, credential, diagnostics);
                return None;
            }
            CredentialName::ConfigMap => {
                file = credential.strip_prefix("configmap://").unwrap_or(credential);
                FromFiles::NoSecret(format!(
                    "ConfigMap `{}` is not read",
                    credentials::without_authority_suffix(file)
                ))
            }
            CredentialName::Secret(namespace, name) => {
                if let Some(files) = self.mounted_authorities(&namespace, &name) {
                    let secret = self.needed.mounted(&name, Kind::Authority, files, field);
                    return Some(Authorities::Files(Box::new(secret)));
                }
                match self.authorities_of(&namespace, &name, &field, diagnostics) {
                    Ok(found) => return Some(found),
                    Err(from) => from,
                }
            }
        };
        let secret = self.needed.beside_module(file, Kind::Authority, field, from);
        Some(Authorities::Files(Box::new(secret)))
    }

    /// The certificate of a Secret of the input; or why it comes from files.
    fn certificate_of(
        &self,
        namespace: &str,
        name: &str,
        field: &str,
        diagnostics: &mut Diagnostics,
    ) -> Result<(TlsCertificate, InlineSecret), FromFiles> {
        let own = &self.mesh.options.namespace;
        self.refuse_unreadable(namespace, name, diagnostics)?;
        let found = credentials::secret(self.resources, namespace, name, own)
            .ok_or_else(|| FromFiles::NoSecret(not_in_input(namespace, name, own)))?;
        let (chain, key) = credentials::pair(&found.spec).ok_or_else(|| {
            FromFiles::NoSecret(format!(
                "Secret `{namespace}/{name}` has neither `tls.crt` and `tls.key` nor `cert` and `key`"
            ))
        })?;
        let judged = certificates::check_pair(chain, key).map_err(|fault| {
            let part = if fault.is_about_key() { key } else { chain };
            self.refuse_secret(&fault, found, part, diagnostics)
        })?;
        if self.needed.is_shown_to_clients() && credentials::has_staple(&found.spec) {
            diagnostics
                .warn(
                    Code::StapleLeftOut,
                    "`tls.ocsp-staple` is not supported: clients get no OCSP response with the certificate",
                )
                .on(&found.origin, "data.tls.ocsp-staple")
                .help("remove it, or accept that clients ask the certificate's authority themselves");
        }
        let certificate = TlsCertificate {
            certificate_chain: inline_string(chain),
            private_key: inline_string(key),
        };
        Ok((
            certificate,
            self.held(found, chain, InlineContent::Certificate(judged), field),
        ))
    }

    /// The authorities of a Secret of the input; or why they come from files.
    fn authorities_of(
        &self,
        namespace: &str,
        name: &str,
        field: &str,
        diagnostics: &mut Diagnostics,
    ) -> Result<Authorities, FromFiles> {
        let own = &self.mesh.options.namespace;
        self.refuse_unreadable(namespace, name, diagnostics)?;
        let found = credentials::authority(self.resources, namespace, name, own)
            .ok_or_else(|| FromFiles::NoSecret(not_in_input(namespace, name, own)))?;
        let (trusted, revoked) = credentials::authorities(&found.spec).ok_or_else(|| {
            FromFiles::NoSecret(format!(
                "Secret `{}` has no `ca.crt` (or `cacert`) to judge certificates by",
                found.meta.qualified_name()
            ))
        })?;
        let judged = certificates::check_authorities(trusted, revoked).map_err(|fault| {
            let part = revoked.filter(|_| fault.is_about_list()).unwrap_or(trusted);
            self.refuse_secret(&fault, found, part, diagnostics)
        })?;
        Ok(Authorities::Inline {
            trusted: inline_string(trusted),
            revoked: revoked.map(inline_string),
            held: Box::new(self.held(found, trusted, InlineContent::Authorities(judged), field)),
        })
    }

    fn held(
        &self,
        secret: &Resource<Secret>,
        part: &[u8],
        content: InlineContent,
        field: &str,
    ) -> InlineSecret {
        InlineSecret {
            origin: secret.origin.clone(),
            part: credentials::field_of(secret, part),
            content,
            needed_by: self.needed.by.clone(),
            named_by: self.needed.origin.clone(),
            field: field.to_owned(),
        }
    }

    /// Mounted Secrets, if the namespace is the proxy's own.
    fn mounted(&self, namespace: &str) -> Option<&MountedSecrets> {
        let options = self.mesh.options;
        options
            .mounted_secrets
            .as_ref()
            .filter(|_| *namespace == options.namespace)
    }

    /// The files of a mounted Secret, which counts before one of the input if it is there.
    fn mounted_certificate(&self, namespace: &str, name: &str) -> Option<SecretFiles> {
        let mounted = self.mounted(namespace)?;
        let is_given = credentials::is_given(self.resources, namespace, name, namespace);
        (mounted.has(name) || !is_given).then(|| mounted.certificate(name))?
    }

    /// The same for authorities.
    fn mounted_authorities(&self, namespace: &str, name: &str) -> Option<SecretFiles> {
        let mounted = self.mounted(namespace)?;
        let is_given = credentials::authority(self.resources, namespace, name, namespace).is_some()
            || credentials::is_given(self.resources, namespace, name, namespace);
        (mounted.authority_of(name).is_some() || !is_given).then(|| mounted.authorities(name))?
    }

    fn refuse_unreadable(
        &self,
        namespace: &str,
        name: &str,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), FromFiles> {
        let own = &self.mesh.options.namespace;
        match credentials::refuse_unreadable(self.resources, namespace, name, own, diagnostics) {
            None => Ok(()),
            Some(subject) => Err(FromFiles::InvalidSecret(subject)),
        }
    }

    /// Reports a Secret that Envoy would refuse, once. What it holds is not shown.
    fn refuse_secret(
        &self,
        fault: &CertificateFault,
        secret: &Resource<Secret>,
        part: &[u8],
        diagnostics: &mut Diagnostics,
    ) -> FromFiles {
        let (origin, path) = (&secret.origin, credentials::field_of(secret, part));
        let is_known = diagnostics
            .iter()
            .any(|it| it.code == Code::BadCertificate && it.subject == origin.subject() && it.path == path);
        if !is_known {
            let consequence = self.needed.by.consequence();
            diagnostics
                .error(
                    Code::BadCertificate,
                    format!("this Secret can't be used: {fault}; {consequence}"),
                )
                .on(origin, path)
                .help(fault.help());
        }
        FromFiles::InvalidSecret(origin.subject().to_owned())
    }
}

/// Where a certificate comes from.
pub(crate) enum Source {
    /// The certificate, and what is known of it.
    Inline(TlsCertificate, Box<InlineSecret>),
    /// Files that Envoy reads while it runs.
    Files(Box<FileSecret>),
    /// An error was reported that stops everything.
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
        /// What is known of them.
        held: Box<InlineSecret>,
    },
    /// Files that Envoy reads while it runs.
    Files(Box<FileSecret>),
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
