//! Hosts of VirtualServices that no server of their Gateways has.

use std::collections::HashSet;

use super::gateways::none_is_selected;
use super::virtual_services::entry;
use super::{Cause, Context, Part, Unserved};
use crate::host;
use crate::virtual_services::BoundVirtualService;

/// The host of a server that has requests in common with `host` if letter case does not count.
pub(super) fn differs_by_case(host: &str, taken: &[String]) -> Option<String> {
    let lower = host.to_ascii_lowercase();
    let mut names = taken.iter().map(|it| host::without_namespace(it));
    let same = names.find(|it| host::overlap(&lower, &it.to_ascii_lowercase()));
    same.map(str::to_owned)
}

/// Whether a host is among the domains, or one of them is below it.
fn has_part_of(host: &str, domains: &HashSet<&str>) -> bool {
    let mut domains_below = domains.iter().filter(|_| host.starts_with('*'));
    domains.contains(host) || domains_below.any(|it| host::is_covered_by(it, host))
}

/// Whether a host has requests in common with one of the servers' hosts that are open to `namespace`.
fn is_taken(host: &str, taken: &[&String], namespace: &str) -> bool {
    host::open_to(taken.iter().copied(), namespace).any(|other| host::overlap(host, other))
}

/// Single hosts that no server of its Gateways has, where others are served. A host may be there for sidecars.
pub(super) fn find(service: &BoundVirtualService<'_>, cx: &Context<'_, '_>) -> Vec<Unserved> {
    let resource = service.resource;
    let namespace = &resource.meta.namespace;
    let options = cx.mesh.options;
    let all_are_ours = !none_is_selected(cx) && service.gateways.iter().all(|it| cx.is_selected(it));
    if !all_are_ours || options.short_names {
        return Vec::new();
    }
    // Mostly the servers that take the VirtualService have all of its hosts: then the others need not be looked at.
    let takers = cx.attachments.of_service(service).iter();
    let common: HashSet<&str> = takers
        .flat_map(|it| cx.attachments.domains(it, service))
        .map(String::as_str)
        .collect();
    if service.hosts.iter().all(|it| has_part_of(it, &common)) {
        return Vec::new();
    }
    let servers = service
        .gateways
        .iter()
        .flat_map(|it| cx.attachments.of_gateway(it));
    let dropped = cx.dropped.iter().map(|it| &it.server);
    let dropped = dropped.filter(|it| service.gateways.contains(&it.gateway_name()));
    let taken: Vec<&String> = servers.chain(dropped).flat_map(|it| &it.hosts).collect();
    let (had, lost): (Vec<_>, Vec<_>) = service
        .hosts
        .iter()
        .enumerate()
        .partition(|(_, it)| is_taken(it, &taken, namespace));
    if had.is_empty() {
        return Vec::new(); // reported as a whole
    }
    let taken: Vec<String> = taken.into_iter().cloned().collect();
    let lost = lost.into_iter();
    lost.map(|(index, lost)| {
        let cause = Cause::HostsNotTaken {
            gateways: service.gateways.clone(),
            letter_case: differs_by_case(lost, &taken).map(|it| (lost.clone(), it)),
            taken: taken.clone(),
        };
        let part = Part::Host {
            virtual_service: resource.meta.qualified_name(),
            host: lost.clone(),
        };
        entry(
            part,
            cause,
            &resource.origin,
            format!("spec.hosts[{index}]"),
            true,
        )
    })
    .collect()
}
