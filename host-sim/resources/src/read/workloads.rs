//! Templates of Pods: Deployments and their like. They say which labels workloads have, before any Pod is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Reader;
use crate::resource::{Meta, Origin};
use crate::yaml::{Node, Scalar, Value};

/// A resource that makes Pods.
#[derive(Debug, Clone)]
pub struct PodTemplate {
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// Its metadata.
    pub meta: Meta,
    /// The labels of its Pods.
    pub labels: BTreeMap<String, String>,
    /// Where it is written.
    pub origin: Origin,
}

/// Whether the kind has a template of Pods in `spec.template`.
pub(super) fn makes_pods(group: &str, kind: &str) -> bool {
    match group {
        "apps" | "extensions" => matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"),
        "apps.openshift.io" => kind == "DeploymentConfig",
        "argoproj.io" => kind == "Rollout",
        _ => false,
    }
}

impl Reader<'_> {
    /// Keeps the labels of its Pods. Without a template, as in a Rollout that refers to a Deployment, it has none.
    pub(super) fn workload(&mut self, object: &Arc<Node>, kind: &str) {
        let Some(template) = object.find("spec.template") else {
            return self.count(kind);
        };
        let (meta, origin, _) = self.head(object, kind, false);
        let labels = match template.find("metadata.labels").map(|it| &it.value) {
            Some(Value::Map(entries)) => entries
                .iter()
                .filter_map(|entry| match &entry.value.value {
                    Value::Scalar(Scalar::Null) | Value::List(_) | Value::Map(_) => None,
                    Value::Scalar(scalar) => Some((entry.key.to_string(), scalar.as_text())),
                })
                .collect(),
            _ => BTreeMap::new(),
        };
        self.resources.pod_templates.push(PodTemplate {
            kind: kind.to_owned(),
            meta,
            labels,
            origin,
        });
    }
}
