//! Ports, hosts and certificates of Gateways by which clients don't come as it seems.

use fingerpost_resources::{Code, Diagnostics};

use crate::gateways::{BoundServer, MergedListener};
use crate::mesh::Mesh;
use crate::protocol::Termination;
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

/// Reports servers of one port with one certificate and other hosts: browsers use one connection for both.
pub(super) fn shared_certificates(listeners: &[MergedListener<'_>], diagnostics: &mut Diagnostics) {
    for listener in listeners {
        let mut earlier: Vec<(&str, &BoundServer<'_>)> = Vec::new();
        let servers = listener
            .servers()
            .filter(|it| it.termination == Termination::Https);
        for server in servers {
            let name = server
                .server
                .tls
                .as_ref()
                .map_or("", |it| it.credential_name.as_str());
            if name.is_empty() || server.hosts.iter().any(|it| it.contains('*')) {
                continue;
            }
            if let Some((_, first)) = earlier.iter().find(|(known, _)| *known == name) {
                let message = format!(
                    "server `{}` of Gateway {} has the certificate `{name}` too: over HTTP/2 browsers use one connection for the hosts of a certificate, and get 404 for those of the other server",
                    first.server.port.as_ref().map_or("", |it| &it.name),
                    first.gateway_name()
                );
                diagnostics
                    .note(Code::SharedCertificate, message)
                    .on(
                        &server.gateway.origin,
                        format!("spec.servers[{}].tls.credentialName", server.index),
                    )
                    .help("put the hosts into one server, or give each its own certificate");
            } else {
                earlier.push((name, server));
            }
        }
    }
}
