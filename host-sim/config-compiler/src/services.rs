//! The services that destinations may name: Kubernetes Services and the hosts of ServiceEntries.
//!
//! Decides which service a host means to a VirtualService, and which cluster a destination names.
//! Source: istio `pilot/pkg/networking/core/route/route.go`, `GetDestinationCluster`; spec 3.12, 4.1.

use std::collections::HashMap;

use fingerpost_resources::kubernetes::ServicePort;
use fingerpost_resources::{Destination, Meta, Resource, Resources, Service, ServiceEntry, TargetPort};

use crate::host;
use crate::options::Options;
use crate::protocol::Protocol;
use crate::visibility::Exports;

/// A host that clusters exist for.
#[derive(Debug, Clone)]
pub(crate) struct KnownService<'r> {
    /// Its full name.
    pub hostname: String,
    /// Namespace of the resource that declares it.
    pub namespace: &'r str,
    /// Its ports that carry streams.
    pub ports: Vec<KnownPort>,
    /// The resource that declares it.
    pub source: ServiceSource<'r>,
}

/// Where a service comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ServiceSource<'r> {
    /// A Kubernetes Service.
    Kubernetes(&'r Resource<Service>),
    /// A host of a ServiceEntry.
    Entry(&'r Resource<ServiceEntry>),
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownPort {
    /// The port that clients name.
    pub number: u32,
    /// Its name, by which endpoints map it.
    pub name: String,
    /// What it carries.
    pub protocol: Protocol,
    /// The port of the endpoints, where it differs and is a number.
    pub target: Option<u32>,
}

impl KnownService<'_> {
    /// The port of that number.
    pub(crate) fn port(&self, number: u32) -> Option<&KnownPort> {
        self.ports.iter().find(|port| port.number == number)
    }
}

/// All services that the proxy sees.
#[derive(Debug)]
pub(crate) struct Services<'r> {
    known: Vec<KnownService<'r>>,
    /// The places in `known` of each full name, in order.
    places: HashMap<String, Vec<usize>>,
    domain: String,
}

/// A cluster as a destination names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClusterRef {
    /// Full name of the service.
    pub hostname: String,
    /// Port of the service.
    pub port: u32,
    /// Subset, empty for the whole service.
    pub subset: String,
}

impl ClusterRef {
    /// Istio's name for it (istio `pilot/pkg/model/service.go`, `BuildSubsetKey`).
    pub(crate) fn name(&self) -> String {
        format!("outbound|{}|{}|{}", self.port, self.subset, self.hostname)
    }
}

impl<'r> Services<'r> {
    /// Gathers the services that are exported to the proxy's namespace.
    ///
    /// Of several with one host in one namespace a Kubernetes Service comes first, then the oldest.
    pub(crate) fn new(resources: &'r Resources, options: &Options) -> Self {
        let mut known = Vec::new();
        let mut services: Vec<_> = resources.services.iter().collect();
        services.sort_by_key(|service| service.meta.creation_order());
        for service in services {
            if exports_of_annotation(&service.meta).reach(&options.namespace) {
                known.push(of_kubernetes(service, &options.domain));
            }
        }
        let mut entries: Vec<_> = resources.service_entries.iter().collect();
        entries.sort_by_key(|entry| entry.meta.creation_order());
        for entry in entries {
            if Exports::new(&entry.spec.export_to, &entry.meta.namespace).reach(&options.namespace) {
                known.extend(of_entry(entry));
            }
        }
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, service) in known.iter().enumerate() {
            places.entry(service.hostname.clone()).or_default().push(place);
        }
        Self {
            known,
            places,
            domain: options.domain.clone(),
        }
    }

    /// The service that `hostname` means to a resource of `namespace`: one of that namespace, else
    /// the first of any.
    pub(crate) fn find(&self, hostname: &str, namespace: &str) -> Option<&KnownService<'r>> {
        let places = self.places.get(hostname);
        let same_name = || {
            places
                .into_iter()
                .flatten()
                .filter_map(|place| self.known.get(*place))
        };
        same_name()
            .find(|service| service.namespace == namespace)
            .or_else(|| same_name().next())
            .or_else(|| {
                let wildcards = self.known.iter().map(|service| service.hostname.as_str());
                let pattern = host::most_specific(hostname, wildcards.filter(|name| name.starts_with('*')))?;
                self.known.iter().find(|service| service.hostname == pattern)
            })
    }

    /// Full names of all services, for messages.
    pub(crate) fn hostnames(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|service| service.hostname.as_str())
    }

    /// The cluster that `destination` of a resource in `namespace` names. Its port is the one given,
    /// else the service's only port, else `declared_port` of the Gateway server.
    pub(crate) fn cluster(
        &self,
        destination: &Destination,
        namespace: &str,
        declared_port: u32,
    ) -> ClusterRef {
        let hostname = host::qualify(&destination.host, namespace, &self.domain);
        let service = self.find(&hostname, namespace);
        let given = destination.port.as_ref().and_then(|port| port.number);
        let only = service.and_then(|it| match it.ports.as_slice() {
            [port] => Some(port.number),
            _ => None,
        });
        let external = service.and_then(|it| match it.source {
            ServiceSource::Kubernetes(service) if !service.spec.external_name.is_empty() => {
                Some(service.spec.external_name.clone())
            }
            _ => None,
        });
        ClusterRef {
            hostname: external.unwrap_or(hostname),
            port: given.or(only).unwrap_or(declared_port),
            subset: destination.subset.clone(),
        }
    }
}

/// Kubernetes Services carry their exports in an annotation (istio `networking.istio.io/exportTo`).
fn exports_of_annotation(meta: &Meta) -> Exports {
    let names: Vec<String> = meta
        .annotations
        .get("networking.istio.io/exportTo")
        .map(|text| text.split(',').map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    Exports::new(&names, &meta.namespace)
}

fn of_kubernetes<'r>(service: &'r Resource<Service>, domain: &str) -> KnownService<'r> {
    let ports = service.spec.ports.iter().filter_map(|port| {
        Some(KnownPort {
            number: port.port?,
            name: port.name.clone(),
            protocol: Protocol::of_service_port(port),
            target: target_number(port),
        })
    });
    KnownService {
        hostname: format!("{}.{}.svc.{domain}", service.meta.name, service.meta.namespace),
        namespace: &service.meta.namespace,
        ports: ports.filter(|port| port.protocol != Protocol::Udp).collect(),
        source: ServiceSource::Kubernetes(service),
    }
}

/// The target port where it is a number. A name is resolved by the endpoints.
pub(crate) fn target_number(port: &ServicePort) -> Option<u32> {
    match port.target_port {
        Some(TargetPort::Number(number)) => Some(number),
        Some(TargetPort::Name(_)) | None => None,
    }
}

fn of_entry(entry: &Resource<ServiceEntry>) -> impl Iterator<Item = KnownService<'_>> {
    let ports: Vec<KnownPort> = entry
        .spec
        .ports
        .iter()
        .filter_map(|port| {
            Some(KnownPort {
                number: port.number?,
                name: port.name.clone(),
                protocol: Protocol::parse(&port.protocol),
                target: port.target_port,
            })
        })
        .filter(|port| port.protocol != Protocol::Udp)
        .collect();
    entry.spec.hosts.iter().map(move |hostname| KnownService {
        hostname: hostname.clone(),
        namespace: &entry.meta.namespace,
        ports: ports.clone(),
        source: ServiceSource::Entry(entry),
    })
}
