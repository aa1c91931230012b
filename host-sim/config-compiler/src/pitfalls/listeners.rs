//! Ports and hosts of Gateways by which clients don't come as it seems.

use fingerpost_resources::{Code, Diagnostics};

use crate::gateways::MergedListener;
use crate::mesh::Mesh;
use crate::virtual_services::BoundVirtualService;

/// Reports servers on the node port of the gateway's own Service: the proxy does not listen there.
pub(super) fn node_ports(listeners: &[MergedListener<'_>], mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) {
    let options = mesh.options;
    let services = mesh.resources.services.iter().filter(|it| {
        let mut selector = it.spec.selector.iter();
        it.meta.namespace == options.namespace
            && !it.spec.selector.is_empty()
            && selector.all(|(key, value)| options.labels.get(key) == Some(value))
    });
    let ports: Vec<_> = services
        .flat_map(|service| service.spec.ports.iter().map(move |port| (service, port)))
        .collect();
    for server in listeners.iter().flat_map(MergedListener::servers) {
        let declared = Some(server.declared_port);
        if ports.iter().any(|(_, port)| port.port == declared) {
            continue;
        }
        let Some((service, port)) = ports.iter().find(|(_, port)| port.node_port == declared) else {
            continue;
        };
        let number = port.port.unwrap_or_default();
        let message = format!(
            "{} is the nodePort of Service {} for its port {number}: the gateway itself does not listen there",
            server.declared_port,
            service.meta.qualified_name()
        );
        diagnostics
            .warn(Code::NodePort, message)
            .on(
                &server.gateway.origin,
                format!("spec.servers[{}].port.number", server.index),
            )
            .help(format!("write `number: {number}`"));
    }
}

/// Reports hosts without a dot: they mean a service's full name.
pub(super) fn short_hosts(service: &BoundVirtualService<'_>, mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) {
    let for_sidecars = service.gateways.iter().any(|it| it == "mesh");
    if for_sidecars || mesh.options.short_names {
        return;
    }
    let resource = service.resource;
    for (index, host) in resource.spec.hosts.iter().enumerate() {
        if let Some(full) = service.hosts.get(index).filter(|full| *full != host) {
            let message =
                format!("`{host}` means `{full}` here, which clients of a gateway hardly send as their host");
            diagnostics
                .note(Code::ShortHost, message)
                .on(&resource.origin, format!("spec.hosts[{index}]"))
                .help("write the host name that clients use");
        }
    }
}
