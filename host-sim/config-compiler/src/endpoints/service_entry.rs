//! The workloads of a ServiceEntry: those that it lists, or the Pods and WorkloadEntries that it selects, or its host.
//!
//! Decides which address and which port each of them has. Which of them belong to a subset is `endpoints`' matter.
//! Source: istio `pilot/pkg/serviceregistry/serviceentry/conversion.go`, `convertServiceEntryToInstances`,
//! `convertWorkloadInstanceToServiceInstance`; `endpoint_builder.go`, `BuildClusterLoadAssignment`.

use std::net::IpAddr;

use fingerpost_resources::{Pod, Resolution, Resource, ServiceEntry, WorkloadEntry};

use super::{
    EndpointAddress, Inventory, Labels, NoEndpoints, Unusable, Workload, Workloads, kubernetes,
    locality_of_label, with_place,
};
use crate::address::SOCKET;
use crate::services::{KnownPort, KnownService, ServiceSource, entry_ports};

/// Whether the addresses of its endpoints may be host names.
pub(crate) fn looks_names_up(entry: &Resource<ServiceEntry>) -> bool {
    match entry.spec.resolution.unwrap_or_default() {
        Resolution::Dns | Resolution::DnsRoundRobin => true,
        Resolution::None | Resolution::Static | Resolution::DynamicDns => false,
    }
}

/// The workloads behind a port of the entry, one of whose hosts is `hostname`.
pub(super) fn workloads(
    entry: &Resource<ServiceEntry>,
    hostname: &str,
    port: &KnownPort,
    inventory: &Inventory<'_>,
) -> Workloads {
    let by_dns = looks_names_up(entry);
    let namespace = &entry.meta.namespace;
    if let Some(selector) = &entry.spec.workload_selector {
        let (pods, entries) = (&inventory.pods, &inventory.workload_entries);
        let selected = entries.selected(namespace, &selector.labels).into_iter();
        let selected = selected.map(|it| Workload {
            address: socket_only(&it.spec, port, by_dns),
            ..of_listed(&it.spec, &place_of_entry(it), port, by_dns).of(&it.origin)
        });
        let selected_pods = pods.selected(namespace, &selector.labels).into_iter();
        let selected_pods = selected_pods.map(|it| of_pod(it, port, inventory));
        return Workloads {
            list: selected.chain(selected_pods).collect(),
            if_none: NoEndpoints::NoneSelected {
                pods: pods.count(namespace),
                workload_entries: entries.count(namespace),
            },
        };
    }
    let listed = entry.spec.endpoints.iter();
    let mut list: Vec<Workload> = listed
        .map(|it| of_listed(it, &place_of(it, &it.labels), port, by_dns).of(&entry.origin))
        .collect();
    if by_dns && list.is_empty() {
        list.push(Workload {
            labels: Labels::new(),
            locality: String::new(),
            weight: 1,
            address: Ok(EndpointAddress::Socket {
                host: hostname.to_owned(),
                port: port.target_number().unwrap_or(port.number),
            }),
            source: entry.origin.subject().to_owned(),
        });
    }
    let if_none = match entry.spec.resolution {
        Some(Resolution::Static) => NoEndpoints::NoneListed,
        resolution => NoEndpoints::ResolutionNone {
            is_written: resolution.is_some(),
        },
    };
    Workloads { list, if_none }
}

/// What other ServiceEntries of the service's namespace add to it: Istio keeps the endpoints of one host and namespace
/// together, and tells their ports apart by name (istio `pilot/pkg/model/endpointshards.go`).
pub(super) fn of_other_entries(
    service: &KnownService<'_>,
    port: &KnownPort,
    inventory: &Inventory<'_>,
) -> Vec<Workload> {
    let (own, by_dns) = match service.source {
        ServiceSource::Entry(own) => (Some(own), looks_names_up(own)),
        ServiceSource::Kubernetes(_) => (None, false),
    };
    let mut added = Vec::new();
    for entry in inventory.service_entries(service.namespace, &service.hostname) {
        if own.is_some_and(|own| std::ptr::eq(own, entry)) {
            continue;
        }
        let same_port = entry_ports(entry).into_iter().find(|it| it.name == port.name);
        let Some(same_port) = same_port else { continue };
        let theirs = workloads(entry, &service.hostname, &same_port, inventory).list;
        let is_name = |it: &Workload| matches!(&it.address, Ok(EndpointAddress::Socket { host, .. }) if ip(host).is_err());
        added.extend(theirs.into_iter().filter(|it| by_dns || !is_name(it)));
    }
    added
}

/// The labels and the locality of a WorkloadEntry. Its metadata has labels too, and they win.
pub(super) fn place_of_entry(entry: &Resource<WorkloadEntry>) -> (Labels, String) {
    let mut labels = entry.spec.labels.clone();
    labels.extend(entry.meta.labels.clone());
    place_of(&entry.spec, &labels)
}

fn place_of(workload: &WorkloadEntry, labels: &Labels) -> (Labels, String) {
    let locality = match workload.locality.as_str() {
        "" => locality_of_label(labels),
        locality => locality.to_owned(),
    };
    let labels = with_place(labels, &locality, "", &workload.network);
    (labels, locality)
}

/// The weight that Istio gives a workload: at least 1 (istio `service.go`, `GetLoadBalancingWeight`).
pub(super) fn weight(workload: &WorkloadEntry) -> u32 {
    workload.weight.unwrap_or(1).max(1)
}

/// An address that needs no look-up.
pub(super) fn ip(address: &str) -> Result<&str, Unusable> {
    if address.is_empty() {
        return Err(Unusable::NoAddress);
    }
    match address.parse::<IpAddr>() {
        Ok(_) => Ok(address),
        Err(_) => Err(Unusable::NotAnIp(address.to_owned())),
    }
}

fn of_listed(
    workload: &WorkloadEntry,
    (labels, locality): &(Labels, String),
    port: &KnownPort,
    by_dns: bool,
) -> Workload {
    let address = match workload.address.strip_prefix(SOCKET) {
        Some(path) if !by_dns => Ok(EndpointAddress::Pipe(path.to_owned())),
        _ => socket_only(workload, port, by_dns),
    };
    Workload {
        labels: labels.clone(),
        locality: locality.clone(),
        weight: weight(workload),
        address,
        source: String::new(),
    }
}

/// The address of a workload that has no Unix socket, as a WorkloadEntry that is selected must not have one.
fn socket_only(
    workload: &WorkloadEntry,
    port: &KnownPort,
    by_dns: bool,
) -> Result<EndpointAddress, Unusable> {
    let is_name = by_dns && !workload.address.is_empty() && !workload.address.starts_with(SOCKET);
    let host = match is_name {
        true => workload.address.as_str(),
        false => ip(&workload.address)?,
    };
    let own = workload.ports.get(&port.name).copied().filter(|it| *it > 0);
    let port = own.or_else(|| port.target_number()).unwrap_or(port.number);
    let host = host.to_owned();
    Ok(EndpointAddress::Socket { host, port })
}

/// A Pod that a ServiceEntry selects: a container port with the name of the entry's port goes before its number.
fn of_pod(pod: &Resource<Pod>, port: &KnownPort, inventory: &Inventory<'_>) -> Workload {
    let (labels, locality) = kubernetes::place_of_pod(pod, inventory);
    let named = pod.spec.container_port(&port.name, "TCP");
    let number = named.or_else(|| port.target_number()).unwrap_or(port.number);
    let address = kubernetes::check_state(pod)
        .and_then(|()| kubernetes::socket(pod.spec.address().unwrap_or_default(), Ok(number)));
    Workload {
        labels,
        locality,
        weight: 1,
        address,
        source: pod.origin.subject().to_owned(),
    }
}
