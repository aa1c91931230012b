//! Certificates that Envoy reads from files while it runs, by SDS: it starts without them, and only the servers and clusters
//! that need them are out of order.
//!
//! Decides which files those are and how Envoy finds them.
//! Source: istio `pilot/pkg/security/model/authentication.go`, `ApplyToCommonTLSContext`.

use fingerpost_envoy_config::core::{
    ApiVersion, ConfigSource, DataSource, PathConfigSource, WatchedDirectory,
};
use fingerpost_envoy_config::discovery::{DiscoveryResponse, Resource};
use fingerpost_envoy_config::tls::{
    self, CertificateValidationContext, SdsSecretConfig, SecretContent, TlsCertificate,
};
use fingerpost_resources::Origin;
use sha2::{Digest, Sha256};

use crate::credentials::without_scheme;

/// The folder beside the module that holds certificates and how Envoy finds them.
const FOLDER: &str = "certs";
/// The longest part of a credential's name that a file name shows.
const LONGEST_NAME: usize = 100;

/// A certificate, or the authorities that others are judged by, that Envoy reads from files while it runs.
#[derive(Debug, Clone)]
pub struct FileSecret {
    /// Envoy's name for it. Equal names have equal files.
    pub name: String,
    /// The files.
    pub files: SecretFiles,
    /// What needs it.
    pub needed_by: NeededBy,
    /// Where the Gateway or DestinationRule is written that needs it.
    pub origin: Origin,
    /// The field that names it, such as `spec.servers[0].tls.credentialName`.
    pub field: String,
    /// Why it comes from files.
    pub from: FromFiles,
    folder: String,
}

/// Why Envoy reads a secret from files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromFiles {
    /// The resource names the files.
    Named,
    /// Secrets are mounted, and this is one of them.
    Mounted,
    /// There is no Secret that can be used, such as ``no Secret `istio-system/shop` in the input``.
    NoSecret(String),
    /// The Secret can't be used, and an error at it says why. This is how findings name it.
    InvalidSecret(String),
}

/// Which connections need a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NeededBy {
    /// Those of clients.
    Listener {
        /// Envoy's name of the listener.
        name: String,
        /// The server names of the connections; empty for all.
        server_names: Vec<String>,
    },
    /// Those to the endpoints of a cluster.
    Cluster {
        /// The host of its service.
        host: String,
    },
}

impl NeededBy {
    /// What follows if the secret can't be used.
    #[must_use]
    pub fn consequence(&self) -> String {
        match self {
            Self::Listener { .. } => "the server refuses connections".to_owned(),
            Self::Cluster { host } => format!("no connection to {host} is made, and requests to it get 503"),
        }
    }
}

/// Paths as Envoy will open them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretFiles {
    /// A certificate and its private key.
    Certificate {
        /// The certificate chain in PEM.
        chain: String,
        /// The private key in PEM.
        key: String,
    },
    /// What the certificates of clients or of upstreams are judged by.
    Authority {
        /// The certificates of the authorities in PEM.
        trusted: String,
        /// A certificate revocation list in PEM.
        revoked: Option<String>,
    },
}

impl FileSecret {
    /// The file that tells Envoy where the others are. It must be there when Envoy starts.
    pub fn path(&self) -> String {
        format!("{}/{}", self.folder, self.file_name())
    }

    /// The name of that file, for the folder [`FileSecret::FOLDER`] beside the module.
    pub fn file_name(&self) -> String {
        format!("{}.json", self.name)
    }

    /// The folder beside the module in which Envoy looks for that file.
    pub const FOLDER: &'static str = FOLDER;

    /// What that file holds: an SDS response with this secret, as JSON for people.
    pub fn content(&self) -> String {
        // Texts only: they always serialise.
        let mut content = serde_json::to_string_pretty(&self.resource()).unwrap_or_default();
        content.push('\n');
        content
    }

    fn resource(&self) -> DiscoveryResponse {
        let file = |path: &str| DataSource::Filename(path.to_owned());
        let content = match &self.files {
            SecretFiles::Certificate { chain, key } => SecretContent::TlsCertificate(TlsCertificate {
                certificate_chain: file(chain),
                private_key: file(key),
            }),
            SecretFiles::Authority { trusted, revoked } => {
                SecretContent::ValidationContext(CertificateValidationContext {
                    trusted_ca: Some(file(trusted)),
                    crl: revoked.as_deref().map(file),
                    ..CertificateValidationContext::default()
                })
            }
        };
        DiscoveryResponse {
            version_info: String::new(),
            resources: vec![Resource::Secret(tls::Secret {
                name: self.name.clone(),
                content,
            })],
        }
    }

    /// How a TLS context names it. The folder is watched: what is moved there is read again.
    pub(crate) fn config(&self) -> SdsSecretConfig {
        SdsSecretConfig {
            name: self.name.clone(),
            sds_config: Some(ConfigSource {
                resource_api_version: ApiVersion::V3,
                path_config_source: PathConfigSource {
                    path: self.path(),
                    watched_directory: Some(WatchedDirectory {
                        path: self.folder.clone(),
                    }),
                },
            }),
        }
    }
}

/// What all secrets of a server, or of a cluster, have in common.
#[derive(Debug, Clone)]
pub(crate) struct Needed<'r> {
    /// What needs them.
    pub by: NeededBy,
    /// The Gateway or DestinationRule.
    pub origin: &'r Origin,
    /// Where Envoy finds the filter's module.
    pub module_path: &'r str,
}

impl Needed<'_> {
    /// A secret from the files that are expected beside the module for a credential.
    pub(crate) fn beside_module(
        &self,
        credential: &str,
        kind: Kind,
        field: String,
        from: FromFiles,
    ) -> FileSecret {
        let folder = self.folder();
        let name = file_name(credential);
        let files = match kind {
            Kind::Certificate => SecretFiles::Certificate {
                chain: format!("{folder}/{name}.crt"),
                key: format!("{folder}/{name}.key"),
            },
            Kind::Authority => SecretFiles::Authority {
                trusted: format!("{folder}/{name}.crt"),
                revoked: None,
            },
        };
        let name = match kind {
            Kind::Certificate => name,
            // No certificate has a `+` in its name.
            Kind::Authority => format!("{name}+ca"),
        };
        self.secret(name, files, field, from)
    }

    /// A secret from files that the resource names.
    pub(crate) fn named(&self, files: SecretFiles, field: String) -> FileSecret {
        let (first, others) = match &files {
            SecretFiles::Certificate { chain, key } => (chain, key.as_str()),
            SecretFiles::Authority { trusted, revoked } => (trusted, revoked.as_deref().unwrap_or_default()),
        };
        let stem = first.rsplit('/').next().unwrap_or(first);
        let name = format!(
            "file+{}-{}",
            printable(stem),
            digest(&format!("{first}\0{others}"))
        );
        self.secret(name, files, field, FromFiles::Named)
    }

    /// A secret from the files of a mounted Secret.
    pub(crate) fn mounted(&self, name: &str, kind: Kind, files: SecretFiles, field: String) -> FileSecret {
        let suffix = match kind {
            Kind::Certificate => "",
            Kind::Authority => "+ca",
        };
        let name = format!("mounted+{}{suffix}", file_name(name));
        self.secret(name, files, field, FromFiles::Mounted)
    }

    fn secret(&self, name: String, files: SecretFiles, field: String, from: FromFiles) -> FileSecret {
        FileSecret {
            name,
            files,
            needed_by: self.by.clone(),
            origin: self.origin.clone(),
            field,
            from,
            folder: self.folder(),
        }
    }

    /// Whether a server shows the certificate; if not, the proxy shows it as a client.
    pub(crate) fn is_shown_to_clients(&self) -> bool {
        match &self.by {
            NeededBy::Listener { .. } => true,
            NeededBy::Cluster { .. } => false,
        }
    }

    fn folder(&self) -> String {
        let beside = self
            .module_path
            .rsplit_once('/')
            .map_or(".", |(folder, _)| folder);
        format!("{beside}/{FOLDER}")
    }
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Certificate,
    Authority,
}

/// A file name for a credential: its own name, if that can be one.
fn file_name(credential: &str) -> String {
    let bare = without_scheme(credential);
    let shown = printable(bare);
    if shown == bare {
        shown
    } else {
        format!("{shown}-{}", digest(bare))
    }
}

fn printable(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let shown: String = text
        .chars()
        .take(LONGEST_NAME)
        .map(|letter| if plain(letter) { letter } else { '-' })
        .collect();
    // `.` and `..` are folders.
    if shown.trim_matches('.').is_empty() {
        "-".to_owned()
    } else {
        shown
    }
}

fn digest(text: &str) -> String {
    let sum = Sha256::digest(text.as_bytes());
    sum.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_file_name_stays_in_its_folder_and_tells_credentials_apart() {
        assert_eq!(file_name("shop"), "shop");
        assert_eq!(file_name("kubernetes://shop"), "shop");
        let odd = [
            "a/b",
            "a-b",
            "../a",
            "a\nb",
            "..",
            "é",
            &"a".repeat(300),
            &"a".repeat(301),
        ];
        let names: Vec<String> = odd.iter().map(|it| file_name(it)).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(
                name.len() < 128 && !name.contains(['/', '\n']) && name != "..",
                "{name}"
            );
            assert!(!names[..index].contains(name), "{name} twice");
        }
    }
}
