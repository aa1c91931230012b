//! Nodes: the machines of a cluster. Their labels say where the Pods on them run.
//!
//! Nothing else of a Node matters to routing, so nothing else is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Reader;
use crate::yaml::Node;

/// A Node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesNode {
    /// Its name, which Pods give as `spec.nodeName`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// Keeps the labels of a Node.
    pub(super) fn node(&mut self, object: &Arc<Node>) {
        let without_namespace = self.resources.without_namespace;
        let (meta, ..) = self.head(object, "Node", false);
        // No Node is in a namespace.
        self.resources.without_namespace = without_namespace;
        self.resources.nodes.push(KubernetesNode {
            name: meta.name,
            labels: meta.labels,
        });
    }
}
