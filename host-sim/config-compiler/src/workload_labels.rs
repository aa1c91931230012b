//! Which labels the workloads of a service have, as far as the input tells before a Pod runs: the templates of Deployments
//! and their like, and Pods that are yet to be applied.
//!
//! Decides no endpoints: a template has no address.

use fingerpost_resources::Resources;

use crate::cluster_parts;
use crate::endpoints::Labels;
use crate::mesh::Mesh;
use crate::services::{ClusterRef, ServiceSource};

/// What the input says of the workloads of a subset.
pub(crate) enum SubsetWorkloads {
    /// It has no workload of the service.
    Unknown,
    /// Some workload has the labels.
    Some,
    /// Workloads of the service are there, and none has the labels.
    None {
        /// The first of them, such as `Deployment web-v1`.
        example: String,
        /// What it has instead of the first label that differs, as `version=v1`; none if it has no such label.
        has: Option<String>,
        /// How many there are.
        number: usize,
    },
}

/// Labels that Kubernetes, Istio or Argo add to a Pod, or that Istio takes from its node: no template has them.
/// (istio `pilot/pkg/serviceregistry/util/label/label.go`, `AugmentLabels`; `pkg/kube/inject`)
fn is_added_later(key: &str) -> bool {
    const KEYS: &[&str] = &[
        "pod-template-hash",
        "rollouts-pod-template-hash",
        "controller-revision-hash",
        "kubernetes.io/hostname",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "istio.io/rev",
    ];
    const GROUPS: &[&str] = &[
        "topology.kubernetes.io/",
        "topology.istio.io/",
        "service.istio.io/",
        "security.istio.io/",
    ];
    KEYS.contains(&key) || GROUPS.iter().any(|it| key.starts_with(it))
}

/// A workload: how it is called, and the labels of its Pods.
struct Workload<'r> {
    kind: &'r str,
    name: &'r str,
    labels: &'r Labels,
}

/// What the input says of the workloads of `cluster`.
pub(crate) fn of_subset(cluster: &ClusterRef, mesh: &Mesh<'_>) -> SubsetWorkloads {
    let Ok(parts) = cluster_parts::parts(cluster, mesh) else {
        return SubsetWorkloads::Unknown;
    };
    let selector = match parts.service.source {
        ServiceSource::Kubernetes(service) => Some(&service.spec.selector),
        ServiceSource::Entry(entry) => entry.spec.workload_selector.as_ref().map(|it| &it.labels),
    };
    let Some(selector) = selector.filter(|it| !it.is_empty()) else {
        return SubsetWorkloads::Unknown;
    };
    let selected = workloads(mesh.resources, parts.service.namespace);
    let selected: Vec<Workload<'_>> = selected
        .filter(|it| {
            selector
                .iter()
                .all(|(key, value)| it.labels.get(key) == Some(value))
        })
        .collect();
    let wanted = || parts.labels.iter().filter(|(key, _)| !is_added_later(key));
    let differs = |it: &Workload<'_>| wanted().find(|(key, value)| it.labels.get(*key) != Some(value));
    let Some(first) = selected.first() else {
        return SubsetWorkloads::Unknown;
    };
    if selected.iter().any(|it| differs(it).is_none()) {
        return SubsetWorkloads::Some;
    }
    let has = differs(first).and_then(|(key, _)| Some(format!("{key}={}", first.labels.get(key)?)));
    SubsetWorkloads::None {
        example: format!("{} {}", first.kind, first.name),
        has,
        number: selected.len(),
    }
}

fn workloads<'r>(resources: &'r Resources, namespace: &'r str) -> impl Iterator<Item = Workload<'r>> {
    let templates = resources.pod_templates.iter();
    let templates = templates.filter(move |it| it.meta.namespace == namespace);
    let pods = resources.pods.iter();
    let pods = pods.filter(move |it| it.meta.namespace == namespace && !it.spec.is_observed());
    let templates = templates.map(|it| Workload {
        kind: &it.kind,
        name: &it.meta.name,
        labels: &it.labels,
    });
    templates.chain(pods.map(|it| Workload {
        kind: "Pod",
        name: &it.meta.name,
        labels: &it.meta.labels,
    }))
}
