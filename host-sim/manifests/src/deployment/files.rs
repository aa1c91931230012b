//! Puts files into ConfigMaps and Secrets, and says where they are in the container.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fingerpost_config_compiler::{FileSecret, FromFiles, SecretFiles};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{DeploymentOptions, FOLDER, GatewayFile, metadata};
use crate::document::Document;
use crate::refusal::Refusal;

/// How many bytes the values of a ConfigMap or of a Secret may have together (`MaxSecretSize` of Kubernetes).
const LARGEST: usize = 1_048_576;
/// `0440`: the group of the Pod's volumes may read it.
const GROUP_READS: u32 = 0o440;

/// What an object of files is for. The order is that of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    /// The filter's module, which changes with releases of Fingerpost only.
    Module,
    /// What changes with the rules.
    Config,
    /// Files with private keys.
    Keys,
}

/// An object with files.
pub(super) struct Stored {
    pub(super) document: Document,
    /// The field that names it as a source of a volume.
    kind: &'static str,
    name: String,
    /// The key of each file, and its path below the folder.
    items: Vec<(String, String)>,
}

/// All files in as few objects as they fit in.
pub(super) fn store(files: &[GatewayFile], options: &DeploymentOptions) -> Result<Vec<Stored>, Vec<Refusal>> {
    let too_large: Vec<Refusal> = files.iter().filter_map(too_large).collect();
    if !too_large.is_empty() {
        return Err(too_large);
    }
    let mut parts: BTreeMap<Purpose, Vec<Vec<&GatewayFile>>> = BTreeMap::new();
    for file in files {
        let parts = parts.entry(purpose(file)).or_default();
        let has_room = |part: &&mut Vec<&GatewayFile>| {
            part.iter().map(|it| it.content.len()).sum::<usize>() + file.content.len() <= LARGEST
        };
        match parts.iter_mut().find(has_room) {
            Some(part) => part.push(file),
            None => parts.push(vec![file]),
        }
    }
    let parts = parts
        .into_iter()
        .flat_map(|(purpose, parts)| parts.into_iter().map(move |part| (purpose, part)));
    Ok(parts
        .map(|(purpose, part)| stored(purpose, &part, options))
        .collect())
}

fn purpose(file: &GatewayFile) -> Purpose {
    if file.secret {
        Purpose::Keys
    } else if std::str::from_utf8(&file.content).is_err() {
        Purpose::Module
    } else {
        Purpose::Config
    }
}

fn too_large(file: &GatewayFile) -> Option<Refusal> {
    let bytes = file.content.len();
    (bytes > LARGEST).then(|| Refusal {
        reason: format!(
            "{} has {bytes} bytes, and a ConfigMap or a Secret holds at most {LARGEST}",
            file.path
        ),
        help: "divide the rules between several gateways, or put the files of `fingerpost compile --xds` into an image"
            .to_owned(),
    })
}

fn stored(purpose: Purpose, files: &[&GatewayFile], options: &DeploymentOptions) -> Stored {
    let (word, comment): (_, &[&str]) = match purpose {
        Purpose::Module => (
            "module",
            &["The filter. It changes with releases of Fingerpost, not with the rules."],
        ),
        Purpose::Config => (
            "config",
            &[
                "What Envoy reads: the bootstrap, listeners, clusters, route tables and the filter's configuration.",
            ],
        ),
        Purpose::Keys => (
            "keys",
            &["Private keys and their certificates: let no one else read this file."],
        ),
    };
    let name = format!("{}-{word}-{}", options.name, hash(files));
    let items: Vec<(String, String)> = files.iter().map(|it| (key(&it.path), it.path.clone())).collect();
    let base64 = |file: &GatewayFile| STANDARD.encode(&file.content);
    let text = |file: &GatewayFile| String::from_utf8_lossy(&file.content).into_owned();
    let values = |value: &dyn Fn(&GatewayFile) -> String| -> Map<String, Value> {
        let entries = files.iter().map(|it| (key(&it.path), Value::String(value(it))));
        entries.collect()
    };
    let (kind, field, values) = match purpose {
        Purpose::Module => ("ConfigMap", "binaryData", values(&base64)),
        Purpose::Config => ("ConfigMap", "data", values(&text)),
        Purpose::Keys => ("Secret", "data", values(&base64)),
    };
    let object = json!({
        "apiVersion": "v1",
        "kind": kind,
        "metadata": metadata(&name, options),
        "immutable": true,
        field: values,
    });
    Stored {
        document: Document::new(comment, &object),
        kind: if kind == "Secret" { "secret" } else { "configMap" },
        name,
        items,
    }
}

/// The key of a file: a ConfigMap has no folders.
fn key(path: &str) -> String {
    path.replace('/', "_")
}

/// Changes with the content of the files, and only with it.
fn hash(files: &[&GatewayFile]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        for part in [file.path.as_bytes(), &file.content] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
    }
    let bytes = digest.finalize();
    bytes.iter().take(5).map(|it| format!("{it:02x}")).collect()
}

/// A Secret of the cluster in which Envoy finds a certificate that the input does not have.
pub(super) struct ClusterSecret {
    name: String,
    items: Vec<(&'static str, String)>,
}

/// The Secrets that Gateways name and that the input does not have, or not in a form that can be used. The Pods get them from the cluster, in their namespace.
pub(super) fn cluster_secrets(secrets: &[FileSecret]) -> Vec<ClusterSecret> {
    let below = |path: &str| {
        let path = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
        Some(path.to_owned())
    };
    let mut found: BTreeMap<String, ClusterSecret> = BTreeMap::new();
    let is_of_cluster = |it: &&FileSecret| match it.from {
        FromFiles::NoSecret(_) | FromFiles::InvalidSecret(_) => true,
        FromFiles::Named | FromFiles::Mounted => false,
    };
    for secret in secrets.iter().filter(is_of_cluster) {
        let (first, items) = match &secret.files {
            SecretFiles::Certificate { chain, key } => (chain, vec![("tls.crt", chain), ("tls.key", key)]),
            SecretFiles::Authority { trusted, .. } => (trusted, vec![("ca.crt", trusted)]),
        };
        let items: Option<Vec<_>> = items
            .into_iter()
            .map(|(key, path)| Some((key, below(path)?)))
            .collect();
        // The file has the name of the credential (`config-compiler/src/file_secrets.rs`).
        let file = first.rsplit('/').next().and_then(|it| it.strip_suffix(".crt"));
        if let (Some(items), Some(name)) = (items, file) {
            let name = name.to_owned();
            found.insert(first.clone(), ClusterSecret { name, items });
        }
    }
    found.into_values().collect()
}

/// A volume with the files below `folder` (with a slash at its end; empty for those that are in no folder). None if there are none.
pub(super) fn volume(folder: &str, stored: &[Stored], mounted: &[ClusterSecret]) -> Option<Value> {
    let inside = |path: &str| -> Option<String> {
        let rest = path.strip_prefix(folder)?;
        (!rest.contains('/')).then(|| rest.to_owned())
    };
    let mut sources: Vec<Value> = Vec::new();
    for object in stored {
        let items = object.items.iter().filter_map(|(key, path)| {
            let mut item = json!({"key": key, "path": inside(path)?});
            if object.kind == "secret" {
                item["mode"] = GROUP_READS.into();
            }
            Some(item)
        });
        let items: Vec<Value> = items.collect();
        if !items.is_empty() {
            sources.push(json!({object.kind: {"name": object.name, "items": items}}));
        }
    }
    for secret in mounted {
        let items = secret
            .items
            .iter()
            .filter_map(|(key, path)| Some(json!({"key": key, "path": inside(path)?, "mode": GROUP_READS})));
        let items: Vec<Value> = items.collect();
        if !items.is_empty() {
            // Envoy starts without it; only the servers that need it refuse connections.
            sources.push(json!({"secret": {"name": secret.name, "optional": true, "items": items}}));
        }
    }
    (!sources.is_empty()).then(|| json!({"projected": {"sources": sources}}))
}

#[cfg(test)]
mod tests {
    use super::super::Drain;
    use super::*;

    fn options() -> DeploymentOptions {
        DeploymentOptions {
            name: "edge".to_owned(),
            namespace: "ingress".to_owned(),
            image: "envoy".to_owned(),
            replicas: 1,
            readiness_port: 15_021,
            readiness_path: "/healthz/ready",
            admin_port: 15_000,
            drain: Drain { unready: 1, leave: 1 },
        }
    }

    fn file(path: &str, bytes: usize) -> GatewayFile {
        GatewayFile {
            path: path.to_owned(),
            content: vec![b'a'; bytes],
            secret: false,
        }
    }

    #[test]
    fn files_are_divided_between_objects_that_they_fit_in() {
        let files = [
            file("a", LARGEST / 2),
            file("b", LARGEST),
            file("xds/c", LARGEST / 2),
            file("xds/d", 1),
        ];
        let stored = store(&files, &options()).unwrap_or_default();
        let keys: Vec<Vec<&str>> = stored
            .iter()
            .map(|it| it.items.iter().map(|(key, _)| key.as_str()).collect())
            .collect();
        assert_eq!(keys, [vec!["a", "xds_c"], vec!["b"], vec!["xds_d"]]);
        for object in &stored {
            let values = object.document.content["data"].as_object();
            let bytes = values.map(|it| it.values().filter_map(Value::as_str).map(str::len).sum::<usize>());
            assert!(bytes.is_some_and(|it| it <= LARGEST));
        }
    }

    #[test]
    fn a_file_that_fits_nowhere_is_refused() {
        let refusals = store(&[file("a", 1), file("b", LARGEST + 1)], &options()).err();
        let reasons: Vec<String> = refusals.into_iter().flatten().map(|it| it.to_string()).collect();
        assert!(
            matches!(&reasons[..], [reason] if reason.contains("b has 1048577 bytes") && reason.contains("image")),
            "{reasons:?}"
        );
    }
}
