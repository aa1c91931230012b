//! One file of resources: its name, and what is in it.

use std::fmt::Write as _;

use fingerpost_envoy_config::core::{ApiVersion, ConfigSource, PathConfigSource, WatchedDirectory};
use fingerpost_envoy_config::discovery::{DiscoveryResponse, Resource};
use sha2::{Digest, Sha256};

/// The longest part of a resource's name that a file name shows.
const LONGEST_NAME: usize = 100;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// All listeners.
    Listeners,
    /// All clusters.
    Clusters,
    /// One route table.
    Routes,
    /// The configuration of one HTTP filter.
    HttpFilter,
    /// One certificate with its private key.
    Secret,
}

/// A file for Envoy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XdsFile {
    /// Its name, without a folder: letters, digits, `.`, `-` and `_`, as the keys of a ConfigMap.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// The name of the resource in a file that holds only one.
    pub resource: Option<String>,
    /// Changes with the content, and only with it: Envoy shows it as the version in force.
    pub version: String,
    /// A `DiscoveryResponse` as JSON.
    pub content: String,
}

impl XdsFile {
    /// A file with these resources.
    pub(crate) fn new(kind: Kind, resource: Option<&str>, resources: Vec<Resource>) -> Self {
        // Texts and numbers only: they always serialise.
        let version = version(&serde_json::to_vec(&resources).unwrap_or_default());
        let response = DiscoveryResponse {
            version_info: version.clone(),
            resources,
        };
        let mut content = serde_json::to_string(&response).unwrap_or_default();
        content.push('\n');
        Self {
            name: file_name(kind, resource.unwrap_or_default()),
            kind,
            resource: resource.map(str::to_owned),
            version,
            content,
        }
    }

    /// Whether it holds a private key.
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Listeners,
        Self::Clusters,
        Self::Routes,
        Self::HttpFilter,
        Self::Secret,
    ];

    /// How the names of such files begin.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Listeners => "lds.",
            Self::Clusters => "cds.",
            Self::Routes => "rds-",
            Self::HttpFilter => "ecds-",
            Self::Secret => "sds-",
        }
    }

    /// What a file of this name holds; none if it is not one of ours.
    pub fn of(file_name: &str) -> Option<Self> {
        let is_ours = |kind: &Self| file_name.starts_with(kind.prefix()) && file_name.ends_with(".json");
        Self::ALL.into_iter().find(is_ours)
    }
}

/// Where Envoy finds the file of a resource. The folder is watched, so that a file that is moved there is read again, and so is
/// a folder that is replaced as a whole, as Kubernetes does it for a ConfigMap.
pub(crate) fn config_source(folder: &str, kind: Kind, resource: &str) -> ConfigSource {
    ConfigSource {
        resource_api_version: ApiVersion::V3,
        path_config_source: PathConfigSource {
            path: format!("{folder}/{}", file_name(kind, resource)),
            watched_directory: Some(WatchedDirectory {
                path: folder.to_owned(),
            }),
        },
    }
}

/// The name of the file with this resource. Different resources have different names, also where a file system, or a
/// ConfigMap, does not allow what is in the name of a resource.
fn file_name(kind: Kind, resource: &str) -> String {
    match kind {
        Kind::Listeners | Kind::Clusters => format!("{}json", kind.prefix()),
        Kind::Routes | Kind::HttpFilter | Kind::Secret => {
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
            let shown = resource.chars().take(LONGEST_NAME);
            let shown: String = shown.map(|it| if is_plain(it) { it } else { '-' }).collect();
            format!("{}{shown}-{}.json", kind.prefix(), digest(resource.as_bytes(), 4))
        }
    }
}

/// Changes with the content, and only with it.
pub fn version(content: &[u8]) -> String {
    digest(content, 6)
}

/// The first bytes of the SHA-256, in hexadecimal.
fn digest(content: &[u8], bytes: usize) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(content).iter().take(bytes) {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_a_key_of_a_config_map_and_tells_resources_apart() {
        let odd = [
            "a/b",
            "a-b",
            "../a",
            "*",
            "é",
            "",
            &"a".repeat(300),
            &"a".repeat(301),
        ];
        let names: Vec<String> = odd.iter().map(|it| file_name(Kind::Routes, it)).collect();
        for (index, name) in names.iter().enumerate() {
            let is_allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
            assert!(name.chars().all(is_allowed) && name.len() < 253, "{name}");
            assert!(!names[..index].contains(name), "{name} twice");
            assert_eq!(Kind::of(name), Some(Kind::Routes));
        }
        assert_eq!(Kind::of(&file_name(Kind::Listeners, "")), Some(Kind::Listeners));
        assert_eq!(Kind::of("readme.md"), None);
    }

    #[test]
    fn the_version_is_that_of_the_content() {
        let version = |names: &[&str]| {
            let resource = |name: &&str| {
                Resource::RouteConfiguration(fingerpost_envoy_config::route::RouteConfiguration {
                    name: (*name).to_owned(),
                    ..Default::default()
                })
            };
            XdsFile::new(Kind::Routes, Some("a"), names.iter().map(resource).collect()).version
        };
        assert_eq!(version(&["a"]), version(&["a"]));
        assert_ne!(version(&["a"]), version(&["b"]));
    }
}
