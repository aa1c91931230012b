//! What all objects of Kubernetes have in common.

use std::collections::BTreeMap;

use serde::Serialize;

/// An object: its kind, its name and what it wants.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Object<S> {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) metadata: Metadata,
    pub(crate) spec: S,
}

/// Its name and its labels.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: BTreeMap<&'static str, String>,
}

impl Metadata {
    /// With the labels by which `kubectl` finds all objects of one release of manifests.
    pub(crate) fn new(name: &str, namespace: &str) -> Self {
        let labels = [("app.kubernetes.io/managed-by", "fingerpost")];
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            labels: labels.map(|(key, value)| (key, value.to_owned())).into(),
        }
    }
}
