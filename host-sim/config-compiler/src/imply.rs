//! `--no-gateway`: what a test of VirtualServices alone leaves out is implied, before anything is compiled.
//!
//! Every VirtualService is bound to one Gateway for all hosts on port 80, whatever it names itself. Delegates and hosts
//! that are not in the input get stand-ins, so that a rule is not lost for what lies in another repository. All of it
//! is said in warnings. Positions stay those of the user's files.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::{
    Code, Diagnostics, DirectBody, HttpDirectResponse, HttpRoute, Origin, Resources, VirtualService,
};

use crate::options::Options;
use crate::stand_in::{self, PORT};

/// What the implied Gateway is called.
const NAME: &str = "implied";

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
    let ports = BTreeSet::from([PORT.into()]);
    let all = ["*".to_owned()];
    resources.gateways = vec![stand_in::gateway(
        NAME,
        &options.namespace,
        &ports,
        &all,
        options,
        near,
    )];
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
            direct_response: Some(Box::new(HttpDirectResponse {
                status: Some(503),
                body: Some(DirectBody::Text(format!(
                    "{namespace}/{name} is not in the input\n"
                ))),
            })),
            ..HttpRoute::default()
        };
        let spec = VirtualService {
            http: vec![answer],
            ..VirtualService::default()
        };
        let service = stand_in::stand_in("VirtualService", &name, &namespace, spec, &near);
        resources.virtual_services.push(service);
    }
}

/// Adds a service, and a DestinationRule for its subsets, in place of each host that is missing.
fn hosts(resources: &mut Resources, options: &Options, diagnostics: &mut Diagnostics) {
    let unknown = stand_in::unknown_hosts(resources, options, |_, _| true);
    let Some((near, path)) = &unknown.first else {
        return;
    };
    let names = unknown.names();
    let message = match names.as_slice() {
        [one] => format!("the host {one} is not in the input: a stand-in takes its requests"),
        names => format!(
            "{} hosts are not in the input, this one first: stand-ins take their requests",
            names.len()
        ),
    };
    let finding = diagnostics.warn(Code::HostImplied, message);
    finding.on(near, path);
    if names.len() > 1 {
        finding.help(format!("they are {}", names.join(", ")));
    }
    stand_in::add_hosts(resources, options, unknown);
}
