//! The endpoints of a cluster, as far as the input knows them.
//!
//! Decides which addresses belong to a service's port and a subset's labels. Where the input knows
//! none, the service's host is left to DNS.
//! Source: istio `pilot/pkg/xds/endpoints/endpoint_builder.go`; spec 4.1, 4.4.

use std::collections::BTreeMap;

use fingerpost_resources::{Pod, Resource, Resources, Service, ServiceEntry, WorkloadEntry};

use crate::services::{KnownPort, KnownService, ServiceSource};

/// Labels of a workload, or those that select some.
pub(crate) type Labels = BTreeMap<String, String>;

/// An address and a port. The address may be a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// An IP address or a host name.
    pub address: String,
    /// Its port.
    pub port: u32,
}

/// What the input knows of a cluster's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoints {
    /// These, perhaps none: the input does know the workloads of the service.
    Known(Vec<Endpoint>),
    /// Nothing: DNS has to find `host`.
    Dns {
        /// The host to resolve.
        host: String,
        /// The port to connect to.
        port: u32,
    },
}

struct Workload<'a> {
    address: &'a str,
    port: u32,
    labels: &'a Labels,
}

/// The endpoints of one port of a service that carry all of `wanted` labels.
pub(crate) fn find(
    service: &KnownService<'_>,
    port: &KnownPort,
    wanted: &Labels,
    resources: &Resources,
) -> Endpoints {
    let workloads = match service.source {
        ServiceSource::Kubernetes(source) => of_service(source, port, resources),
        ServiceSource::Entry(source) => of_entry(source, port, resources),
    };
    if workloads.is_empty() {
        let port = match service.source {
            // The name of a Kubernetes Service leads to the service, which has the declared port.
            ServiceSource::Kubernetes(_) => port.number,
            ServiceSource::Entry(_) => port.target.unwrap_or(port.number),
        };
        return Endpoints::Dns {
            host: service.hostname.clone(),
            port,
        };
    }
    let chosen = workloads.iter().filter(|it| carries(it.labels, wanted));
    let mut endpoints: Vec<Endpoint> = chosen
        .map(|it| Endpoint {
            address: it.address.to_owned(),
            port: it.port,
        })
        .collect();
    endpoints.sort();
    endpoints.dedup();
    Endpoints::Known(endpoints)
}

fn carries(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn of_service<'r>(
    service: &'r Resource<Service>,
    port: &KnownPort,
    resources: &'r Resources,
) -> Vec<Workload<'r>> {
    static NO_LABELS: Labels = Labels::new();
    let namespace = &service.meta.namespace;
    let pods = || {
        resources
            .pods
            .iter()
            .filter(|pod| pod.meta.namespace == *namespace)
    };
    let mut found = Vec::new();
    let of_this_service = |slice: &&Resource<fingerpost_resources::EndpointSlice>| {
        slice.meta.namespace == *namespace
            && slice.meta.labels.get("kubernetes.io/service-name") == Some(&service.meta.name)
    };
    for slice in resources.endpoint_slices.iter().filter(of_this_service) {
        let number = slice
            .spec
            .ports
            .iter()
            .find(|it| it.name == port.name)
            .and_then(|it| it.port)
            .or(port.target)
            .unwrap_or(port.number);
        for endpoint in slice
            .spec
            .endpoints
            .iter()
            .filter(|it| it.conditions.ready != Some(false))
        {
            let pod = pods().find(|pod| {
                let named = endpoint
                    .target_ref
                    .as_ref()
                    .is_some_and(|it| it.name == pod.meta.name);
                named
                    || pod
                        .spec
                        .address()
                        .is_some_and(|it| endpoint.addresses.iter().any(|one| one == it))
            });
            let labels = pod.map_or(&NO_LABELS, |pod| &pod.meta.labels);
            let workload = |address| Workload {
                address,
                port: number,
                labels,
            };
            found.extend(endpoint.addresses.iter().map(|it| workload(it.as_str())));
        }
    }
    if !found.is_empty() || service.spec.selector.is_empty() {
        return found;
    }
    let selected = pods().filter(|pod| carries(&pod.meta.labels, &service.spec.selector));
    let ready = selected.filter(|pod| pod.spec.is_ready());
    ready
        .filter_map(|pod| of_pod(pod, port.target.unwrap_or(port.number)))
        .collect()
}

fn of_entry<'r>(
    entry: &'r Resource<ServiceEntry>,
    port: &KnownPort,
    resources: &'r Resources,
) -> Vec<Workload<'r>> {
    let default_port = port.target.unwrap_or(port.number);
    if let Some(selector) = &entry.spec.workload_selector {
        let entries = resources.workload_entries.iter().filter(|it| {
            it.meta.namespace == entry.meta.namespace && carries(&it.spec.labels, &selector.labels)
        });
        let from_entries = entries.map(|it| of_workload(&it.spec, port, default_port));
        let pods = resources.pods.iter().filter(|it| {
            it.meta.namespace == entry.meta.namespace && carries(&it.meta.labels, &selector.labels)
        });
        let from_pods = pods.filter_map(|it| of_pod(it, default_port));
        return from_entries.chain(from_pods).collect();
    }
    entry
        .spec
        .endpoints
        .iter()
        .map(|it| of_workload(it, port, default_port))
        .collect()
}

fn of_pod(pod: &Resource<Pod>, port: u32) -> Option<Workload<'_>> {
    Some(Workload {
        address: pod.spec.address()?,
        port,
        labels: &pod.meta.labels,
    })
}

fn of_workload<'r>(workload: &'r WorkloadEntry, port: &KnownPort, default_port: u32) -> Workload<'r> {
    Workload {
        address: &workload.address,
        port: workload.ports.get(&port.name).copied().unwrap_or(default_port),
        labels: &workload.labels,
    }
}
