//! Gateways and servers that serve nothing.
//!
//! A server that carries bytes opens its port only for a rule (istio `pilot/pkg/networking/core/gateway.go`,
//! `createGatewayTCPFilterChainOpts`); one that takes HTTP opens it in any case, and answers 404 without a rule.

use std::collections::BTreeSet;

use fingerpost_resources::{Code, Diagnostics, Gateway, Resource, Resources, Severity, name_list};

use super::{Cause, Context, Part, RuleKind, RulesOfService, ServerTraffic, Unserved};
use crate::gateways::{BoundServer, selects_proxy};
use crate::host;
use crate::matching::{GatewayPort, Mismatch};
use crate::protocol::Termination;
use crate::tcp;
use crate::virtual_services::{BoundVirtualService, gateway_name};

/// All of them.
pub(super) fn find(cx: &Context<'_, '_>) -> Vec<Unserved> {
    let named: BTreeSet<String> = gateways_that_are_named(cx);
    let whole = cx
        .resources
        .gateways
        .iter()
        .filter_map(|it| gateway(it, &named, cx));
    let dropped = cx.dropped.iter().map(|it| {
        let cause = Cause::ServerConflict(it.conflict.clone());
        server(&it.server, cause, "")
    });
    let servers = cx.listeners.iter().flat_map(|it| it.servers());
    let unopened = servers
        .filter(|it| !is_dropped(it, cx))
        .filter_map(|it| without_rule(it, cx));
    whole.chain(dropped).chain(unopened).collect()
}

/// Says that nothing listens at all, instead of a note for each Gateway.
pub(super) fn report_no_gateway(found: &[Unserved], resources: &Resources, diagnostics: &mut Diagnostics) {
    if resources.gateways.is_empty() {
        let mut kinds: Vec<&str> = resources
            .unread_routes
            .iter()
            .map(|it| it.kind.as_str())
            .collect();
        kinds.dedup();
        let (message, help) = if kinds.is_empty() && resources.other_routes().is_some() {
            (
                "the input has no Gateway of networking.istio.io: the proxy has no listeners".to_owned(),
                "add Gateways and VirtualServices of networking.istio.io: routes of other projects are not read",
            )
        } else if kinds.is_empty() {
            (
                "the input has no Gateway: the proxy has no listeners".to_owned(),
                "add a Gateway: a VirtualService alone opens no port",
            )
        } else {
            (
                format!(
                    "the proxy has no listeners: {} not supported yet, and the input has no Gateway of networking.istio.io",
                    are(&kinds)
                ),
                "until then, write them as Gateway and VirtualService of networking.istio.io",
            )
        };
        diagnostics.warn(Code::NoGateway, message).help(help);
        return;
    }
    let whole = found.iter().filter(|it| matches!(it.part, Part::Gateway { .. }));
    let mut all = whole.filter(|it| matches!(it.cause, Cause::GatewayNotSelected { .. }));
    if all.clone().count() < resources.gateways.len() {
        return;
    }
    if let Some(first) = all.next() {
        let mut finding = first.finding();
        finding.severity = Severity::Warning;
        finding.code = Code::NoGateway;
        finding.message = format!(
            "no Gateway selects this proxy, which has no listeners: {}",
            finding.message
        );
        diagnostics.push(finding);
    }
}

/// `HTTPRoute is`, or `Gateway API Gateway and HTTPRoute are`.
fn are(kinds: &[&str]) -> String {
    let verb = if kinds.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", name_list(kinds, "and"))
}

/// Whether every Gateway of the input is for other proxies.
pub(super) fn none_is_selected(cx: &Context<'_, '_>) -> bool {
    let mut gateways = cx.resources.gateways.iter();
    !gateways.any(|it| selects_proxy(it, cx.mesh.options))
}

/// Whether a server was left out after it was merged into a listener.
pub(super) fn is_dropped(server: &BoundServer<'_>, cx: &Context<'_, '_>) -> bool {
    let mut dropped = cx.dropped.iter();
    dropped.any(|it| it.server.place == server.place)
}

/// Those that a VirtualService names, whatever keeps it from being served, in `gateways` of its own or of a match.
fn gateways_that_are_named(cx: &Context<'_, '_>) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for resource in &cx.resources.virtual_services {
        let spec = &resource.spec;
        let http = spec
            .http
            .iter()
            .flat_map(|it| &it.matches)
            .flat_map(|it| &it.gateways);
        let names = spec.gateways.iter().chain(http);
        named.extend(names.map(|it| gateway_name(it, &resource.meta.namespace)));
    }
    named
}

fn gateway(resource: &Resource<Gateway>, named: &BTreeSet<String>, cx: &Context<'_, '_>) -> Option<Unserved> {
    let name = resource.meta.qualified_name();
    let ports = resource
        .spec
        .servers
        .iter()
        .filter_map(|it| it.port.as_ref()?.number);
    let part = Part::Gateway {
        name: name.clone(),
        ports: ports.collect(),
    };
    let (cause, path) = if !selects_proxy(resource, cx.mesh.options) {
        let services = cx.services.iter().filter(|it| it.gateways.contains(&name));
        let cause = Cause::GatewayNotSelected {
            gateway: name.clone(),
            selector: resource.spec.selector.clone(),
            labels: cx.mesh.options.labels.clone(),
            virtual_services: services.map(|it| it.resource.meta.qualified_name()).collect(),
        };
        (cause, "spec.selector")
    } else if !named.contains(&name) && cx.attachments.of_gateway(&name).any(needs_rules) {
        (Cause::GatewayNotNamed { gateway: name }, "metadata.name")
    } else {
        return None;
    };
    let is_finding = match cause {
        Cause::GatewayNotSelected { .. } => !none_is_selected(cx),
        _ => true,
    };
    Some(Unserved {
        part,
        cause,
        subject: resource.origin.subject().to_owned(),
        path: path.to_owned(),
        span: resource.origin.at(path),
        is_finding,
    })
}

/// Whether requests get nothing but 404 without a VirtualService.
fn needs_rules(server: &BoundServer<'_>) -> bool {
    matches!(server.termination, Termination::PlainHttp | Termination::Https) && !server.redirects_to_https()
}

fn server(server: &BoundServer<'_>, cause: Cause, field: &str) -> Unserved {
    let path = format!("spec.servers[{}]{field}", server.index);
    let hosts = server
        .hosts
        .iter()
        .map(|it| host::without_namespace(it).to_owned());
    Unserved {
        part: Part::Server {
            gateway: server.gateway_name(),
            port: server.declared_port,
            hosts: hosts.collect(),
        },
        cause,
        subject: server.gateway.origin.subject().to_owned(),
        span: server.gateway.origin.at(&path),
        path,
        is_finding: true,
    }
}

/// A server whose port is not opened, since no rule is for it.
fn without_rule(bound: &BoundServer<'_>, cx: &Context<'_, '_>) -> Option<Unserved> {
    if bound.is_auto_passthrough() {
        let port = bound.declared_port;
        return Some(server(bound, Cause::AutoPassthrough { port }, ".tls.mode"));
    }
    if is_routed(bound, cx) {
        return None;
    }
    let traffic = ServerTraffic::of(bound);
    let attached = cx.attachments.services(bound);
    let virtual_services = attached.map(|it| RulesOfService {
        name: it.resource.meta.qualified_name(),
        has: kinds(it),
        mismatch: first_mismatch(it, bound, traffic.rules()),
    });
    let cause = Cause::NoRule {
        gateway: bound.gateway_name(),
        virtual_services: virtual_services.collect(),
        server: traffic,
    };
    Some(server(bound, cause, ".port.protocol"))
}

/// Whether a rule is for the server, or it needs none.
pub(super) fn is_routed(server: &BoundServer<'_>, cx: &Context<'_, '_>) -> bool {
    let services = cx.attachments.services(server);
    match server.termination {
        Termination::PlainHttp | Termination::Https => true,
        Termination::Passthrough => {
            // Names that another server took first do not count: then its listener serves them.
            let chains = tcp::routed_by_name(server, services, cx.mesh, &mut tcp::ServerNames::default());
            server.is_auto_passthrough() || !chains.is_empty()
        }
        Termination::TlsToTcp | Termination::Tcp => tcp::rules_by_port(server, services).next().is_some(),
    }
}

/// The kinds of rules that a VirtualService has.
pub(super) fn kinds(service: &BoundVirtualService<'_>) -> Vec<RuleKind> {
    let spec = &service.resource.spec;
    let kinds = [
        (RuleKind::Http, !spec.http.is_empty()),
        (RuleKind::Tls, !spec.tls.is_empty()),
        (RuleKind::Tcp, !spec.tcp.is_empty()),
    ];
    let given = kinds.into_iter().filter(|(_, given)| *given);
    given.map(|(kind, _)| kind).collect()
}

/// Why the first match of the rules of this kind is not for the server.
pub(super) fn first_mismatch(
    service: &BoundVirtualService<'_>,
    server: &BoundServer<'_>,
    kind: RuleKind,
) -> Option<Mismatch> {
    let gateway = server.gateway_name();
    let gateway_port = GatewayPort {
        gateway: &gateway,
        port: server.declared_port,
    };
    let resource = service.resource;
    match kind {
        RuleKind::Http => None,
        RuleKind::Tls => {
            let mut matches = resource.spec.tls.iter().flat_map(|it| &it.matches);
            matches.find_map(|it| tcp::mismatch(it.port, &it.gateways, resource, gateway_port))
        }
        RuleKind::Tcp => {
            let mut matches = resource.spec.tcp.iter().flat_map(|it| &it.matches);
            matches.find_map(|it| tcp::mismatch(it.port, &it.gateways, resource, gateway_port))
        }
    }
}

impl<'a, 'r> Context<'a, 'r> {
    /// The Gateway of that name, `namespace/name`, if the input has it.
    pub(super) fn gateway(&self, name: &str) -> Option<&'r Resource<Gateway>> {
        self.gateways.get(name).copied()
    }

    /// Whether the input has the Gateway, and it selects the proxy.
    pub(super) fn is_selected(&self, name: &str) -> bool {
        self.gateway(name)
            .is_some_and(|it| selects_proxy(it, self.mesh.options))
    }
}
