//! The endpoints of a cluster, as far as the input knows them.
//!
//! Decides which addresses belong to a service's port and a subset's labels, and whether the input knows them at all:
//!
//! * A Kubernetes Service has known endpoints if the input has an EndpointSlice or Endpoints of it, or, if it has a
//!   selector, a Pod of its namespace that was read from a cluster, or a WorkloadEntry that it selects, or a
//!   ServiceEntry for its host in its namespace with endpoints. Then what is not among these, not selected or not ready
//!   does not exist. If none of this is there, DNS has to find the service's host.
//! * A ServiceEntry is the only word on its endpoints. `resolution: DNS` without endpoints looks its host up. One with a
//!   `workloadSelector` has known endpoints if the input has a WorkloadEntry, or a Pod that was read from a cluster, of its
//!   namespace; else DNS has to find its host, as for a Service.
//!
//! A cluster whose endpoints are known to be none exists, and answers 503 (flag UH). Istio makes no cluster at all for a
//! DNS service without endpoints: 503 too (flag NC).
//!
//! `docs/endpoints.md` tells users the same. What a workload's state or port means is decided in `kubernetes` and
//! `service_entry`; which service a host means, in `services`.
//! Source: istio `pilot/pkg/xds/endpoints/endpoint_builder.go`, `pilot/pkg/networking/core/cluster_builder.go`,
//! `buildCluster`; docs/istio-routing.md 4.1, 4.4.

mod cause;
mod identities;
mod inventory;
mod kubernetes;
mod service_entry;
mod shares;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fingerpost_resources::{Origin, Resolution};

use crate::address::SOCKET;
use crate::locality::{REGION, SUB_ZONE, ZONE};
use crate::services::{KnownPort, KnownService, ServiceSource};

pub(crate) use cause::origin;
pub(crate) use identities::identities;
pub(crate) use inventory::Inventory;
pub(crate) use service_entry::looks_names_up;

/// Labels of a workload, or those that select some.
pub(crate) type Labels = BTreeMap<String, String>;

/// One endpoint of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: EndpointAddress,
    /// Its part of the requests, at least 1. 1 if the input gives none.
    pub weight: u32,
    /// `region/zone/subzone`, or the first one or two of these; empty if unknown.
    pub locality: String,
    /// The resource that it is taken from, such as `Pod prod/web-1`.
    pub source: String,
    /// The labels that a subset or a priority may go by.
    pub(crate) labels: Labels,
    /// 0 comes first; others get requests where endpoints of a lower number fail.
    pub priority: u32,
    /// The weight of its locality among those of its priority, if the locality is chosen before the endpoint.
    pub locality_weight: Option<u32>,
}

/// Where an endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointAddress {
    /// An IP address, or a host name for DNS to find, and a port.
    Socket {
        /// The IP address or the host name.
        host: String,
        /// The port.
        port: u32,
    },
    /// The absolute path of a Unix domain socket.
    Pipe(String),
}

/// What the input knows of a cluster's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoints {
    /// These, at least one.
    Known(Vec<Endpoint>),
    /// It knows that there are none.
    Empty(NoEndpoints),
    /// Nothing: DNS has to find `host`.
    Dns {
        /// The host to resolve.
        host: String,
        /// The port to connect to.
        port: u32,
    },
}

/// Why a cluster has no endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoEndpoints {
    /// A ServiceEntry with `resolution: NONE`: a gateway has no original destination to go to.
    ResolutionNone {
        /// Whether the resolution is written; NONE is the default.
        is_written: bool,
    },
    /// A ServiceEntry with `resolution: DYNAMIC_DNS`, which is not supported.
    DynamicDns,
    /// A ServiceEntry with `resolution: STATIC` that lists none.
    NoneListed,
    /// The EndpointSlices or Endpoints of the Service list none.
    NoneInSlices,
    /// The selector selects none.
    NoneSelected {
        /// How many Pods of the namespace the input has.
        pods: usize,
        /// How many WorkloadEntries of the namespace the input has.
        workload_entries: usize,
    },
    /// None of the workloads that belong to the service, and to the subset, can be used.
    NoneUsable {
        /// How many there are.
        workloads: usize,
        /// What is wrong with the first.
        reason: Unusable,
    },
    /// The service has workloads, but none with the labels of the subset.
    NoneInSubset {
        /// How many workloads it has.
        workloads: usize,
    },
    /// `localityLbSetting.distribute` gives no share to the locality of any endpoint.
    NoShare {
        /// How many endpoints there are.
        endpoints: usize,
    },
    /// The load balancer is PASSTHROUGH: a gateway has no original destination to go to.
    Passthrough,
}

/// Why a workload is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// It is not ready.
    NotReady,
    /// It is being deleted.
    BeingDeleted,
    /// It is a Pod that has ended: nothing runs in it.
    Ended,
    /// It has no address.
    NoAddress,
    /// It has no port of this name.
    NoPort(String),
    /// Its address is a host name, which such a service does not look up, or a Unix socket, which it can't use.
    NotAnIp(String),
}

/// Something that could be an endpoint.
#[derive(Debug)]
struct Workload {
    labels: Labels,
    locality: String,
    weight: u32,
    address: Result<EndpointAddress, Unusable>,
    /// The resource that has it, such as `Pod prod/web-1`.
    source: String,
}

/// The workloads of a service's port.
#[derive(Debug)]
struct Workloads {
    list: Vec<Workload>,
    /// Why there are none, if there are none.
    if_none: NoEndpoints,
}

/// The endpoints of one port of a service that carry all of `wanted` labels.
///
/// # Errors
/// Why a service has no cluster: Istio makes none if the service uses DNS and has no name to look up.
pub(crate) fn find(
    service: &KnownService<'_>,
    port: &KnownPort,
    wanted: &Labels,
    inventory: &Inventory<'_>,
) -> Result<Endpoints, NoEndpoints> {
    let added = service_entry::of_other_entries(service, port, inventory);
    match service.source {
        ServiceSource::Kubernetes(source) => {
            let own = kubernetes::workloads(source, port, inventory);
            if own.is_none() && added.is_empty() {
                return Ok(Endpoints::Dns {
                    host: service.hostname.clone(),
                    port: kubernetes::port_by_dns(source, port),
                });
            }
            let mut all = own.unwrap_or(Workloads {
                list: Vec::new(),
                if_none: NoEndpoints::NoneListed,
            });
            all.list.extend(added);
            Ok(all.endpoints(wanted))
        }
        ServiceSource::Entry(source) => {
            let resolution = source.spec.resolution.unwrap_or_default();
            if resolution == Resolution::DynamicDns {
                return Err(NoEndpoints::DynamicDns);
            }
            // Endpoints belong to a port by its name, also where another ServiceEntry adds the port.
            let own_port = service.ports.iter().find(|it| it.name == port.name);
            let mut all =
                service_entry::workloads(source, &service.hostname, own_port.unwrap_or(port), inventory);
            if own_port.is_none() {
                all.list.clear();
            }
            all.list.extend(added);
            if all.are_unknown() && !service.hostname.starts_with('*') {
                return Ok(Endpoints::Dns {
                    host: service.hostname.clone(),
                    port: port.target_number().unwrap_or(port.number),
                });
            }
            let by_dns = service_entry::looks_names_up(source);
            match all.endpoints(wanted) {
                Endpoints::Empty(why) if by_dns => Err(why),
                Endpoints::Known(mut known) => {
                    if resolution == Resolution::DnsRoundRobin {
                        known.truncate(1); // Envoy's LOGICAL_DNS has exactly one
                    }
                    Ok(as_dns(&known, &service.hostname).unwrap_or(Endpoints::Known(known)))
                }
                other => Ok(other),
            }
        }
    }
}

/// A single endpoint that is the host of the service itself is found by DNS.
fn as_dns(known: &[Endpoint], hostname: &str) -> Option<Endpoints> {
    match known {
        [
            Endpoint {
                address: EndpointAddress::Socket { host, port },
                ..
            },
        ] if host == hostname => Some(Endpoints::Dns {
            host: host.clone(),
            port: *port,
        }),
        _ => None,
    }
}

impl Workload {
    /// The same, taken from this resource.
    fn of(self, origin: &Origin) -> Self {
        let source = origin.subject().to_owned();
        Self { source, ..self }
    }
}

impl Workloads {
    /// Whether they would be selected from workloads that the input lacks.
    fn are_unknown(&self) -> bool {
        let nothing_to_select = NoEndpoints::NoneSelected {
            pods: 0,
            workload_entries: 0,
        };
        self.list.is_empty() && self.if_none == nothing_to_select
    }

    /// Those that carry `wanted` labels, each address once, by locality and address.
    fn endpoints(self, wanted: &Labels) -> Endpoints {
        let workloads = self.list.len();
        if workloads == 0 {
            return Endpoints::Empty(self.if_none);
        }
        let chosen: Vec<Workload> = self
            .list
            .into_iter()
            .filter(|it| carries(&it.labels, wanted))
            .collect();
        if chosen.is_empty() {
            return Endpoints::Empty(NoEndpoints::NoneInSubset { workloads });
        }
        let workloads = chosen.len();
        let mut unusable = None;
        let mut seen = BTreeSet::new();
        let mut endpoints = Vec::new();
        for workload in chosen {
            match workload.address {
                // Envoy keeps the first of several with one address.
                Ok(address) if seen.insert(address.clone()) => endpoints.push(Endpoint {
                    address,
                    weight: workload.weight,
                    locality: workload.locality,
                    source: workload.source,
                    labels: workload.labels,
                    priority: 0,
                    locality_weight: None,
                }),
                Ok(_) => {}
                Err(reason) => drop(unusable.get_or_insert(reason)),
            }
        }
        endpoints.sort_by(|one, other| (&one.locality, &one.address).cmp(&(&other.locality, &other.address)));
        match unusable {
            Some(reason) if endpoints.is_empty() => {
                Endpoints::Empty(NoEndpoints::NoneUsable { workloads, reason })
            }
            _ => Endpoints::Known(endpoints),
        }
    }
}

fn carries(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The labels that Istio adds to those of a workload
/// (istio `pilot/pkg/serviceregistry/util/label/label.go`, `AugmentLabels`).
pub(crate) fn with_place(labels: &Labels, locality: &str, node: &str, network: &str) -> Labels {
    let mut parts = locality.split('/');
    let mut all = labels.clone();
    for (name, value) in [
        (REGION, parts.next().unwrap_or_default()),
        (ZONE, parts.next().unwrap_or_default()),
        (SUB_ZONE, parts.next().unwrap_or_default()),
        ("kubernetes.io/hostname", node),
    ] {
        if !value.is_empty() {
            all.insert(name.to_owned(), value.to_owned());
        }
    }
    if !network.is_empty() {
        let name = "topology.istio.io/network".to_owned();
        all.entry(name).or_insert_with(|| network.to_owned());
    }
    all
}

/// The locality that a label gives. Kubernetes' labels have no slashes, so there a dot replaces one
/// (istio `pkg/model/proxy.go`, `GetLocalityLabel`, `SanitizeLocalityLabel`).
pub(crate) fn locality_of_label(labels: &Labels) -> String {
    let label = labels
        .get("topology.istio.io/locality")
        .or_else(|| labels.get("istio-locality"));
    match label {
        Some(text) if text.contains('/') => text.clone(),
        Some(text) => text.replace('.', "/"),
        None => String::new(),
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Socket { host, port } => write!(f, "{host}:{port}"),
            Self::Pipe(path) => write!(f, "{SOCKET}{path}"),
        }
    }
}
