//! Rules that Istio drops, and matches that can apply to no server of their Gateways.

use fingerpost_resources::{Origin, Resource, VirtualService};

use super::{Cause, Context, Part, Unserved};
use crate::gateways::BoundServer;
use crate::matching::{self, GatewayPort, Mismatch};
use crate::tcp;
use crate::virtual_services::BoundVirtualService;

/// All of them.
pub(super) fn find(cx: &Context<'_, '_>) -> Vec<Unserved> {
    let mut found = Vec::new();
    for service in cx.services {
        for dropped in &service.dropped {
            let cause = Cause::Dropped(dropped.fault.clone());
            found.push(entry(service, cause, &dropped.leaf.origin, dropped.path.clone()));
        }
        let servers = cx.attachments.of_service(service);
        if servers.is_empty() {
            continue; // said of the whole VirtualService
        }
        http(service, servers, cx, &mut found);
        connections(service, servers, cx, &mut found);
    }
    found
}

fn entry(service: &BoundVirtualService<'_>, cause: Cause, origin: &Origin, path: String) -> Unserved {
    Unserved {
        part: Part::Rule {
            virtual_service: service.resource.meta.qualified_name(),
            hosts: service.hosts.clone(),
            is_served_elsewhere: false,
        },
        cause,
        subject: origin.subject().to_owned(),
        span: origin.at(&path),
        path,
        is_finding: true,
    }
}

fn http(
    service: &BoundVirtualService<'_>,
    servers: &[&BoundServer<'_>],
    cx: &Context<'_, '_>,
    found: &mut Vec<Unserved>,
) {
    for rule in &service.rules {
        for (index, request) in &rule.matches {
            if !is_ours(&request.gateways, service, cx) {
                continue;
            }
            let mismatch = common(servers, |gateway_port| {
                matching::mismatch(request, gateway_port, cx.mesh.options)
            });
            let Some(mismatch) = mismatch else { continue };
            let path = match rule.steps.len() {
                1 => format!("{}.match[{index}].{}", rule.path, mismatch.field()),
                _ => rule.path.clone(),
            };
            found.push(entry(
                service,
                Cause::NeverApplies(mismatch),
                &rule.leaf.origin,
                path,
            ));
        }
    }
}

fn connections(
    service: &BoundVirtualService<'_>,
    servers: &[&BoundServer<'_>],
    cx: &Context<'_, '_>,
    found: &mut Vec<Unserved>,
) {
    let resource = service.resource;
    let tls = resource.spec.tls.iter().enumerate().flat_map(|(rule, it)| {
        let matches = it.matches.iter().enumerate();
        matches.map(move |(index, it)| (format!("spec.tls[{rule}].match[{index}]"), it.port, &it.gateways))
    });
    let tcp = resource.spec.tcp.iter().enumerate().flat_map(|(rule, it)| {
        let matches = it.matches.iter().enumerate();
        matches.map(move |(index, it)| (format!("spec.tcp[{rule}].match[{index}]"), it.port, &it.gateways))
    });
    for (path, port, gateways) in tls.chain(tcp) {
        if !is_ours(&resolved(gateways, resource), service, cx) {
            continue;
        }
        if let Some(mismatch) = common(servers, |gateway_port| {
            tcp::mismatch(port, gateways, resource, gateway_port)
        }) {
            let path = format!("{path}.{}", mismatch.field());
            found.push(entry(
                service,
                Cause::NeverApplies(mismatch),
                &resource.origin,
                path,
            ));
        }
    }
}

fn resolved(gateways: &[String], resource: &Resource<VirtualService>) -> Vec<String> {
    let namespace = &resource.meta.namespace;
    let names = gateways.iter();
    names
        .map(|it| crate::virtual_services::gateway_name(it, namespace))
        .collect()
}

/// Whether a match with these `gateways` is for Gateways of this proxy alone, as far as the VirtualService is: one for
/// sidecars or other gateways may be right.
fn is_ours(gateways: &[String], service: &BoundVirtualService<'_>, cx: &Context<'_, '_>) -> bool {
    let named = |it: &&String| gateways.is_empty() || gateways.contains(it);
    service.gateways.iter().filter(named).all(|it| cx.is_selected(it))
}

/// Why a match is for none of the servers. Of several reasons that of a server whose Gateway it names.
fn common(
    servers: &[&BoundServer<'_>],
    mismatch: impl Fn(GatewayPort<'_>) -> Option<Mismatch>,
) -> Option<Mismatch> {
    let mut ports: Vec<u32> = Vec::new();
    let mut first: Option<Mismatch> = None;
    for server in servers {
        let gateway = server.gateway_name();
        let gateway_port = GatewayPort {
            gateway: &gateway,
            port: server.declared_port,
        };
        let found = mismatch(gateway_port)?;
        if !ports.contains(&server.declared_port) {
            ports.push(server.declared_port);
        }
        let names_it = !matches!(found, Mismatch::Gateways { .. });
        if first.is_none() || (names_it && matches!(first, Some(Mismatch::Gateways { .. }))) {
            first = Some(found);
        }
    }
    match first? {
        Mismatch::Port { wanted, .. } => Some(Mismatch::Port {
            wanted,
            servers: ports,
        }),
        other => Some(other),
    }
}
