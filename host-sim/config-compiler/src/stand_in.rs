//! Resources that are not in the input and that something else takes to exist: how each is made.
//!
//! Decides what a stand-in looks like: as little as the rules that name it need. When one is made, `assume` and `imply`
//! decide. Positions of findings stay in the user's files: those of a stand-in are at the resource that names it.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::kubernetes::ServicePort as KubernetesPort;
use fingerpost_resources::{
    Destination, DestinationRule, Gateway, Meta, Origin, Port, Resolution, Resource, Resources, Server,
    ServerTlsMode, ServerTlsSettings, Service, ServiceEntry, ServicePort, Subset, VirtualService,
};

use crate::host::{is_covered_by, qualify};
use crate::options::Options;

/// The port of a Gateway that is not in the input, and of a service whose port no rule names.
pub(crate) const PORT: u16 = 80;
/// The port of such a Gateway that takes TLS.
pub(crate) const HTTPS_PORT: u32 = 443;
/// Marks a resource that is implied, not written.
const STAND_IN: &str = "fingerpost/stand-in";

/// Whether this resource is implied, not written.
pub fn is_stand_in<T>(resource: &Resource<T>) -> bool {
    resource.meta.annotations.contains_key(STAND_IN)
}

/// A resource that is implied. Findings about it are shown at `near`.
pub(crate) fn stand_in<T>(kind: &str, name: &str, namespace: &str, spec: T, near: &Origin) -> Resource<T> {
    Resource {
        meta: Meta {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            annotations: BTreeMap::from([(STAND_IN.to_owned(), String::new())]),
            ..Meta::default()
        },
        spec,
        origin: Origin::implied(format!("{kind} {namespace}/{name} (implied)"), near),
    }
}

/// A Gateway of the proxy, with a server for the hosts on each of the ports: plain text, and TLS on that of HTTPS.
pub(crate) fn gateway(
    name: &str,
    namespace: &str,
    ports: &BTreeSet<u32>,
    hosts: &[String],
    options: &Options,
    near: &Origin,
) -> Resource<Gateway> {
    let servers = ports.iter().filter(|_| !hosts.is_empty()).map(|port| {
        let is_tls = *port == HTTPS_PORT;
        let protocol = if is_tls { "HTTPS" } else { "HTTP" };
        Server {
            port: Some(Port {
                number: Some(*port),
                protocol: protocol.to_owned(),
                name: format!("{}-{port}", protocol.to_ascii_lowercase()),
                target_port: None,
            }),
            hosts: hosts.to_vec(),
            tls: is_tls.then(|| ServerTlsSettings {
                mode: Some(ServerTlsMode::Simple),
                credential_name: format!("{name}-certificate"),
                ..ServerTlsSettings::default()
            }),
            ..Server::default()
        }
    });
    let spec = Gateway {
        servers: servers.collect(),
        selector: options.labels.clone(),
    };
    stand_in("Gateway", name, namespace, spec, near)
}

/// Hosts of destinations that no resource declares, by their full names.
#[derive(Default)]
pub(crate) struct UnknownHosts {
    hosts: BTreeMap<String, UnknownHost>,
    /// The VirtualService that names one first, and the field.
    pub(crate) first: Option<(Origin, String)>,
}

/// What rules say of a host that no resource declares.
struct UnknownHost {
    /// The ports that rules name, each with whether it carries HTTP.
    ports: BTreeMap<u32, bool>,
    /// Whether a rule names no port. That is the only port of the service, if it has one only.
    needs_default_port: bool,
    subsets: BTreeSet<String>,
    /// The namespace of the first VirtualService that names it.
    namespace: String,
    /// That VirtualService.
    near: Origin,
}

impl UnknownHosts {
    /// Their full names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.hosts.keys().cloned().collect()
    }

    fn add(
        &mut self,
        host: String,
        destination: &Destination,
        default_port: Option<u32>,
        is_http: bool,
        service: &Resource<VirtualService>,
    ) {
        let unknown = self.hosts.entry(host).or_insert_with(|| UnknownHost {
            ports: BTreeMap::new(),
            needs_default_port: false,
            subsets: BTreeSet::new(),
            namespace: service.meta.namespace.clone(),
            near: service.origin.clone(),
        });
        let port = destination.port.as_ref().and_then(|it| it.number);
        match port.or(default_port) {
            Some(port) => drop(unknown.ports.entry(port).or_insert(is_http)),
            None => unknown.needs_default_port = true,
        }
        if !destination.subset.is_empty() {
            unknown.subsets.insert(destination.subset.clone());
        }
    }
}

/// A destination as a rule has it.
struct Named<'r> {
    destination: &'r Destination,
    /// The path of its rule and of itself in the VirtualService, such as `spec.http[0].mirror`.
    path: String,
    /// The port that the rule is for, where its destination names none and it carries bytes.
    default_port: Option<u32>,
    is_http: bool,
}

/// Finds the hosts of destinations of `http` rules that are wanted and that no resource declares, with the ports that any
/// rule names of them. `is_wanted` gets a full name and the VirtualService that names it.
pub(crate) fn unknown_hosts(
    resources: &Resources,
    options: &Options,
    is_wanted: impl Fn(&str, &Resource<VirtualService>) -> bool,
) -> UnknownHosts {
    let mut unknown = UnknownHosts::default();
    for service in &resources.virtual_services {
        for named in destinations(&service.spec) {
            let host = qualify(&named.destination.host, &service.meta.namespace, &options.domain);
            let is_new = named.is_http && is_wanted(&host, service) && !is_known(resources, options, &host);
            if host.is_empty() || (!is_new && !unknown.hosts.contains_key(&host)) {
                continue;
            }
            unknown
                .first
                .get_or_insert_with(|| (service.origin.clone(), format!("{}.host", named.path)));
            let Named {
                destination,
                default_port,
                is_http,
                ..
            } = named;
            unknown.add(host, destination, default_port, is_http, service);
        }
    }
    unknown
}

fn destinations(spec: &VirtualService) -> impl Iterator<Item = Named<'_>> {
    let http = spec.http.iter().enumerate().flat_map(|(index, rule)| {
        let routed = rule.route.iter().enumerate();
        let routed = routed.map(|(at, it)| (format!("route[{at}].destination"), it.destination.as_ref()));
        let copies = rule.mirrors.iter().enumerate();
        let copies = copies.map(|(at, it)| (format!("mirrors[{at}].destination"), it.destination.as_ref()));
        let mirror = std::iter::once(("mirror".to_owned(), rule.mirror.as_deref()));
        routed.chain(copies).chain(mirror).filter_map(move |(path, it)| {
            Some(Named {
                destination: it?,
                path: format!("spec.http[{index}].{path}"),
                default_port: None,
                is_http: true,
            })
        })
    });
    let tls = spec.tls.iter().enumerate().map(|(index, rule)| {
        let port = rule.matches.iter().find_map(|it| it.port);
        ("tls", index, &rule.route, port)
    });
    let tcp = spec.tcp.iter().enumerate().map(|(index, rule)| {
        let port = rule.matches.iter().find_map(|it| it.port);
        ("tcp", index, &rule.route, port)
    });
    let bytes = tls.chain(tcp).flat_map(|(kind, index, routed, default_port)| {
        routed.iter().enumerate().filter_map(move |(at, it)| {
            Some(Named {
                destination: it.destination.as_ref()?,
                path: format!("spec.{kind}[{index}].route[{at}].destination"),
                default_port,
                is_http: false,
            })
        })
    });
    http.chain(bytes)
}

/// Whether a Service or a ServiceEntry has the host.
fn is_known(resources: &Resources, options: &Options, host: &str) -> bool {
    let service = |it: &Resource<_>| qualify(&it.meta.name, &it.meta.namespace, &options.domain) == host;
    resources.services.iter().any(service)
        || resources
            .service_entries
            .iter()
            .any(|it| it.spec.hosts.iter().any(|wide| is_covered_by(host, wide)))
}

/// Adds a service for each of the hosts, and a DestinationRule for the subsets that rules name if none covers it.
pub(crate) fn add_hosts(resources: &mut Resources, options: &Options, unknown: UnknownHosts) {
    for (host, unknown) in unknown.hosts {
        let UnknownHost {
            mut ports,
            needs_default_port,
            subsets,
            namespace,
            near,
        } = unknown;
        if needs_default_port && ports.len() != 1 {
            ports.entry(PORT.into()).or_insert(true);
        }
        let own = service_of_cluster(&host, options);
        let namespace = own.map_or(namespace.as_str(), |(_, namespace)| namespace);
        let covers = |it: &Resource<DestinationRule>| {
            let rule = qualify(&it.spec.host, &it.meta.namespace, &options.domain);
            is_covered_by(&host, &rule)
        };
        if !subsets.is_empty() && !resources.destination_rules.iter().any(covers) {
            let subsets = subsets.into_iter().map(|name| Subset {
                name,
                ..Subset::default()
            });
            let spec = DestinationRule {
                host: host.clone(),
                subsets: subsets.collect(),
                ..DestinationRule::default()
            };
            let rule = stand_in("DestinationRule", &host, namespace, spec, &near);
            resources.destination_rules.push(rule);
        }
        match own {
            Some((name, namespace)) => {
                let service = stand_in("Service", name, namespace, service(&ports), &near);
                resources.services.push(service);
            }
            None => {
                let entry = stand_in(
                    "ServiceEntry",
                    &host,
                    namespace,
                    service_entry(&host, &ports),
                    &near,
                );
                resources.service_entries.push(entry);
            }
        }
    }
}

/// The name and the namespace of a Kubernetes Service; none for a host outside the cluster.
pub(crate) fn service_of_cluster<'h>(host: &'h str, options: &Options) -> Option<(&'h str, &'h str)> {
    let full = host.strip_suffix(&options.domain)?.strip_suffix(".svc.")?;
    let (name, namespace) = full.split_once('.')?;
    let is_one_label = |it: &str| !it.is_empty() && !it.contains(['.', '*']);
    (is_one_label(name) && is_one_label(namespace)).then_some((name, namespace))
}

/// Without a selector: what its endpoints are, DNS has to tell.
fn service(ports: &BTreeMap<u32, bool>) -> Service {
    let ports = ports.iter().map(|(number, is_http)| KubernetesPort {
        name: port_name(*number, *is_http),
        port: Some(*number),
        ..KubernetesPort::default()
    });
    Service {
        ports: ports.collect(),
        ..Service::default()
    }
}

fn service_entry(host: &str, ports: &BTreeMap<u32, bool>) -> ServiceEntry {
    let ports = ports.iter().map(|(number, is_http)| ServicePort {
        number: Some(*number),
        protocol: if *is_http { "HTTP" } else { "TCP" }.to_owned(),
        name: port_name(*number, *is_http),
        target_port: None,
    });
    ServiceEntry {
        hosts: vec![host.to_owned()],
        ports: ports.collect(),
        resolution: Some(Resolution::Dns),
        ..ServiceEntry::default()
    }
}

fn port_name(number: u32, is_http: bool) -> String {
    let protocol = if is_http { "http" } else { "tcp" };
    format!("{protocol}-{number}")
}
