//! Secrets as Kubernetes mounts them into a Pod: a folder for each, with a file for each key.
//!
//! Decides which of these files a credential name means. Envoy reads them while it runs, by SDS, and again when they are replaced: the
//! compiler knows which files there are, not what they hold.
//! Source: istio `pilot/pkg/credentials/kube/secrets.go`, `ExtractCertInfo` and `ExtractRoot`, for the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::credentials::AUTHORITY_SUFFIX;
use crate::file_secrets::SecretFiles;

/// A folder with a folder for each Secret, such as `shop/tls.crt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedSecrets {
    /// The folder as Envoy sees it.
    pub path: String,
    /// The same folder on this machine, for those who read files.
    pub folder: PathBuf,
    /// The keys that have a value, by the name of their Secret.
    pub keys: BTreeMap<String, BTreeSet<String>>,
}

impl MountedSecrets {
    /// The path on this machine of a file that Envoy reads.
    pub fn on_this_machine(&self, path: &str) -> PathBuf {
        match path.strip_prefix(&self.path).and_then(|it| it.strip_prefix('/')) {
            Some(below) => self.folder.join(below),
            None => Path::new(path).to_owned(),
        }
    }

    /// Whether the Secret is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.keys.contains_key(name)
    }

    /// Where the certificate of a Secret is, or is expected.
    pub(crate) fn certificate(&self, name: &str) -> Option<SecretFiles> {
        let folder = self.folder_of(name)?;
        let is_generic = self.has_key(name, "cert") && self.has_key(name, "key");
        let (chain, key) = if is_generic {
            ("cert", "key")
        } else {
            ("tls.crt", "tls.key")
        };
        Some(SecretFiles::Certificate {
            chain: format!("{folder}/{chain}"),
            key: format!("{folder}/{key}"),
        })
    }

    /// The Secret whose authorities judge clients: the one of that name, or that name without `-cacert`.
    pub(crate) fn authority_of<'n>(&self, name: &'n str) -> Option<&'n str> {
        let bare = name.strip_suffix(AUTHORITY_SUFFIX);
        [Some(name), bare].into_iter().flatten().find(|it| self.has(it))
    }

    /// Where the authorities of a Secret are, or are expected.
    pub(crate) fn authorities(&self, name: &str) -> Option<SecretFiles> {
        let name = self.authority_of(name).unwrap_or(name);
        let folder = self.folder_of(name)?;
        let (trusted, list) = if self.has_key(name, "cacert") {
            ("cacert", "crl")
        } else {
            ("ca.crt", "ca.crl")
        };
        Some(SecretFiles::Authority {
            trusted: format!("{folder}/{trusted}"),
            revoked: self.has_key(name, list).then(|| format!("{folder}/{list}")),
        })
    }

    fn has_key(&self, name: &str, key: &str) -> bool {
        self.keys.get(name).is_some_and(|it| it.contains(key))
    }

    /// None for what can't be the name of a Secret, such as a path that leads out of the folder.
    fn folder_of(&self, name: &str) -> Option<String> {
        let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
        is_name.then(|| format!("{}/{name}", self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted() -> MountedSecrets {
        let keys = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
        MountedSecrets {
            path: "/secrets".to_owned(),
            folder: PathBuf::from("here"),
            keys: BTreeMap::from([
                ("plain".to_owned(), keys(&["tls.crt", "tls.key", "ca.crt"])),
                ("generic".to_owned(), keys(&["cert", "key", "tls.crt", "tls.key"])),
                ("generic-cacert".to_owned(), keys(&["cacert", "crl", "ca.crt"])),
            ]),
        }
    }

    #[test]
    fn keys_are_taken_in_the_order_of_istio() {
        let certificate = |chain: &str, key: &str| SecretFiles::Certificate {
            chain: chain.to_owned(),
            key: key.to_owned(),
        };
        let authority = |trusted: &str, revoked: Option<&str>| SecretFiles::Authority {
            trusted: trusted.to_owned(),
            revoked: revoked.map(str::to_owned),
        };
        let mounted = mounted();
        for (name, expected) in [
            (
                "plain",
                certificate("/secrets/plain/tls.crt", "/secrets/plain/tls.key"),
            ),
            (
                "generic",
                certificate("/secrets/generic/cert", "/secrets/generic/key"),
            ),
            (
                "none",
                certificate("/secrets/none/tls.crt", "/secrets/none/tls.key"),
            ),
        ] {
            assert_eq!(mounted.certificate(name), Some(expected), "{name}");
        }
        for (name, expected) in [
            ("plain-cacert", authority("/secrets/plain/ca.crt", None)),
            (
                "generic-cacert",
                authority(
                    "/secrets/generic-cacert/cacert",
                    Some("/secrets/generic-cacert/crl"),
                ),
            ),
            ("none-cacert", authority("/secrets/none-cacert/ca.crt", None)),
        ] {
            assert_eq!(mounted.authorities(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_name_does_not_lead_out_of_the_folder() {
        for name in ["", "..", ".hidden", "../other", "a/../../b"] {
            assert_eq!(mounted().certificate(name), None, "{name}");
            assert_eq!(mounted().authorities(name), None, "{name}");
        }
    }
}
