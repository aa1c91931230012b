//! Hosts of VirtualServices that no server of their Gateways has.

use super::gateways::none_is_selected;
use super::virtual_services::entry;
use super::{Cause, Context, Part, Unserved};
use crate::gateways::selects_proxy;
use crate::host;
use crate::virtual_services::BoundVirtualService;

/// The host of a server that has requests in common with `host` if letter case does not count.
pub(super) fn differs_by_case(host: &str, taken: &[String]) -> Option<String> {
    let lower = host.to_ascii_lowercase();
    let mut names = taken.iter().map(|it| host::without_namespace(it));
    let same = names.find(|it| host::overlap(&lower, &it.to_ascii_lowercase()));
    same.map(str::to_owned)
}

/// Single hosts that no server of its Gateways has, where others are served. A host may be there for sidecars.
pub(super) fn find(service: &BoundVirtualService<'_>, cx: &Context<'_, '_>) -> Vec<Unserved> {
    let resource = service.resource;
    let namespace = &resource.meta.namespace;
    let options = cx.mesh.options;
    let all_are_ours = !none_is_selected(cx)
        && service.gateways.iter().all(|name| {
            let mut gateways = cx.resources.gateways.iter();
            gateways.any(|it| it.meta.qualified_name() == *name && selects_proxy(it, options))
        });
    if !all_are_ours || options.short_names {
        return Vec::new();
    }
    let servers = || service.gateways.iter().flat_map(|it| cx.servers_of(it));
    let dropped = cx.dropped.iter().map(|it| &it.server);
    let dropped = dropped.filter(|it| service.gateways.contains(&it.gateway_name()));
    let taken: Vec<String> = servers()
        .chain(dropped)
        .flat_map(|it| it.hosts.iter().cloned())
        .collect();
    let open = host::open_to(&taken, namespace);
    let is_taken = |it: &String| open.iter().any(|other| host::overlap(it, other));
    if !service.hosts.iter().any(is_taken) {
        return Vec::new(); // reported as a whole
    }
    let lost = service.hosts.iter().enumerate().filter(|(_, it)| !is_taken(it));
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
