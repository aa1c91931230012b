//! `--no-gateway`: what a test of VirtualServices alone leaves out is implied, before anything is compiled.
//!
//! Every VirtualService is bound to one Gateway for all hosts on port 80, whatever it names itself. Delegates and hosts
//! that are not in the input get stand-ins, so that a rule is not lost for what lies in another repository. All of it
//! is said in warnings. Positions stay those of the user's files.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::{
    Code, DestinationRule, Diagnostics, DirectBody, Gateway, HttpDirectResponse, HttpRoute, Meta, Origin,
    Port, Resolution, Resource, Resources, Server, ServiceEntry, ServicePort, Subset, VirtualService,
    WorkloadEntry,
};

use crate::host::qualify;
use crate::options::Options;

/// What the implied resources are called.
const NAME: &str = "implied";
/// The port of the implied Gateway.
const PORT: u16 = 80;
/// Marks a resource that is implied, not written.
const STAND_IN: &str = "fingerpost/stand-in";

/// Whether this resource is implied, not written.
pub fn is_stand_in<T>(resource: &Resource<T>) -> bool {
    resource.meta.annotations.contains_key(STAND_IN)
}

/// Adds what is left out.
pub fn imply(resources: &mut Resources, options: &Options, diagnostics: &mut Diagnostics) {
    let Some(near) = resources.virtual_services.first().map(|it| it.origin.clone()) else {
        return;
    };
    bind(resources, options, &near, diagnostics);
    delegates(resources, diagnostics);
    hosts(resources, options, diagnostics);
}

/// One Gateway for all, in place of those of the input.
fn bind(resources: &mut Resources, options: &Options, near: &Origin, diagnostics: &mut Diagnostics) {
    if let Some(gateway) = resources.gateways.first() {
        let message = match resources.gateways.len() {
            1 => "this Gateway is left out: `--no-gateway` binds every VirtualService to an implied one"
                .to_owned(),
            many => format!(
                "this Gateway and {} more are left out: `--no-gateway` binds every VirtualService to an implied one",
                many - 1
            ),
        };
        diagnostics
            .warn(Code::GatewayLeftOut, message)
            .on(&gateway.origin, "");
    }
    let server = Server {
        port: Some(Port {
            number: Some(PORT.into()),
            protocol: "HTTP".to_owned(),
            name: "http".to_owned(),
            target_port: None,
        }),
        hosts: vec!["*".to_owned()],
        ..Server::default()
    };
    let gateway = Gateway {
        servers: vec![server],
        selector: options.labels.clone(),
    };
    resources.gateways = vec![implied("Gateway", NAME, &options.namespace, gateway, near)];
    let bound = format!("{}/{NAME}", options.namespace);
    for service in &mut resources.virtual_services {
        service.spec.export_to.clear();
        // A delegate has no hosts, and takes the Gateways of its root.
        if !service.spec.hosts.is_empty() {
            service.spec.gateways = vec![bound.clone()];
        }
        for rule in &mut service.spec.http {
            rule.matches.iter_mut().for_each(|it| it.gateways.clear());
        }
    }
}

/// A VirtualService that answers 503 in place of each delegate that is missing.
fn delegates(resources: &mut Resources, diagnostics: &mut Diagnostics) {
    let known: BTreeSet<String> = resources
        .virtual_services
        .iter()
        .map(|it| it.meta.qualified_name())
        .collect();
    let mut missing: BTreeMap<(String, String), Origin> = BTreeMap::new();
    for service in &resources.virtual_services {
        for (index, rule) in service.spec.http.iter().enumerate() {
            let Some(delegate) = &rule.delegate else { continue };
            let namespace = match delegate.namespace.as_str() {
                "" => service.meta.namespace.clone(),
                namespace => namespace.to_owned(),
            };
            let name = format!("{namespace}/{}", delegate.name);
            if known.contains(&name) {
                continue;
            }
            diagnostics
                .warn(
                    Code::DelegateImplied,
                    format!("the delegate {name} is not in the input: a stand-in answers 503"),
                )
                .on(&service.origin, format!("spec.http[{index}].delegate.name"))
                .help("a test can say that the rule delegates; what the delegate does is not known here");
            missing
                .entry((namespace, delegate.name.clone()))
                .or_insert_with(|| service.origin.clone());
        }
    }
    for ((namespace, name), near) in missing {
        let answer = HttpRoute {
            direct_response: Some(HttpDirectResponse {
                status: Some(503),
                body: Some(DirectBody::Text(format!(
                    "{namespace}/{name} is not in the input\n"
                ))),
            }),
            ..HttpRoute::default()
        };
        let spec = VirtualService {
            http: vec![answer],
            ..VirtualService::default()
        };
        let service = implied("VirtualService", &name, &namespace, spec, &near);
        resources.virtual_services.push(service);
    }
}

/// What rules name of a host that no resource declares.
#[derive(Default)]
struct Unknown {
    ports: BTreeSet<u32>,
    subsets: BTreeSet<String>,
}

/// A ServiceEntry, and a DestinationRule for its subsets, in place of each host that is missing.
fn hosts(resources: &mut Resources, options: &Options, diagnostics: &mut Diagnostics) {
    let mut unknown: BTreeMap<String, Unknown> = BTreeMap::new();
    let mut first: Option<(Origin, String)> = None;
    for service in &resources.virtual_services {
        for (index, rule) in service.spec.http.iter().enumerate() {
            let routed = rule.route.iter().enumerate();
            let routed = routed.map(|(at, it)| (format!("route[{at}].destination"), it.destination.as_ref()));
            let copies = rule.mirrors.iter().enumerate();
            let copies =
                copies.map(|(at, it)| (format!("mirrors[{at}].destination"), it.destination.as_ref()));
            let mirror = std::iter::once(("mirror".to_owned(), rule.mirror.as_ref()));
            for (path, destination) in routed.chain(copies).chain(mirror) {
                let Some(destination) = destination else { continue };
                let host = qualify(&destination.host, &service.meta.namespace, &options.domain);
                if host.is_empty() || is_known(resources, options, &host) {
                    continue;
                }
                first.get_or_insert_with(|| {
                    (service.origin.clone(), format!("spec.http[{index}].{path}.host"))
                });
                let unknown = unknown.entry(host).or_default();
                let port = destination.port.as_ref().and_then(|it| it.number);
                unknown.ports.insert(port.unwrap_or_else(|| PORT.into()));
                if !destination.subset.is_empty() {
                    unknown.subsets.insert(destination.subset.clone());
                }
            }
        }
    }
    let Some((near, path)) = first else { return };
    let names: Vec<&str> = unknown.keys().map(String::as_str).collect();
    let message = match names.as_slice() {
        [one] => format!("the host {one} is not in the input: a stand-in takes its requests"),
        names => format!(
            "{} hosts are not in the input, this one first: stand-ins take their requests",
            names.len()
        ),
    };
    let finding = diagnostics.warn(Code::HostImplied, message);
    finding.on(&near, path);
    if names.len() > 1 {
        finding.help(format!("they are {}", names.join(", ")));
    }
    for (host, unknown) in unknown {
        let rules = resources.destination_rules.iter();
        let rules: Vec<_> = rules
            .filter(|it| qualify(&it.spec.host, &it.meta.namespace, &options.domain) == host)
            .collect();
        // Its DestinationRule must be seen, as it is for a service of its own namespace.
        let namespace = rules
            .first()
            .map_or(&options.namespace, |it| &it.meta.namespace)
            .clone();
        // The stand-in has the labels that subsets ask for: an endpoint for each, all at the same address.
        let subsets = rules.iter().flat_map(|it| &it.spec.subsets);
        let endpoints: Vec<WorkloadEntry> = subsets
            .map(|subset| WorkloadEntry {
                address: host.clone(),
                labels: subset.labels.clone(),
                ..WorkloadEntry::default()
            })
            .collect();
        if rules.is_empty() && !unknown.subsets.is_empty() {
            let subsets = unknown.subsets.into_iter().map(|name| Subset {
                name,
                ..Subset::default()
            });
            let spec = DestinationRule {
                host: host.clone(),
                subsets: subsets.collect(),
                ..DestinationRule::default()
            };
            let rule = implied("DestinationRule", &host, &namespace, spec, &near);
            resources.destination_rules.push(rule);
        }
        let ports = unknown.ports.into_iter().map(|number| ServicePort {
            number: Some(number),
            protocol: "HTTP".to_owned(),
            name: format!("http-{number}"),
            target_port: None,
        });
        let spec = ServiceEntry {
            hosts: vec![host.clone()],
            ports: ports.collect(),
            resolution: Some(Resolution::Dns),
            endpoints,
            ..ServiceEntry::default()
        };
        let entry = implied("ServiceEntry", &host, &namespace, spec, &near);
        resources.service_entries.push(entry);
    }
}

fn is_known(resources: &Resources, options: &Options, host: &str) -> bool {
    let service = |it: &Resource<_>| qualify(&it.meta.name, &it.meta.namespace, &options.domain) == host;
    let covers = |wide: &String| match wide.strip_prefix('*') {
        Some(tail) => host.ends_with(tail),
        None => wide == host,
    };
    resources.services.iter().any(service)
        || resources
            .service_entries
            .iter()
            .any(|it| it.spec.hosts.iter().any(covers))
}

fn implied<T>(kind: &str, name: &str, namespace: &str, spec: T, near: &Origin) -> Resource<T> {
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
