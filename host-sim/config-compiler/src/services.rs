//! The services that destinations may name: Kubernetes Services and the hosts of ServiceEntries.
//!
//! Decides which service a host means to a VirtualService, and which cluster a destination names.
//! Source: istio `pilot/pkg/networking/core/route/route.go`, `GetDestinationCluster`; docs/istio-routing.md 3.12, 4.1.

use std::collections::HashMap;

use fingerpost_resources::kubernetes::ServicePort;
use fingerpost_resources::{
    Destination, Meta, Origin, Resource, Resources, Service, ServiceEntry, TargetPort,
};

use crate::host;
use crate::options::Options;
use crate::protocol::Protocol;
use crate::stand_in::is_stand_in;
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
    /// Ports that other ServiceEntries add to the same host.
    pub added_ports: Vec<KnownPort>,
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

impl ServiceSource<'_> {
    /// Whether it is assumed to exist, and written nowhere.
    pub(crate) fn is_assumed(self) -> bool {
        match self {
            Self::Kubernetes(service) => is_stand_in(service),
            Self::Entry(entry) => is_stand_in(entry),
        }
    }
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
    /// The port of its endpoints.
    pub target: PortTarget,
}

/// Which port of an endpoint takes the requests for a port of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PortTarget {
    /// The one with the number of the service's port.
    Same,
    /// The one with this number.
    Number(u32),
    /// The one that the endpoint itself calls so. ServiceEntries have no such ports.
    Name(String),
}

impl<'r> KnownService<'r> {
    /// The port of that number.
    pub(crate) fn port(&self, number: u32) -> Option<&KnownPort> {
        self.all_ports().find(|port| port.number == number)
    }

    /// All ports that have a cluster.
    pub(crate) fn all_ports(&self) -> impl Iterator<Item = &KnownPort> {
        self.ports.iter().chain(&self.added_ports)
    }

    /// The name that it is an alias of: a Service of type ExternalName has no cluster.
    pub(crate) fn alias_of(&self) -> Option<&'r str> {
        match self.source {
            ServiceSource::Kubernetes(service) if service.spec.kind == "ExternalName" => {
                Some(service.spec.external_name.as_str()).filter(|it| !it.is_empty())
            }
            ServiceSource::Kubernetes(_) | ServiceSource::Entry(_) => None,
        }
    }

    /// Takes in the ports of a later ServiceEntry for the same host, if nothing else differs
    /// (istio `pilot/pkg/model/sidecar.go`, `canMergeServices`).
    fn absorb_ports(&mut self, later: &Self) {
        let (ServiceSource::Entry(one), ServiceSource::Entry(other)) = (self.source, later.source) else {
            return;
        };
        let labels = |it: &ServiceEntry| it.workload_selector.as_ref().map(|it| it.labels.clone());
        let equal = self.namespace == later.namespace
            && one.spec.resolution.unwrap_or_default() == other.spec.resolution.unwrap_or_default()
            && one.meta.labels == other.meta.labels
            && labels(&one.spec) == labels(&other.spec)
            && one.spec.export_to == other.spec.export_to;
        if equal {
            let added = later.ports.iter().filter(|it| self.port(it.number).is_none());
            let added: Vec<KnownPort> = added.cloned().collect();
            self.added_ports.extend(added);
        }
    }
}

impl KnownPort {
    /// The port of an endpoint that has no names for its ports.
    pub(crate) fn target_number(&self) -> Option<u32> {
        match self.target {
            PortTarget::Same => Some(self.number),
            PortTarget::Number(number) => Some(number),
            PortTarget::Name(_) => None,
        }
    }
}

/// All services that the proxy sees.
#[derive(Debug)]
pub(crate) struct Services<'r> {
    known: Vec<KnownService<'r>>,
    /// The indexes in `known` of each full name, in order.
    indexes: HashMap<String, Vec<usize>>,
    /// Those that are not exported to the proxy, by their full names.
    hidden: Vec<(String, &'r Origin)>,
    domain: String,
}

/// A cluster as a destination names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterRef {
    /// Full name of the service.
    pub hostname: String,
    /// Port of the service.
    pub port: u32,
    /// Subset, empty for the whole service.
    pub subset: String,
}

impl ClusterRef {
    /// Istio's name for it, such as `outbound|80|v1|web.prod.svc.cluster.local` (istio `pilot/pkg/model/service.go`,
    /// `BuildSubsetKey`).
    #[must_use]
    pub fn name(&self) -> String {
        format!("outbound|{}|{}|{}", self.port, self.subset, self.hostname)
    }

    /// `host:port`, with the subset where there is one.
    pub(crate) fn describe(&self) -> String {
        let Self {
            hostname,
            port,
            subset,
        } = self;
        match subset.as_str() {
            "" => format!("{hostname}:{port}"),
            subset => format!("{hostname}:{port} subset {subset}"),
        }
    }
}

impl<'r> Services<'r> {
    /// Gathers the services that are exported to the proxy's namespace, the one that counts for a host first.
    ///
    /// That is a Kubernetes Service, else the oldest ServiceEntry; those that name the proxy's namespace in `exportTo`
    /// go before those for everyone (istio `push_context.go`, `servicesExportedToNamespace`; `sidecar.go`,
    /// `appendSidecarServices`).
    pub(crate) fn new(resources: &'r Resources, options: &Options) -> Self {
        let mut known = Vec::new();
        let mut hidden = Vec::new();
        let mut services: Vec<_> = resources.services.iter().collect();
        services.sort_by_key(|service| service.meta.creation_order());
        for service in services {
            if exports_of_annotation(&service.meta).reach(&options.namespace) {
                known.push(of_kubernetes(service, &options.domain));
            } else {
                let name = of_kubernetes(service, &options.domain).hostname;
                hidden.push((name, &service.origin));
            }
        }
        let exports =
            |entry: &Resource<ServiceEntry>| Exports::new(&entry.spec.export_to, &entry.meta.namespace);
        let entries = resources.service_entries.iter();
        let not_exported = entries
            .clone()
            .filter(|entry| !exports(entry).reach(&options.namespace));
        hidden.extend(
            not_exported.flat_map(|it| it.spec.hosts.iter().map(move |host| (host.clone(), &it.origin))),
        );
        let mut entries: Vec<_> = entries
            .filter(|entry| exports(entry).reach(&options.namespace))
            .collect();
        entries.sort_by_key(|entry| {
            let (created, name, namespace) = entry.meta.creation_order();
            (exports(entry).are_public(), created, namespace, name)
        });
        known.extend(entries.into_iter().flat_map(of_entry));
        let mut indexes: HashMap<String, Vec<usize>> = HashMap::new();
        for index in 0..known.len() {
            let Some(service) = known.get(index).cloned() else {
                continue;
            };
            let same_host = indexes.entry(service.hostname.clone()).or_default();
            if let Some(first) = same_host.first().and_then(|first| known.get_mut(*first)) {
                first.absorb_ports(&service);
            }
            same_host.push(index);
        }
        Self {
            known,
            indexes,
            hidden,
            domain: options.domain.clone(),
        }
    }

    /// The service that `hostname` means to a resource of `namespace`: one of that namespace, else the first of any.
    /// A wildcard host of a ServiceEntry is a name like any other here: it is not looked up for the hosts below it
    /// (istio `push_context.go`, `ServiceForHostname`).
    pub(crate) fn find(&self, hostname: &str, namespace: &str) -> Option<&KnownService<'r>> {
        let same_name = || {
            let indexes = self.indexes.get(hostname).into_iter().flatten();
            indexes.filter_map(|index| self.known.get(*index))
        };
        same_name()
            .find(|service| service.namespace == namespace)
            .or_else(|| same_name().next())
    }

    /// ServiceEntries whose host has its clusters from a service of another namespace, each with that service.
    pub(crate) fn shadowed(&self) -> impl Iterator<Item = (&KnownService<'r>, &KnownService<'r>)> {
        let entries = self.known.iter();
        let entries = entries.filter(|it| matches!(it.source, ServiceSource::Entry(_)));
        entries.filter_map(|it| {
            let counts = self.find(&it.hostname, "")?;
            (counts.namespace != it.namespace).then_some((it, counts))
        })
    }

    /// Resources that have the host and are not exported to the proxy.
    pub(crate) fn hidden(&self, hostname: &str) -> impl Iterator<Item = &'r Origin> {
        let named = self.hidden.iter().filter(move |(name, _)| name == hostname);
        named.map(|(_, origin)| *origin)
    }

    /// Those of type ExternalName that are aliases of `hostname`.
    pub(crate) fn aliases_of(&self, hostname: &str) -> impl Iterator<Item = &KnownService<'r>> {
        let is_alias = move |it: &&KnownService<'r>| it.alias_of() == Some(hostname);
        self.known.iter().filter(is_alias)
    }

    /// The ServiceEntries with a wildcard that covers `hostname`, and that wildcard.
    pub(crate) fn wildcards_over(&self, hostname: &str) -> impl Iterator<Item = &KnownService<'r>> {
        let covers = move |it: &&KnownService<'r>| {
            it.hostname.starts_with('*') && host::is_covered_by(hostname, &it.hostname)
        };
        self.known.iter().filter(covers)
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
        let alias_of = service.and_then(KnownService::alias_of);
        ClusterRef {
            hostname: alias_of.map_or(hostname, str::to_owned),
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
            target: match &port.target_port {
                Some(TargetPort::Name(name)) => PortTarget::Name(name.clone()),
                // Kubernetes fills it in with the port itself.
                None | Some(TargetPort::Number(0)) => PortTarget::Same,
                Some(TargetPort::Number(number)) => PortTarget::Number(*number),
            },
        })
    });
    KnownService {
        hostname: format!("{}.{}.svc.{domain}", service.meta.name, service.meta.namespace),
        namespace: &service.meta.namespace,
        ports: ports.filter(|port| port.protocol != Protocol::Udp).collect(),
        added_ports: Vec::new(),
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
    let ports = entry_ports(entry);
    entry.spec.hosts.iter().map(move |hostname| KnownService {
        hostname: hostname.clone(),
        namespace: &entry.meta.namespace,
        ports: ports.clone(),
        added_ports: Vec::new(),
        source: ServiceSource::Entry(entry),
    })
}

/// The ports of a ServiceEntry that carry streams.
pub(crate) fn entry_ports(entry: &Resource<ServiceEntry>) -> Vec<KnownPort> {
    let ports = entry.spec.ports.iter().filter_map(|port| {
        Some(KnownPort {
            number: port.number?,
            name: port.name.clone(),
            protocol: Protocol::parse(&port.protocol),
            target: match port.target_port {
                None | Some(0) => PortTarget::Same,
                Some(number) => PortTarget::Number(number),
            },
        })
    });
    ports.filter(|port| port.protocol != Protocol::Udp).collect()
}
