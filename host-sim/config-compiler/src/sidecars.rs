//! The rules of VirtualServices that name no Gateway: those by which sidecars route, for a list of them.
//!
//! Decides no routing of the mesh: the listeners and route tables of a sidecar are made of services too, and depend on the
//! client. What a rule asks of the client or of the service's port is told as it is written.

use std::collections::BTreeSet;

use fingerpost_resources::{Diagnostics, HttpMatchRequest, Resource, Resources, VirtualService};
use fingerpost_routing_config::RuleRef;

use crate::bootstrap::compile;
use crate::options::Options;
use crate::stand_in::{self, PORT};
use crate::summary::ListenerSummary;

/// What stands where a listener has its name.
const NAME: &str = "mesh";

/// The hosts and rules of VirtualServices for sidecars only, as those of one listener; none if there are none.
pub fn sidecar_rules(resources: &Resources, options: &Options) -> Option<ListenerSummary> {
    let mut mesh = resources.clone();
    mesh.virtual_services
        .retain(|it| it.spec.hosts.is_empty() || is_for_sidecars(it));
    let first = mesh.virtual_services.iter().find(|it| is_for_sidecars(it))?;
    let near = first.origin.clone();
    let bound = format!("{}/{NAME}", options.namespace);
    for service in &mut mesh.virtual_services {
        service.spec.export_to.clear();
        if !service.spec.hosts.is_empty() {
            service.spec.gateways = vec![bound.clone()];
        }
        let rules = service.spec.http.iter_mut();
        for request in rules.flat_map(|it| &mut it.matches) {
            request.port = None;
            request.source_labels.clear();
            request.source_namespace.clear();
            if request.gateways.iter().any(|it| it == "mesh") {
                request.gateways.clear();
            }
        }
    }
    let all = ["*".to_owned()];
    let ports = BTreeSet::from([PORT.into()]);
    mesh.gateways = vec![stand_in::gateway(
        NAME,
        &options.namespace,
        &ports,
        &all,
        options,
        &near,
    )];
    // Findings about the rules are made where they are compiled for a gateway, or not at all.
    let compiled = compile(&mesh, options, &mut Diagnostics::new());
    let mut listener = compiled.summary.listeners.into_iter().next()?;
    listener.name = NAME.to_owned();
    for route in listener.hosts.iter_mut().flat_map(|it| &mut it.routes) {
        if let Some(rule) = &route.rule {
            for asked in conditions(rule, resources) {
                route.matches.push_str(", ");
                route.matches.push_str(&asked);
            }
        }
    }
    (!listener.hosts.is_empty()).then_some(listener)
}

fn is_for_sidecars(service: &Resource<VirtualService>) -> bool {
    !service.spec.hosts.is_empty() && service.spec.gateways.iter().all(|it| it == "mesh")
}

/// What the match asks of the client and of the port, of each VirtualService that it is made of.
fn conditions(rule: &RuleRef, resources: &Resources) -> Vec<String> {
    let indexes = rule.matched.as_deref().unwrap_or_default().split('-');
    let steps = rule.rules.iter().zip(indexes);
    let matches = steps.filter_map(|(step, index)| {
        let mut services = resources.virtual_services.iter();
        let service = services.find(|it| it.meta.qualified_name() == step.virtual_service)?;
        let http = service.spec.http.get(usize::try_from(step.http).ok()?)?;
        http.matches.get(index.parse::<usize>().ok()?)
    });
    matches.flat_map(of_client).collect()
}

fn of_client(request: &HttpMatchRequest) -> Vec<String> {
    let labels = request.source_labels.iter();
    let mut asked: Vec<String> = labels
        .map(|(key, value)| format!("from clients with {key}={value}"))
        .collect();
    if !request.source_namespace.is_empty() {
        asked.push(format!("from namespace {}", request.source_namespace));
    }
    asked.extend(request.port.map(|it| format!("to port {it}")));
    asked
}
