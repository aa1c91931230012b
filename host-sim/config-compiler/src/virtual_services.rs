//! VirtualServices as the proxy sees them: names resolved, delegates merged in, in Istio's order.
//!
//! Decides which VirtualServices a Gateway gets and what their rules are. It builds no route.
//! Source: istio `pilot/pkg/model/virtualservice_controller.go` and `push_context.go`; docs/istio-routing.md 1.9, 2.8.

use std::collections::HashMap;

use fingerpost_resources::{Destination, HttpMatchRequest, HttpRoute, Resource, Resources, VirtualService};
use fingerpost_routing_config::RuleStep;

use crate::delegates::{DelegateFault, NamedMatch, merge_rule};
use crate::host::qualify;
use crate::options::Options;
use crate::resolved::Resolved;
use crate::visibility::Exports;

/// A VirtualService that Gateways may use.
#[derive(Debug)]
pub(crate) struct BoundVirtualService<'r> {
    /// Its place among those that the proxy sees, in Istio's order.
    pub place: usize,
    /// The resource as written.
    pub resource: &'r Resource<VirtualService>,
    /// Its hosts, short names resolved.
    pub hosts: Vec<String>,
    /// The Gateways that it names, as `namespace/name`, and `mesh`.
    pub gateways: Vec<String>,
    /// Its HTTP rules, delegates merged in.
    pub rules: Vec<Rule<'r>>,
    /// Rules that Istio drops because of their delegate.
    pub dropped: Vec<DroppedRule<'r>>,
}

/// A rule that Istio drops because of its delegate.
#[derive(Debug, Clone)]
pub(crate) struct DroppedRule<'r> {
    /// What is wrong with the delegate.
    pub fault: DelegateFault,
    /// The matches of the rule that delegates; empty for every request.
    pub matches: Vec<NamedMatch<'r>>,
    /// The rule: that which delegates, and that of the delegate if only that one is dropped.
    pub steps: Vec<RuleStep>,
    /// The resource with the rule that is dropped.
    pub leaf: &'r Resource<VirtualService>,
    /// The field of it that is to blame.
    pub path: String,
}

/// One HTTP rule, with every name resolved.
#[derive(Debug, Clone)]
pub(crate) struct Rule<'r> {
    /// Its fields but for its matches, which are below. Hosts are full names.
    pub route: Resolved<'r, HttpRoute>,
    /// Its matches with their places; empty for a rule that takes every request.
    pub matches: Vec<NamedMatch<'r>>,
    /// Where it comes from: the root's rule, then the delegate's.
    pub steps: Vec<RuleStep>,
    /// The resource that holds the rule that routes.
    pub leaf: &'r Resource<VirtualService>,
    /// The path of that rule in its resource, such as `spec.http[1]`.
    pub path: String,
}

/// The VirtualServices that the proxy sees, in the order in which their rules are tried.
pub(crate) fn bind<'r>(resources: &'r Resources, options: &Options) -> Vec<BoundVirtualService<'r>> {
    let mut visible: Vec<_> = resources
        .virtual_services
        .iter()
        .filter(|service| !service.spec.hosts.is_empty())
        .filter_map(|service| Some((rank(service, &options.namespace)?, service)))
        .collect();
    visible.sort_by_key(|(rank, service)| (*rank, service.meta.creation_order()));
    let named = ByName::new(resources);
    let visible = visible.into_iter().enumerate();
    visible
        .map(|(place, (_, service))| bind_one(place, service, &named, options))
        .collect()
}

/// The VirtualServices of each namespace and name: one, but for repeats.
pub(crate) struct ByName<'r>(HashMap<&'r str, HashMap<&'r str, Vec<&'r Resource<VirtualService>>>>);

impl<'r> ByName<'r> {
    pub(crate) fn new(resources: &'r Resources) -> Self {
        let mut named: HashMap<_, HashMap<_, Vec<_>>> = HashMap::new();
        for service in &resources.virtual_services {
            let of_namespace = named.entry(service.meta.namespace.as_str()).or_default();
            let name = service.meta.name.as_str();
            of_namespace.entry(name).or_default().push(service);
        }
        Self(named)
    }

    /// Those of this namespace and name.
    pub(crate) fn all(&self, namespace: &str, name: &str) -> &[&'r Resource<VirtualService>] {
        let all = self.0.get(namespace).and_then(|it| it.get(name));
        all.map_or(&[], Vec::as_slice)
    }
}

/// Private VirtualServices of the proxy's namespace come first, then those exported to it by name,
/// then public ones (istio push_context.go, `VirtualServicesForGateway`).
fn rank(service: &Resource<VirtualService>, proxy_namespace: &str) -> Option<u8> {
    let exports = Exports::new(&service.spec.export_to, &service.meta.namespace);
    if exports.are_public() {
        Some(2)
    } else if !exports.reach(proxy_namespace) {
        None
    } else if service.meta.namespace == proxy_namespace {
        Some(0)
    } else {
        Some(1)
    }
}

fn bind_one<'r>(
    place: usize,
    service: &'r Resource<VirtualService>,
    named: &ByName<'r>,
    options: &Options,
) -> BoundVirtualService<'r> {
    let namespace = &service.meta.namespace;
    let mut rules = Vec::with_capacity(service.spec.http.len());
    let mut dropped = Vec::new();
    for (index, rule) in resolved_rules(service, options).into_iter().enumerate() {
        let Some(delegate) = &rule.route.delegate else {
            rules.push(rule);
            continue;
        };
        let owner = if delegate.namespace.is_empty() {
            namespace
        } else {
            &delegate.namespace
        };
        match find_delegate(named, &delegate.name, owner, namespace) {
            Ok(leaf) => merge_delegate(&rule, leaf, options, &mut rules, &mut dropped),
            Err(fault) => dropped.push(DroppedRule {
                fault,
                matches: rule.matches,
                steps: rule.steps,
                leaf: service,
                path: format!("spec.http[{index}].delegate"),
            }),
        }
    }
    BoundVirtualService {
        place,
        resource: service,
        hosts: service
            .spec
            .hosts
            .iter()
            .flat_map(|it| names(it, namespace, options))
            .collect(),
        gateways: service
            .spec
            .gateways
            .iter()
            .map(|it| gateway_name(it, namespace))
            .collect(),
        rules,
        dropped,
    }
}

/// All names of a host: the full one, and in a table with short names also what it is short for.
fn names(host: &str, namespace: &str, options: &Options) -> Vec<String> {
    let full = qualify(host, namespace, &options.domain);
    if !options.short_names || full == host {
        return vec![full];
    }
    // istio httproute.go, `generateAltVirtualHosts`
    let with_namespace = format!("{host}.{namespace}");
    let with_kind = format!("{with_namespace}.svc");
    vec![full, host.to_owned(), with_namespace, with_kind]
}

fn find_delegate<'r>(
    named: &ByName<'r>,
    name: &str,
    owner: &str,
    root_namespace: &str,
) -> Result<&'r Resource<VirtualService>, DelegateFault> {
    let delegate = format!("{owner}/{name}");
    let all = named.all(owner, name);
    if all.is_empty() {
        return Err(DelegateFault::NotFound { delegate });
    }
    let Some(found) = all.iter().copied().find(|it| it.spec.hosts.is_empty()) else {
        return Err(DelegateFault::HasHosts { delegate });
    };
    if Exports::new(&found.spec.export_to, owner).reach(root_namespace) {
        return Ok(found);
    }
    Err(DelegateFault::NotExported {
        delegate,
        namespace: root_namespace.to_owned(),
    })
}

fn merge_delegate<'r>(
    root: &Rule<'r>,
    leaf: &'r Resource<VirtualService>,
    options: &Options,
    rules: &mut Vec<Rule<'r>>,
    dropped: &mut Vec<DroppedRule<'r>>,
) {
    for inner in resolved_rules(leaf, options) {
        let steps = [root.steps.clone(), inner.steps].concat();
        match merge_rule(&root.route, &root.matches, &inner.route, &inner.matches) {
            Ok((route, matches)) => rules.push(Rule {
                route: Resolved::Copy(Box::new(route)),
                matches,
                steps,
                leaf,
                path: inner.path,
            }),
            Err(conflict) => dropped.push(DroppedRule {
                fault: DelegateFault::Conflict(conflict),
                matches: root.matches.clone(),
                steps,
                leaf,
                path: inner.path,
            }),
        }
    }
}

/// The rules of one VirtualService with every short name resolved against its own namespace.
fn resolved_rules<'r>(service: &'r Resource<VirtualService>, options: &Options) -> Vec<Rule<'r>> {
    let namespace = &service.meta.namespace;
    let rule = |(index, written): (usize, &'r HttpRoute)| {
        let matches = written.matches.iter().enumerate();
        let matches = matches.map(|(place, it)| (place.to_string(), resolved_match(it, namespace)));
        let http = u32::try_from(index).unwrap_or(u32::MAX);
        Rule {
            route: resolved_rule(written, namespace, options),
            matches: matches.collect(),
            steps: vec![RuleStep {
                virtual_service: service.meta.qualified_name(),
                http,
            }],
            leaf: service,
            path: format!("spec.http[{index}]"),
        }
    };
    service.spec.http.iter().enumerate().map(rule).collect()
}

/// The rule with full names of hosts. Most rules are written with them.
fn resolved_rule<'r>(written: &'r HttpRoute, namespace: &str, options: &Options) -> Resolved<'r, HttpRoute> {
    let full_name = |it: &Destination| qualify(&it.host, namespace, &options.domain);
    let routed = written.route.iter().filter_map(|it| it.destination.as_ref());
    let mirrors = written.mirrors.iter().filter_map(|it| it.destination.as_ref());
    let mut named = routed.chain(mirrors).chain(written.mirror.as_deref());
    if named.all(|it| it.host == full_name(it)) {
        return Resolved::AsWritten(written);
    }
    let mut route = HttpRoute {
        matches: Vec::new(),
        ..written.clone()
    };
    let routed = route.route.iter_mut().filter_map(|it| it.destination.as_mut());
    let mirrors = route.mirrors.iter_mut().filter_map(|it| it.destination.as_mut());
    for destination in routed.chain(mirrors).chain(route.mirror.as_deref_mut()) {
        destination.host = full_name(destination);
    }
    Resolved::Copy(Box::new(route))
}

/// The match with full names of Gateways.
fn resolved_match<'r>(written: &'r HttpMatchRequest, namespace: &str) -> Resolved<'r, HttpMatchRequest> {
    if written.gateways.is_empty() {
        return Resolved::AsWritten(written);
    }
    let gateways = written.gateways.iter();
    Resolved::Copy(Box::new(HttpMatchRequest {
        gateways: gateways.map(|it| gateway_name(it, namespace)).collect(),
        ..written.clone()
    }))
}

/// `namespace/name` of a Gateway as a VirtualService of `namespace` names it
/// (istio config.go, `resolveGatewayName`).
pub fn gateway_name(written: &str, namespace: &str) -> String {
    if written == "mesh" {
        return written.to_owned();
    }
    match written.split_once('/') {
        Some((".", name)) => format!("{namespace}/{name}"),
        Some(_) => written.to_owned(),
        None => match written.split_once('.') {
            // The legacy form: name.namespace, with or without the rest of a service's full name.
            Some((name, rest)) => format!("{}/{name}", rest.split('.').next().unwrap_or(rest)),
            None => format!("{namespace}/{written}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_may_be_named_in_four_ways() {
        for (written, name) in [
            ("mesh", "mesh"),
            ("gw", "shop/gw"),
            ("./gw", "shop/gw"),
            ("infra/gw", "infra/gw"),
            ("gw.infra", "infra/gw"),
            ("gw.infra.svc.cluster.local", "infra/gw"),
        ] {
            assert_eq!(gateway_name(written, "shop"), name);
        }
    }
}
