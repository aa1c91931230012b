//! What the input has of workloads, found by namespace, name, address or label: a cluster has thousands of each, and
//! each service looks for its own.
//!
//! Decides nothing: which of them are endpoints is for `kubernetes` and `service_entry`.

use std::collections::{BTreeSet, HashMap};

use fingerpost_resources::kubernetes::{EndpointSlice, Endpoints};
use fingerpost_resources::{KubernetesNode, Pod, Resource, Resources, ServiceEntry, WorkloadEntry};

use super::{Labels, carries, kubernetes, service_entry};

/// All of them. Lists are in the order of the input.
#[derive(Debug)]
pub(crate) struct Inventory<'r> {
    /// Pods that were read from a cluster.
    pub(super) pods: Selectable<'r, Pod>,
    pub(super) workload_entries: Selectable<'r, WorkloadEntry>,
    nodes: HashMap<&'r str, &'r KubernetesNode>,
    pods_by_name: HashMap<(&'r str, &'r str), &'r Resource<Pod>>,
    pods_by_address: HashMap<(&'r str, &'r str), &'r Resource<Pod>>,
    /// By namespace and service.
    slices: HashMap<(&'r str, &'r str), Vec<&'r Resource<EndpointSlice>>>,
    /// By namespace and service.
    endpoints: HashMap<(&'r str, &'r str), &'r Resource<Endpoints>>,
    /// By namespace and host.
    entries: HashMap<(&'r str, &'r str), Vec<&'r Resource<ServiceEntry>>>,
}

/// Resources that selectors choose from.
#[derive(Debug)]
pub(super) struct Selectable<'r, T> {
    namespaces: HashMap<&'r str, Group<'r, T>>,
}

#[derive(Debug)]
struct Group<'r, T> {
    all: Vec<(Labels, &'r Resource<T>)>,
    /// The places in `all` with this label.
    by_label: HashMap<(String, String), Vec<usize>>,
}

impl<'r> Inventory<'r> {
    /// Takes it from the input.
    pub(crate) fn new(resources: &'r Resources) -> Self {
        let mut pods_by_name = HashMap::new();
        let mut pods_by_address = HashMap::new();
        let observed = || resources.pods.iter().filter(|it| it.spec.is_observed());
        for pod in observed() {
            let namespace = pod.meta.namespace.as_str();
            pods_by_name
                .entry((namespace, pod.meta.name.as_str()))
                .or_insert(pod);
            if let Some(address) = pod.spec.address() {
                pods_by_address.entry((namespace, address)).or_insert(pod);
            }
        }
        let mut slices: HashMap<_, Vec<_>> = HashMap::new();
        for slice in &resources.endpoint_slices {
            if let Some(service) = slice.meta.labels.get("kubernetes.io/service-name") {
                let service = (slice.meta.namespace.as_str(), service.as_str());
                slices.entry(service).or_default().push(slice);
            }
        }
        let mut endpoints = HashMap::new();
        for it in &resources.endpoints {
            let service = (it.meta.namespace.as_str(), it.meta.name.as_str());
            endpoints.entry(service).or_insert(it);
        }
        let mut entries: HashMap<_, Vec<_>> = HashMap::new();
        for entry in &resources.service_entries {
            for host in &entry.spec.hosts {
                let host = (entry.meta.namespace.as_str(), host.as_str());
                let same_host: &mut Vec<&Resource<ServiceEntry>> = entries.entry(host).or_default();
                // A host that an entry repeats counts once.
                if !same_host.last().is_some_and(|it| std::ptr::eq(*it, entry)) {
                    same_host.push(entry);
                }
            }
        }
        Self {
            pods: Selectable::new(observed().map(|it| (it.meta.labels.clone(), it))),
            workload_entries: Selectable::new(
                resources
                    .workload_entries
                    .iter()
                    .map(|it| (service_entry::place_of_entry(it).0, it)),
            ),
            nodes: resources.nodes.iter().map(|it| (it.name.as_str(), it)).collect(),
            pods_by_name,
            pods_by_address,
            slices,
            endpoints,
            entries,
        }
    }

    /// A Pod of the namespace by its name.
    pub(super) fn pod_of_name(&self, namespace: &str, name: &str) -> Option<&'r Resource<Pod>> {
        self.pods_by_name.get(&(namespace, name)).copied()
    }

    /// The Node of that name.
    pub(super) fn node(&self, name: &str) -> Option<&'r KubernetesNode> {
        self.nodes.get(name).copied()
    }

    /// Where the ready Pods of the namespace with these labels run, as far as that is known.
    pub(crate) fn localities_of_pods(&self, namespace: &str, labels: &Labels) -> BTreeSet<String> {
        let pods = self.pods.selected(namespace, labels).into_iter();
        let pods = pods.filter(|it| kubernetes::check_state(it).is_ok());
        let localities = pods.map(|it| kubernetes::place_of_pod(it, self).1);
        localities.filter(|it| !it.is_empty()).collect()
    }

    /// The first Pod of the namespace with that address.
    pub(super) fn pod_at(&self, namespace: &str, address: &str) -> Option<&'r Resource<Pod>> {
        self.pods_by_address.get(&(namespace, address)).copied()
    }

    /// The EndpointSlices of a Service.
    pub(super) fn slices(&self, namespace: &str, service: &str) -> Vec<&'r Resource<EndpointSlice>> {
        self.slices
            .get(&(namespace, service))
            .cloned()
            .unwrap_or_default()
    }

    /// The Endpoints of a Service.
    pub(super) fn endpoints(&self, namespace: &str, service: &str) -> Option<&'r Resource<Endpoints>> {
        self.endpoints.get(&(namespace, service)).copied()
    }

    /// The ServiceEntries of the namespace with that host.
    pub(super) fn service_entries(&self, namespace: &str, host: &str) -> Vec<&'r Resource<ServiceEntry>> {
        self.entries.get(&(namespace, host)).cloned().unwrap_or_default()
    }
}

impl<'r, T> Selectable<'r, T> {
    fn new(resources: impl Iterator<Item = (Labels, &'r Resource<T>)>) -> Self {
        let mut namespaces: HashMap<&'r str, Group<'r, T>> = HashMap::new();
        for (labels, resource) in resources {
            let group = namespaces
                .entry(&resource.meta.namespace)
                .or_insert_with(|| Group {
                    all: Vec::new(),
                    by_label: HashMap::new(),
                });
            let place = group.all.len();
            for (key, value) in &labels {
                let label = (key.clone(), value.clone());
                group.by_label.entry(label).or_default().push(place);
            }
            group.all.push((labels, resource));
        }
        Self { namespaces }
    }

    /// How many the namespace has.
    pub(super) fn count(&self, namespace: &str) -> usize {
        self.namespaces.get(namespace).map_or(0, |it| it.all.len())
    }

    /// Those of the namespace that have all of these labels: all of them if there are none.
    pub(super) fn selected(&self, namespace: &str, selector: &Labels) -> Vec<&'r Resource<T>> {
        let Some(group) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let with = |(key, value): (&String, &String)| {
            let label = (key.clone(), value.clone());
            group.by_label.get(&label).map_or(&[][..], Vec::as_slice)
        };
        let Some(fewest) = selector.iter().map(with).min_by_key(|it| it.len()) else {
            return group.all.iter().map(|(_, it)| *it).collect();
        };
        let candidates = fewest.iter().filter_map(|place| group.all.get(*place));
        let selected = candidates.filter(|(labels, _)| carries(labels, selector));
        selected.map(|(_, it)| *it).collect()
    }
}
