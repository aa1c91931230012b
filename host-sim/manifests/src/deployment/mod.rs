//! Manifests for a stock Envoy in a cluster without Istio: a Deployment, its configuration, and how it is reached.
//!
//! Decides which file of the configuration goes into which object, and what the Pods may do. The rules:
//!
//! * Files are in ConfigMaps, those with private keys in Secrets. The name of each ends with the hash of its content, and it is
//!   immutable: other rules are another object, and the Deployment replaces its Pods one after the other. A Pod that
//!   does not become ready stops that, and `kubectl rollout undo` finds the objects of the version before.
//! * The Pods satisfy the Pod Security Standard "restricted" and have no token of the cluster's API.
//!
//! What Envoy is configured by is compiled, not made here.

mod files;
mod network;
mod pod;

use std::collections::BTreeMap;

use fingerpost_config_compiler::{Compiled, Summary};
use serde_json::{Value, json};

use crate::document::Document;
use crate::refusal::Refusal;

/// The folder of the configuration in the container.
pub const FOLDER: &str = "/etc/fingerpost";

/// What the manifests are made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentOptions {
    /// The name of the objects; those with files have the hash of their content behind it.
    pub name: String,
    /// The namespace of the objects.
    pub namespace: String,
    /// The image of a stock Envoy.
    pub image: String,
    /// How many Pods.
    pub replicas: u32,
    /// The port of the readiness endpoint.
    pub readiness_port: u16,
    /// The path of the readiness endpoint.
    pub readiness_path: &'static str,
    /// The port of the admin interface, on the loopback.
    pub admin_port: u16,
    /// How long a Pod that is to end goes on, in seconds.
    pub drain: Drain,
}

/// How a Pod ends, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// From the moment it is not ready any more until it asks clients to leave.
    pub unready: u32,
    /// From then until it stops.
    pub leave: u32,
}

/// A file that Envoy reads, below [`FOLDER`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayFile {
    /// Its path below the folder.
    pub path: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// Whether it holds a private key.
    pub secret: bool,
}

/// The manifests. Those of kind `Secret` hold private keys.
///
/// # Errors
/// What cannot work: all reasons that are known.
pub fn deployment(
    compiled: &Compiled,
    files: &[GatewayFile],
    options: &DeploymentOptions,
) -> Result<Vec<Document>, Vec<Refusal>> {
    if compiled.summary.listeners.is_empty() {
        return Err(vec![Refusal {
            reason: "the Pods would serve nothing: no Gateway has a server for this gateway".to_owned(),
            help: "`fingerpost routes` shows what is served and why the rest is not".to_owned(),
        }]);
    }
    let stored = files::store(files, options)?;
    let mounted = files::cluster_secrets(&compiled.file_secrets);
    let mut documents: Vec<Document> = stored.iter().map(|it| it.document.clone()).collect();
    documents.push(pod::deployment(&compiled.summary, &stored, &mounted, options));
    documents.push(network::service(&compiled.summary, options));
    documents.push(network::policy(&compiled.summary, options));
    documents.push(network::disruption_budget(options));
    Ok(documents)
}

/// The labels by which the Deployment, the Service and the policies find the Pods. They never change.
fn selector(options: &DeploymentOptions) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("app.kubernetes.io/name", "fingerpost".to_owned()),
        ("app.kubernetes.io/instance", options.name.clone()),
    ])
}

fn metadata(name: &str, options: &DeploymentOptions) -> Value {
    let mut labels = selector(options);
    labels.insert("app.kubernetes.io/managed-by", "fingerpost".to_owned());
    json!({"name": name, "namespace": options.namespace, "labels": labels})
}

/// The ports on which Envoy listens for requests, sorted.
fn listen_ports(summary: &Summary) -> Vec<u32> {
    let mut ports: Vec<u32> = summary.listeners.iter().map(|it| it.listen_port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
