//! TCP and TLS rules by which connections don't go as it seems.
//!
//! Of a match Istio looks at the port and the Gateway alone, and for TLS at the server names (istio
//! `pilot/pkg/networking/core/gateway.go`, `l4SingleMatch`). Server names are not compared with the Gateway's hosts:
//! `buildGatewayNetworkFiltersFromTLSRoutes` compares the hosts of the VirtualService.

use fingerpost_resources::{Code, Diagnostics, Resource, VirtualService, name_list};

use crate::gateways::{BoundServer, MergedListener};
use crate::host;
use crate::listeners::BuiltListener;
use crate::mesh::Mesh;
use crate::protocol::Termination;
use crate::services::ClusterRef;
use crate::tcp::TcpChain;
use crate::virtual_services::BoundVirtualService;

/// Ports of protocols in which the server speaks first, whatever they are called: SMTP and MySQL (Istio's documentation, "Server
/// First Protocols").
const SERVER_SPEAKS_FIRST: [u32; 2] = [25, 3306];

/// Reports conditions on who connects, and on the address that is connected to: they exclude no connection.
pub(super) fn conditions(service: &BoundVirtualService<'_>, diagnostics: &mut Diagnostics) {
    // Sidecars look at them.
    if service.gateways.iter().any(|it| it == "mesh") {
        return;
    }
    let resource = service.resource;
    let mut report = |path: String, fields: &[(&str, bool)]| {
        for (field, _) in fields.iter().filter(|(_, is_given)| *is_given) {
            without_effect(resource, &path, field, diagnostics);
        }
    };
    for (rule, route) in resource.spec.tcp.iter().enumerate() {
        for (index, it) in route.matches.iter().enumerate() {
            let fields = [
                ("destinationSubnets", !it.destination_subnets.is_empty()),
                ("sourceSubnet", !it.source_subnet.is_empty()),
                ("sourceLabels", !it.source_labels.is_empty()),
                ("sourceNamespace", !it.source_namespace.is_empty()),
            ];
            report(format!("spec.tcp[{rule}].match[{index}]"), &fields);
        }
    }
    for (rule, route) in resource.spec.tls.iter().enumerate() {
        for (index, it) in route.matches.iter().enumerate() {
            let fields = [
                ("destinationSubnets", !it.destination_subnets.is_empty()),
                ("sourceLabels", !it.source_labels.is_empty()),
                ("sourceNamespace", !it.source_namespace.is_empty()),
            ];
            report(format!("spec.tls[{rule}].match[{index}]"), &fields);
        }
    }
}

fn without_effect(
    resource: &Resource<VirtualService>,
    path: &str,
    field: &str,
    diagnostics: &mut Diagnostics,
) {
    let help = if field == "sourceSubnet" {
        "to admit some addresses only, set `loadBalancerSourceRanges` of the Service of the gateway, or write a NetworkPolicy"
    } else {
        "remove it, and tell connections apart by port, Gateway or server name"
    };
    let message = format!(
        "{field} does nothing on a gateway: Istio looks at the port and the Gateway alone, so the rule also takes connections that do not fit it"
    );
    diagnostics
        .warn(Code::NoEffect, message)
        .on(&resource.origin, format!("{path}.{field}"))
        .help(help);
}

/// Reports server names that no server on the port has among its hosts.
pub(super) fn server_names(
    built: &BuiltListener<'_>,
    merged: &MergedListener<'_>,
    diagnostics: &mut Diagnostics,
) {
    let hosts: Vec<&str> = merged
        .servers()
        .flat_map(|it| &it.hosts)
        .map(|it| host::without_namespace(it))
        .collect();
    let passed = built
        .tcp
        .iter()
        .filter(|it| it.termination == Termination::Passthrough);
    for chain in passed {
        let everything = ["*".to_owned()];
        let names = match chain.server_names.as_slice() {
            [] => everything.as_slice(),
            names => names,
        };
        let is_outside = |name: &&String| !hosts.iter().any(|it| host::is_covered_by(name, it));
        let outside: Vec<&str> = names.iter().filter(is_outside).map(String::as_str).collect();
        if outside.is_empty() {
            continue;
        }
        let message = format!(
            "the Gateway has other hosts than {} ({}), and the connections are served all the same: Istio compares its hosts with those of the VirtualService, not with `sniHosts`",
            name_list(&outside, "and"),
            name_list(&hosts, "and")
        );
        diagnostics
            .warn(Code::ServerNameOutsideGateway, message)
            .on(&chain.resource.origin, format!("{}.sniHosts", chain.path))
            .help("name the same hosts in the Gateway, or narrow `hosts` of the VirtualService");
    }
}

/// Reports a server for a protocol in which the upstream speaks first, on a port that takes TLS too: Envoy waits for the client there.
pub(super) fn waiting(
    built: &BuiltListener<'_>,
    merged: &MergedListener<'_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    if built.envoy.listener_filters.is_empty() {
        return;
    }
    let plain = |it: &&BoundServer<'_>| it.termination == Termination::Tcp;
    let chain = built.tcp.iter().find(|it| it.termination == Termination::Tcp);
    let (Some(server), Some(chain)) = (merged.servers().find(plain), chain) else {
        return;
    };
    let is_mysql = |it: &BoundServer<'_>| {
        let port = it.server.port.as_ref();
        port.is_some_and(|it| it.protocol.eq_ignore_ascii_case("MYSQL"))
    };
    if !is_mysql(server) && !leads_to_one_that_speaks_first(chain, mesh) {
        return;
    }
    let message = format!(
        "the server of this protocol speaks first, but port {} takes TLS too: Envoy waits for the first bytes of the client, and closes the connection after 15 s",
        server.declared_port
    );
    diagnostics
        .warn(Code::ServerSpeaksFirst, message)
        .on(
            &server.gateway.origin,
            format!("spec.servers[{}].port", server.index),
        )
        .help("give it a port without TLS");
}

fn leads_to_one_that_speaks_first(chain: &TcpChain<'_>, mesh: &Mesh<'_>) -> bool {
    let speaks_first = |cluster: &ClusterRef| {
        let service = mesh.services.find(&cluster.hostname, "");
        let port = service.and_then(|it| it.port(cluster.port));
        SERVER_SPEAKS_FIRST.contains(&cluster.port) || port.is_some_and(|it| it.name.starts_with("mysql"))
    };
    chain.shares.iter().any(|(cluster, _)| speaks_first(cluster))
}
