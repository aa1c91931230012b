//! VirtualServices that a Gateway does not serve, and hosts of theirs that none does.

use std::collections::{HashMap, HashSet};

use fingerpost_resources::{Origin, Resource, VirtualService};

use super::gateways::{first_mismatch, is_dropped, is_routed, kinds};
use super::hosts::{self, differs_by_case};
use super::{Cause, Context, Part, RuleKind, ServerTraffic, Unserved};
use crate::attachments::have_host_in_common;
use crate::gateways::{BoundServer, selects_proxy};
use crate::host;
use crate::matching::{self, GatewayPort, Mismatch};
use crate::stand_in::is_stand_in;
use crate::virtual_services::BoundVirtualService;

/// All of them.
pub(super) fn find(cx: &Context<'_, '_>) -> Vec<Unserved> {
    let mut found = Vec::new();
    let delegates = named_delegates(cx);
    let bound: HashMap<*const Resource<VirtualService>, &BoundVirtualService<'_>> = cx
        .services
        .iter()
        .map(|it| (std::ptr::from_ref(it.resource), it))
        .collect();
    for resource in &cx.resources.virtual_services {
        if resource.spec.hosts.is_empty() {
            if !delegates.contains(&(&resource.meta.namespace, &resource.meta.name)) {
                found.push(whole(resource, Cause::DelegateNotNamed, "metadata.name", cx));
            }
            continue;
        }
        let gateways = &resource.spec.gateways;
        if gateways.iter().all(|it| it == "mesh") {
            let known = known(cx);
            found.push(whole(
                resource,
                Cause::OnlyForSidecars { known },
                "spec.gateways",
                cx,
            ));
            continue;
        }
        let Some(service) = bound.get(&std::ptr::from_ref(resource)) else {
            let cause = Cause::NotExported {
                to: exported_to(resource),
                gateway: cx.mesh.options.namespace.clone(),
            };
            found.push(whole(resource, cause, "spec.exportTo", cx));
            continue;
        };
        let gateways = service.gateways.iter().enumerate();
        let gateways: Vec<_> = gateways.filter(|(_, gateway)| *gateway != "mesh").collect();
        let lost: Vec<Unserved> = gateways
            .iter()
            .filter_map(|(index, gateway)| by_gateway(service, *index, gateway, cx))
            .collect();
        let is_served = lost.len() < gateways.len();
        found.extend(lost.into_iter().map(|it| it.with_served_elsewhere(is_served)));
        found.extend(hosts::find(service, cx));
    }
    found
}

impl Unserved {
    fn with_served_elsewhere(mut self, is_served: bool) -> Self {
        if let Part::VirtualService {
            is_served_elsewhere, ..
        } = &mut self.part
        {
            *is_served_elsewhere = is_served;
        }
        self
    }
}

fn known(cx: &Context<'_, '_>) -> Vec<String> {
    let gateways = cx.resources.gateways.iter().filter(|it| !is_stand_in(it));
    gateways.map(|it| it.meta.qualified_name()).collect()
}

fn exported_to(resource: &Resource<VirtualService>) -> Vec<String> {
    let names = resource.spec.export_to.iter();
    let own = |it: &String| it == ".";
    names
        .map(|it| if own(it) { &resource.meta.namespace } else { it }.clone())
        .collect()
}

pub(super) fn entry(part: Part, cause: Cause, origin: &Origin, path: String, is_finding: bool) -> Unserved {
    Unserved {
        part,
        cause,
        subject: origin.subject().to_owned(),
        span: origin.at(&path),
        path,
        is_finding,
    }
}

fn whole(resource: &Resource<VirtualService>, cause: Cause, path: &str, cx: &Context<'_, '_>) -> Unserved {
    let options = cx.mesh.options;
    let namespace = &resource.meta.namespace;
    let hosts = resource.spec.hosts.iter();
    let part = Part::VirtualService {
        name: resource.meta.qualified_name(),
        hosts: hosts
            .map(|it| host::qualify(it, namespace, &options.domain))
            .collect(),
        is_served_elsewhere: false,
    };
    entry(part, cause, &resource.origin, path.to_owned(), true)
}

/// The VirtualServices that rules name as their delegates: namespace and name.
fn named_delegates<'r>(cx: &Context<'_, 'r>) -> HashSet<(&'r str, &'r str)> {
    let of_root = |root: &'r Resource<VirtualService>| {
        let delegates = root.spec.http.iter().filter_map(|it| it.delegate.as_ref());
        delegates.map(|it| match it.namespace.as_str() {
            "" => (root.meta.namespace.as_str(), it.name.as_str()),
            given => (given, it.name.as_str()),
        })
    };
    cx.resources.virtual_services.iter().flat_map(of_root).collect()
}

/// Why nothing of `service` comes through one of its Gateways.
fn by_gateway(
    service: &BoundVirtualService<'_>,
    index: usize,
    gateway: &str,
    cx: &Context<'_, '_>,
) -> Option<Unserved> {
    let (cause, path, is_finding) = why_not(service, gateway, cx)?;
    let path = path.map_or_else(|| format!("spec.gateways[{index}]"), str::to_owned);
    let part = Part::VirtualService {
        name: service.resource.meta.qualified_name(),
        hosts: service.hosts.clone(),
        is_served_elsewhere: false,
    };
    Some(entry(part, cause, &service.resource.origin, path, is_finding))
}

/// The reason, the field to change if it is not the Gateway's name, and whether nothing else is a finding about it.
fn why_not(
    service: &BoundVirtualService<'_>,
    gateway: &str,
    cx: &Context<'_, '_>,
) -> Option<(Cause, Option<&'static str>, bool)> {
    let name = gateway.to_owned();
    let Some(resource) = cx.gateway(gateway) else {
        let cause = Cause::GatewayNotFound {
            gateway: name,
            known: known(cx),
        };
        return Some((cause, None, true));
    };
    if !selects_proxy(resource, cx.mesh.options) {
        let cause = Cause::GatewayNotSelected {
            gateway: name,
            selector: resource.spec.selector.clone(),
            labels: cx.mesh.options.labels.clone(),
            virtual_services: Vec::new(),
        };
        // The finding is about the Gateway.
        return Some((cause, None, false));
    }
    let servers = cx.attachments.of_service(service).iter().copied();
    let servers = servers.filter(|it| std::ptr::eq(it.gateway, resource));
    let (open, left_out): (Vec<_>, Vec<_>) = servers.partition(|it| !is_dropped(it, cx));
    if open.is_empty() && is_stand_in(resource) {
        if !service.resource.spec.http.is_empty() {
            return None; // another Gateway has its hosts
        }
        // What is assumed takes HTTP only.
        let known = known(cx);
        return Some((Cause::GatewayNotFound { gateway: name, known }, None, true));
    }
    if open.is_empty() {
        let mut dropped = cx.dropped.iter().filter(|it| it.server.gateway_name() == gateway);
        let with_hosts = dropped.find(|it| have_host_in_common(&it.server, service));
        return Some(match (with_hosts, left_out.first()) {
            (Some(dropped), _) => {
                let cause = Cause::ServersLeftOut {
                    gateway: name,
                    conflict: dropped.conflict.clone(),
                };
                (cause, None, false)
            }
            (None, _) => (no_host(service, name, cx), Some("spec.hosts"), true),
        });
    }
    if open.iter().any(|it| serves(it, service, cx)) {
        return None;
    }
    let has = kinds(service);
    let traffic = |it: &&&BoundServer<'_>| has.contains(&ServerTraffic::of(it).rules());
    let Some(server) = open.iter().find(traffic) else {
        let first = open.first()?;
        if open.iter().all(|it| it.is_auto_passthrough()) {
            return Some((Cause::OnlyAutoPassthrough { gateway: name }, None, false));
        }
        let cause = Cause::OtherRules {
            gateway: name,
            server: ServerTraffic::of(first),
            has: has.clone(),
        };
        let path = match has.first() {
            Some(RuleKind::Http) => "spec.http",
            Some(RuleKind::Tls) => "spec.tls",
            Some(RuleKind::Tcp) => "spec.tcp",
            None => "spec",
        };
        // A server without any rule is a separate finding, which names this VirtualService.
        let is_finding = open.iter().all(|it| is_routed(it, cx));
        return Some((cause, Some(path), is_finding));
    };
    if let Some(dropped) = service.dropped.first()
        && service.rules.is_empty()
        && ServerTraffic::of(server).rules() == RuleKind::Http
    {
        let fault = dropped.fault.clone();
        return Some((Cause::AllRulesDropped { fault }, Some("spec.http"), false));
    }
    let mismatch = mismatch(service, server, cx)?;
    let cause = Cause::NoMatchApplies {
        gateway: name,
        mismatch,
    };
    // Each match is a separate finding.
    Some((cause, Some("spec"), false))
}

/// Whether some rule of the VirtualService is for the server, which takes it.
fn serves(server: &BoundServer<'_>, service: &BoundVirtualService<'_>, cx: &Context<'_, '_>) -> bool {
    let gateway = server.gateway_name();
    let gateway_port = GatewayPort {
        gateway: &gateway,
        port: server.declared_port,
    };
    match ServerTraffic::of(server).rules() {
        RuleKind::Http => service.rules.iter().any(|rule| {
            let mut matches = rule.matches.iter();
            rule.matches.is_empty()
                || matches.any(|(_, request)| matching::applies(request, gateway_port, cx.mesh.options))
        }),
        RuleKind::Tls => {
            let mut names = crate::tcp::ServerNames::default();
            !server.is_auto_passthrough()
                && !crate::tcp::routed_by_name(server, [service], cx.mesh, &mut names).is_empty()
        }
        RuleKind::Tcp => crate::tcp::rules_by_port(server, [service]).next().is_some(),
    }
}

/// Why the first match of the VirtualService is not for the server.
fn mismatch(
    service: &BoundVirtualService<'_>,
    server: &BoundServer<'_>,
    cx: &Context<'_, '_>,
) -> Option<Mismatch> {
    let gateway = server.gateway_name();
    let gateway_port = GatewayPort {
        gateway: &gateway,
        port: server.declared_port,
    };
    match ServerTraffic::of(server).rules() {
        RuleKind::Http => {
            let mut matches = service.rules.iter().flat_map(|it| &it.matches);
            matches.find_map(|(_, request)| matching::mismatch(request, gateway_port, cx.mesh.options))
        }
        other => first_mismatch(service, server, other),
    }
}

/// Why no server of the Gateway has any of the hosts.
fn no_host(service: &BoundVirtualService<'_>, gateway: String, cx: &Context<'_, '_>) -> Cause {
    let namespace = &service.resource.meta.namespace;
    let taken: Vec<String> = cx
        .attachments
        .of_gateway(&gateway)
        .flat_map(|it| it.hosts.iter().cloned())
        .collect();
    let owned = taken.iter().find(|it| {
        it.split_once('/').is_some_and(|(owner, name)| {
            owner != namespace && service.hosts.iter().any(|host| host::overlap(host, name))
        })
    });
    if let Some(taken) = owned {
        return Cause::HostsOfOtherNamespace {
            gateway,
            taken: taken.clone(),
            namespace: namespace.clone(),
        };
    }
    let letter_case = service
        .hosts
        .iter()
        .find_map(|it| Some((it.clone(), differs_by_case(it, &taken)?)));
    Cause::HostsNotTaken {
        gateways: vec![gateway],
        taken,
        letter_case,
    }
}
