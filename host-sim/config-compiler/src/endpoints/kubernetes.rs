//! The workloads of a Kubernetes Service: its EndpointSlices or Endpoints, else the Pods that it selects, and the
//! WorkloadEntries that it selects.
//!
//! Decides what Kubernetes' endpoint controllers would write and what Istio takes from it. A Pod has the locality of its own
//! label, else of its Node; Istio reads no zone of an EndpointSlice.
//! Source: istio `pilot/pkg/serviceregistry/kube/controller/endpointslice.go` and `controller.go`,
//! `serviceInstancesFromWorkloadInstances`; Kubernetes `staging/src/k8s.io/endpointslice/utils.go`.

use std::net::IpAddr;

use fingerpost_resources::kubernetes::{EndpointPort, ObjectReference};
use fingerpost_resources::{Pod, Resource, Service, WorkloadEntry};

use super::{
    EndpointAddress, Inventory, Labels, NoEndpoints, Unusable, Workload, Workloads, locality_of_label,
    service_entry, with_place,
};
use crate::locality::{Locality, REGION, SUB_ZONE, ZONE};
use crate::services::{KnownPort, PortTarget};

/// The workloads behind a port; none if the input does not know them.
pub(super) fn workloads(
    service: &Resource<Service>,
    port: &KnownPort,
    inventory: &Inventory<'_>,
) -> Option<Workloads> {
    let namespace = &service.meta.namespace;
    let selector = &service.spec.selector;
    let entries = selected_entries(service, inventory).into_iter();
    let entries: Vec<Workload> = entries.map(|it| of_workload_entry(it, port)).collect();
    let pods = inventory.pods.count(namespace);
    let nothing_selected = NoEndpoints::NoneSelected {
        pods,
        workload_entries: inventory.workload_entries.count(namespace),
    };
    let (mut list, if_none) = match listed(service, port, inventory) {
        Some(listed) => (listed, NoEndpoints::NoneInSlices),
        None if selector.is_empty() || (pods == 0 && entries.is_empty()) => return None,
        None => {
            let selected = inventory.pods.selected(namespace, selector).into_iter();
            let selected = selected.flat_map(|pod| of_pod(pod, service, port, inventory));
            (selected.collect(), nothing_selected)
        }
    };
    list.extend(entries);
    Some(Workloads { list, if_none })
}

/// The port at the address that DNS finds: a headless Service has the addresses of its Pods, any other its own.
pub(super) fn port_by_dns(service: &Resource<Service>, port: &KnownPort) -> u32 {
    match port.target_number() {
        Some(number) if is_headless(service) => number,
        _ => port.number,
    }
}

fn is_headless(service: &Resource<Service>) -> bool {
    service.spec.cluster_ip == "None"
}

/// What EndpointSlices say, or Endpoints where there are no slices; none if the input has neither.
fn listed(service: &Resource<Service>, port: &KnownPort, inventory: &Inventory<'_>) -> Option<Vec<Workload>> {
    let (namespace, name) = (&service.meta.namespace, &service.meta.name);
    let pod_of = |target, address: &str| pod_of(namespace, target, address, inventory);
    let place = |pod: Option<&Resource<Pod>>| pod.map(|it| place_of_pod(it, inventory)).unwrap_or_default();
    let slices = inventory.slices(namespace, name);
    let mut found = Vec::new();
    // Istio reads no slices of names.
    for slice in slices.iter().filter(|slice| slice.spec.address_type != "FQDN") {
        let number = port_of_name(&slice.spec.ports, &port.name);
        for endpoint in &slice.spec.endpoints {
            let conditions = &endpoint.conditions;
            let state = match (conditions.ready, conditions.terminating) {
                (Some(false), Some(true)) => Err(Unusable::BeingDeleted),
                (Some(false), _) => Err(Unusable::NotReady),
                (Some(true) | None, _) => Ok(()),
            };
            for address in &endpoint.addresses {
                let pod = pod_of(endpoint.target_ref.as_ref(), address);
                let workload = of_listed(address, number, state.clone(), place(pod), &port.name);
                found.push(workload.of(&slice.origin));
            }
        }
    }
    if !slices.is_empty() {
        return Some(found);
    }
    let endpoints = inventory.endpoints(namespace, name)?;
    for subset in &endpoints.spec.subsets {
        let number = port_of_name(&subset.ports, &port.name);
        let ready = subset.addresses.iter().map(|it| (it, Ok(())));
        let not_ready = subset.not_ready_addresses.iter();
        let not_ready = not_ready.map(|it| (it, Err(Unusable::NotReady)));
        for (address, state) in ready.chain(not_ready) {
            let pod = pod_of(address.target_ref.as_ref(), &address.ip);
            found.push(of_listed(&address.ip, number, state, place(pod), &port.name).of(&endpoints.origin));
        }
    }
    Some(found)
}

/// The number of the port of that name. Istio compares nothing but the name.
fn port_of_name(ports: &[EndpointPort], name: &str) -> Option<u32> {
    ports.iter().find(|it| it.name == name).and_then(|it| it.port)
}

fn pod_of<'r>(
    namespace: &str,
    target: Option<&ObjectReference>,
    address: &str,
    inventory: &Inventory<'r>,
) -> Option<&'r Resource<Pod>> {
    let by_name = target.filter(|it| it.kind == "Pod" || it.kind.is_empty());
    by_name
        .and_then(|target| inventory.pod_of_name(namespace, &target.name))
        .or_else(|| inventory.pod_at(namespace, address))
}

fn of_listed(
    address: &str,
    port: Option<u32>,
    state: Result<(), Unusable>,
    (labels, locality): (Labels, String),
    port_name: &str,
) -> Workload {
    let port = port.ok_or_else(|| Unusable::NoPort(port_name.to_owned()));
    let address = state.and_then(|()| socket(address, port));
    Workload {
        labels,
        locality,
        weight: 1,
        address,
        source: String::new(),
    }
}

/// Where a workload of Kubernetes listens: an IP address, as nothing looks names up.
pub(super) fn socket(address: &str, port: Result<u32, Unusable>) -> Result<EndpointAddress, Unusable> {
    let host = service_entry::ip(address)?.to_owned();
    port.map(|port| EndpointAddress::Socket { host, port })
}

/// Why a Pod takes no requests, if it takes none.
pub(super) fn check_state(pod: &Resource<Pod>) -> Result<(), Unusable> {
    if pod.spec.has_ended() {
        Err(Unusable::Ended)
    } else if pod.meta.is_being_deleted {
        Err(Unusable::BeingDeleted)
    } else if pod.spec.is_ready() {
        Ok(())
    } else {
        Err(Unusable::NotReady)
    }
}

/// A Pod as the endpoint controller would list it: once for each address family of the Service.
fn of_pod(
    pod: &Resource<Pod>,
    service: &Resource<Service>,
    port: &KnownPort,
    inventory: &Inventory<'_>,
) -> Vec<Workload> {
    let number = match &port.target {
        PortTarget::Name(name) => pod
            .spec
            .container_port(name, "TCP")
            .ok_or_else(|| Unusable::NoPort(name.clone())),
        PortTarget::Same | PortTarget::Number(_) => Ok(port.target_number().unwrap_or(port.number)),
    };
    let (labels, locality) = place_of_pod(pod, inventory);
    let workload = |address| Workload {
        labels: labels.clone(),
        locality: locality.clone(),
        weight: 1,
        address,
        source: pod.origin.subject().to_owned(),
    };
    let addresses = addresses(&pod.spec, &service.spec.ip_families);
    let publishes_all = service.spec.publish_not_ready_addresses == Some(true);
    if let Err(reason) = check_state(pod)
        && (reason == Unusable::Ended || !publishes_all)
    {
        return vec![workload(Err(reason))];
    }
    if addresses.is_empty() {
        return vec![workload(Err(Unusable::NoAddress))];
    }
    let sockets = addresses.iter().map(|host| socket(host, number.clone()));
    sockets.map(workload).collect()
}

/// The first address of each of these families; without families, the first of all.
fn addresses<'p>(pod: &'p Pod, families: &[String]) -> Vec<&'p str> {
    let all = || {
        let status = &pod.status;
        std::iter::once(status.pod_ip.as_str())
            .chain(status.pod_ips.iter().map(|it| it.ip.as_str()))
            .filter(|it| !it.is_empty())
    };
    let is_of = |address: &str, family: &str| match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => family == "IPv4",
        Ok(IpAddr::V6(_)) => family == "IPv6",
        Err(_) => false,
    };
    if families.is_empty() {
        return all().take(1).collect();
    }
    let of_family = |family: &String| all().find(|it| is_of(it, family));
    families.iter().filter_map(of_family).collect()
}

/// The labels and the locality of a Pod (istio `controller.go`, `getPodLocality`).
pub(super) fn place_of_pod(pod: &Resource<Pod>, inventory: &Inventory<'_>) -> (Labels, String) {
    let locality = match locality_of_label(&pod.meta.labels) {
        own if !own.is_empty() => own,
        _ => inventory
            .node(&pod.spec.spec.node_name)
            .map_or_else(String::new, |it| locality_of_node(&it.labels).to_string()),
    };
    let labels = with_place(&pod.meta.labels, &locality, &pod.spec.spec.node_name, "");
    (labels, locality)
}

fn locality_of_node(labels: &Labels) -> Locality {
    let first = |names: [&str; 2]| {
        let mut values = names.iter().filter_map(|it| labels.get(*it));
        values.find(|it| !it.is_empty()).cloned().unwrap_or_default()
    };
    Locality {
        region: first([REGION, "failure-domain.beta.kubernetes.io/region"]),
        zone: first([ZONE, "failure-domain.beta.kubernetes.io/zone"]),
        sub_zone: first([SUB_ZONE, ""]),
    }
}

/// Services with a selector select WorkloadEntries too, headless ones do not
/// (`PILOT_ENABLE_K8S_SELECT_WORKLOAD_ENTRIES` is on by default).
fn selected_entries<'r>(
    service: &Resource<Service>,
    inventory: &Inventory<'r>,
) -> Vec<&'r Resource<WorkloadEntry>> {
    let selector = &service.spec.selector;
    if selector.is_empty() || is_headless(service) || service.spec.kind == "ExternalName" {
        return Vec::new();
    }
    inventory
        .workload_entries
        .selected(&service.meta.namespace, selector)
}

fn of_workload_entry(entry: &Resource<WorkloadEntry>, port: &KnownPort) -> Workload {
    let named = |name: &str| entry.spec.ports.get(name).copied().filter(|it| *it > 0);
    let number = match &port.target {
        PortTarget::Name(name) => named(name).ok_or_else(|| Unusable::NoPort(name.clone())),
        PortTarget::Same | PortTarget::Number(_) => {
            let number = named(&port.name).or_else(|| port.target_number());
            Ok(number.unwrap_or(port.number))
        }
    };
    let (labels, locality) = service_entry::place_of_entry(entry);
    Workload {
        labels,
        locality,
        weight: service_entry::weight(&entry.spec),
        address: service_entry::ip(&entry.spec.address).and_then(|host| {
            let host = host.to_owned();
            number.map(|port| EndpointAddress::Socket { host, port })
        }),
        source: entry.origin.subject().to_owned(),
    }
}
