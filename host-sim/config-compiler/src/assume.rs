//! What the rest of a cluster is taken to have, where the input is a part of it: Gateways that VirtualServices name, and
//! services that their rules lead to.
//!
//! Decides what is assumed:
//!
//! * A Gateway that a VirtualService with `http` rules names in `spec.gateways` and that the input does not have: with
//!   plain HTTP on port 80, and on the ports that matches of these rules ask for (443: HTTPS), for the hosts of its VirtualServices. Not
//!   one whose name is like that of a Gateway in the input, in any namespace: that is a slip, and a finding (`slips`). A Gateway that is invalid, and
//!   left out for that, is in the input.
//! * A service of the cluster, if the input has neither a Service nor a ServiceEntry of its namespace, and no Service of
//!   its name in another namespace. If it has, the name is a slip: Istio answers 503, and a finding says so.
//! * A host outside the cluster's domain, if the input has no ServiceEntry for any such host, and neither a Service nor a
//!   ServiceEntry in the namespace of the VirtualService: such an entry would be declared beside them. A host with a label `svc`, or in
//!   the cluster's domain, is not assumed: it is a misspelt name of a service.
//! * A service whose name has a part that was filled in for a placeholder: its real name is not known.
//! * A subset of a host that is assumed, if no DestinationRule covers the host.
//!
//! Of `tcp` and `tls` rules nothing is assumed: there would be nothing to tell but that bytes pass. Nothing is assumed in the
//! place of a document that can't be read either.
//! Nothing that is assumed changes what a Gateway or a service of the input does. Whether anything is assumed at all, and
//! how it is said, is the caller's matter: [`Assume`]. What a stand-in looks like, `stand_in` decides.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use fingerpost_resources::{Gateway, Meta, Origin, Resource, Resources, VirtualService};

use crate::declared_gateways::DeclaredGateways;
use crate::filled_in::{filled_in, is_filled_in};
use crate::host::qualify;
use crate::options::Options;
use crate::stand_in::{self, HTTPS_PORT, PORT, service_of_cluster};
use crate::virtual_services::{ByName, gateway_name};

/// What may be assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assume {
    /// Nothing: the input is the whole cluster.
    Nothing,
    /// Services: Gateways that are not in the input belong to another proxy.
    Services,
    /// Gateways and services.
    GatewaysAndServices,
}

/// What is assumed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Gateways, as `namespace/name`.
    pub gateways: Vec<String>,
    /// Hosts of services that a route leads to, with their full names.
    pub hosts: Vec<String>,
    /// Values that were filled in for placeholders, such as `${DOMAIN} = domain.example.com`.
    pub values: Vec<String>,
}

impl Assumptions {
    /// Whether nothing is assumed.
    pub fn is_empty(&self) -> bool {
        self.gateways.is_empty() && self.hosts.is_empty() && self.values.is_empty()
    }
}

/// The names of assumed Gateways with one of these ports, as `namespace/name`.
pub fn assumed_gateways(resources: &Resources, ports: &[u32]) -> Vec<String> {
    let assumed = resources.gateways.iter().filter(|it| stand_in::is_stand_in(it));
    let has_port = |it: &&Resource<Gateway>| {
        let mut numbers = it.spec.servers.iter().filter_map(|it| it.port.as_ref()?.number);
        numbers.any(|it| ports.contains(&it))
    };
    assumed
        .filter(has_port)
        .map(|it| it.meta.qualified_name())
        .collect()
}

/// Whether a VirtualService names a Gateway that would be assumed.
pub fn lacks_gateways(resources: &Resources, options: &Options) -> bool {
    !missing_gateways(resources, options, &BTreeSet::new()).is_empty()
}

/// Adds what is assumed to the resources. `invalid` names resources of the input that were left out, such as
/// `Gateway prod/edge`.
pub(crate) fn assume(
    resources: &mut Resources,
    options: &Options,
    what: Assume,
    invalid: &BTreeSet<String>,
) -> Assumptions {
    let mut assumed = Assumptions {
        values: filled_in(resources),
        ..Assumptions::default()
    };
    match what {
        Assume::Nothing => return assumed,
        Assume::Services => {}
        Assume::GatewaysAndServices => assumed.gateways = add_gateways(resources, options, invalid),
    }
    let known = KnownNames::new(resources, options, invalid);
    let unread = UnreadText::new(resources, invalid);
    let unknown = stand_in::unknown_hosts(resources, options, |host, service| {
        let is_lacking = known.lacks(host, service, options) || is_filled_in(host, service, resources);
        may_be_served(service) && is_lacking && !unread.may_declare_service(host)
    });
    assumed.hosts = unknown.names();
    stand_in::add_hosts(resources, options, unknown);
    assumed
}

/// Whether a Gateway can serve it. A delegate takes the Gateways of its root.
fn may_be_served(service: &Resource<VirtualService>) -> bool {
    service.spec.hosts.is_empty() || service.spec.gateways.iter().any(|it| it != "mesh")
}

/// A Gateway that the input does not have.
struct MissingGateway {
    /// The first VirtualService that names it.
    near: Origin,
    ports: BTreeSet<u32>,
    hosts: Vec<String>,
    /// The same, to look a host up.
    known_hosts: HashSet<String>,
}

/// Adds the missing Gateways, and returns their names.
fn add_gateways(resources: &mut Resources, options: &Options, invalid: &BTreeSet<String>) -> Vec<String> {
    let missing = missing_gateways(resources, options, invalid);
    let mut names = Vec::new();
    for ((namespace, name), missing) in missing {
        let MissingGateway {
            near, ports, hosts, ..
        } = missing;
        names.push(format!("{namespace}/{name}"));
        let gateway = stand_in::gateway(&name, &namespace, &ports, &hosts, options, &near);
        resources.gateways.push(gateway);
    }
    names
}

/// By namespace and name.
fn missing_gateways(
    resources: &Resources,
    options: &Options,
    invalid: &BTreeSet<String>,
) -> BTreeMap<(String, String), MissingGateway> {
    let mut missing: BTreeMap<(String, String), MissingGateway> = BTreeMap::new();
    let declared = DeclaredGateways::new(resources, options, invalid);
    let unread = UnreadText::new(resources, invalid);
    if declared.has_bytes_on_the_port {
        return missing;
    }
    let named_services = ByName::new(resources);
    for service in &resources.virtual_services {
        let VirtualService { hosts, http, .. } = &service.spec;
        if hosts.is_empty() || http.is_empty() {
            continue;
        }
        let named: Vec<String> = service
            .spec
            .gateways
            .iter()
            .map(|it| gateway_name(it, &service.meta.namespace))
            .collect();
        let mut left: Vec<String> = hosts
            .iter()
            .map(|it| qualify(it, &service.meta.namespace, &options.domain))
            .filter(|it| !declared.serve(&named, it, &service.meta.namespace))
            .collect();
        for full in &named {
            let Some((namespace, name)) = full.split_once('/') else {
                continue; // `mesh`
            };
            let is_written = declared.have_like(full) || unread.may_declare_gateway(name);
            if is_written || !is_name(namespace) || !is_name(name) {
                continue;
            }
            let gateway = missing
                .entry((namespace.to_owned(), name.to_owned()))
                .or_insert_with(|| MissingGateway {
                    near: service.origin.clone(),
                    ports: BTreeSet::from([PORT.into()]),
                    hosts: Vec::new(),
                    known_hosts: HashSet::new(),
                });
            let ports = ports(&named_services, service, full);
            gateway.ports.extend(
                ports
                    .into_iter()
                    .filter(|it| *it != HTTPS_PORT || !declared.have_https),
            );
            // A host that two Gateways have would have each rule twice.
            let hosts = if is_named_by_a_match(service, full) {
                left.clone()
            } else {
                std::mem::take(&mut left)
            };
            for host in hosts {
                if gateway.known_hosts.insert(host.clone()) {
                    gateway.hosts.push(host);
                }
            }
        }
    }
    missing
}

/// The ports that matches ask for, where they are for this Gateway; those of delegates too.
fn ports(named: &ByName<'_>, service: &Resource<VirtualService>, gateway: &str) -> Vec<u32> {
    let delegates = service.spec.http.iter().filter_map(|it| it.delegate.as_ref());
    let delegates = delegates.flat_map(|delegate| {
        let namespace = if delegate.namespace.is_empty() {
            &service.meta.namespace
        } else {
            &delegate.namespace
        };
        named.all(namespace, &delegate.name).first().copied()
    });
    let matches = std::iter::once(service).chain(delegates).flat_map(|service| {
        let matches = service.spec.http.iter().flat_map(|it| &it.matches);
        matches.map(move |it| (&service.meta.namespace, it))
    });
    matches
        .filter(|(namespace, it)| {
            let mut names = it.gateways.iter().map(|it| gateway_name(it, namespace));
            names.len() == 0 || names.any(|it| it == gateway)
        })
        .filter_map(|(_, it)| it.port)
        .filter(|it| (1..=65535).contains(it))
        .collect()
}

fn is_named_by_a_match(service: &Resource<VirtualService>, gateway: &str) -> bool {
    let matches = service.spec.http.iter().flat_map(|it| &it.matches);
    let mut names = matches.flat_map(|it| &it.gateways);
    names.any(|it| gateway_name(it, &service.meta.namespace) == gateway)
}

/// Whether Kubernetes accepts it as a name: a placeholder is none.
fn is_name(text: &str) -> bool {
    let is_of_a_name = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, '-' | '.');
    !text.is_empty() && text.chars().all(is_of_a_name)
}

/// Files with a document that can't be read.
struct UnreadText<'r>(Vec<&'r str>);

impl<'r> UnreadText<'r> {
    fn new(resources: &'r Resources, invalid: &BTreeSet<String>) -> Self {
        let files = invalid.iter().filter_map(|it| it.strip_prefix("part of "));
        let sources = resources.sources.iter();
        let has_unread = sources.filter(|source| files.clone().any(|it| it == source.name));
        Self(has_unread.map(|it| it.text.as_str()).collect())
    }

    fn may_declare_gateway(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|it| it.contains("Gateway") && it.contains(name))
    }

    fn may_declare_service(&self, host: &str) -> bool {
        let name = host.split('.').next().unwrap_or(host);
        self.0
            .iter()
            .any(|it| it.contains("kind: Service") && it.contains(name))
    }
}

/// The services of the input.
struct KnownNames {
    /// Names of Services, in any namespace.
    services: BTreeSet<String>,
    /// Namespaces with a Service or a ServiceEntry.
    namespaces: BTreeSet<String>,
    /// Namespaces of anything that is read.
    all_namespaces: BTreeSet<String>,
    has_outside_hosts: bool,
}

impl KnownNames {
    fn new(resources: &Resources, options: &Options, invalid: &BTreeSet<String>) -> Self {
        let mut known = Self {
            services: BTreeSet::new(),
            namespaces: BTreeSet::new(),
            all_namespaces: BTreeSet::from([options.namespace.clone()]),
            has_outside_hosts: false,
        };
        let services = resources.services.iter().map(|it| &it.meta);
        for Meta { name, namespace, .. } in services {
            known.services.insert(name.clone());
            known.namespaces.insert(namespace.clone());
        }
        for entry in &resources.service_entries {
            known.namespaces.insert(entry.meta.namespace.clone());
            let mut hosts = entry.spec.hosts.iter();
            known.has_outside_hosts |= hosts.any(|it| service_of_cluster(it, options).is_none());
        }
        for left_out in invalid {
            let Some((kind, name)) = left_out.split_once(' ') else {
                continue;
            };
            let Some((namespace, name)) = name.split_once('/') else {
                continue;
            };
            match kind {
                "Service" => drop(known.services.insert(name.to_owned())),
                "ServiceEntry" => known.has_outside_hosts = true,
                _ => continue,
            }
            known.namespaces.insert(namespace.to_owned());
        }
        known.all_namespaces.extend(known.namespaces.iter().cloned());
        let rules = resources.virtual_services.iter().map(|it| &it.meta);
        let rules = rules.chain(resources.destination_rules.iter().map(|it| &it.meta));
        known.all_namespaces.extend(rules.map(|it| it.namespace.clone()));
        known
    }

    /// Whether the host of a destination is of a part of the cluster that the input does not have.
    fn lacks(&self, host: &str, service: &Resource<VirtualService>, options: &Options) -> bool {
        if let Some((name, namespace)) = service_of_cluster(host, options) {
            return !self.namespaces.contains(namespace) && !self.services.contains(name);
        }
        let last = host.rsplit('.').next().unwrap_or_default();
        // To Istio `reviews.prod`, `reviews.prod.svc` and `reviews.prod.svc.cluster.locl` are hosts outside the cluster, but
        // no real host has such a name: it is cut short, or misspelt.
        let is_in_domain = host
            .strip_suffix(&options.domain)
            .is_some_and(|it| it.ends_with('.'));
        let has_svc = host.split('.').any(|it| it == "svc");
        let is_half_a_name = has_svc || is_in_domain || self.all_namespaces.contains(last);
        let is_name = is_name(host) && host.parse::<std::net::IpAddr>().is_err() && host.contains('.');
        is_name
            && !is_half_a_name
            && !self.has_outside_hosts
            && !self.namespaces.contains(&service.meta.namespace)
    }
}
