//! Servers of Gateways that carry bytes and that no VirtualService has a route for: they open no listener.
//!
//! Decides nothing: `listeners` leaves them out as Istio does, which makes filter chains only from rules
//! (istio `pilot/pkg/networking/core/gateway.go`, `createGatewayTCPFilterChainOpts`).

use fingerpost_resources::Diagnostics;

use crate::gateways::{BoundServer, MergedListener};
use crate::mesh::Mesh;
use crate::protocol::Termination;
use crate::tcp;
use crate::virtual_services::BoundService;

/// Reports each of them, and which rules would open its port.
pub(crate) fn check(
    listeners: &[MergedListener<'_>],
    services: &[BoundService<'_>],
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for server in listeners.iter().flat_map(MergedListener::servers) {
        let Some(rules) = missing_rules(server, services, mesh) else {
            continue;
        };
        let protocol = server.server.port.as_ref().map_or("", |port| &port.protocol);
        let message = format!(
            "nothing listens on port {} for this server: no VirtualService of Gateway `{}` has a `{rules}` rule for it, and {protocol} servers use no `http` rules",
            server.declared_port,
            server.gateway_name(),
        );
        let help = match server.termination {
            Termination::Passthrough => {
                "add a `tls` rule with `sniHosts`, or end TLS here for `http` rules: protocol HTTPS, and a `tls.mode` that is not PASSTHROUGH"
            }
            Termination::TlsToTcp => "add a `tcp` rule, or use protocol HTTPS for `http` rules",
            Termination::Tcp | Termination::PlainHttp | Termination::Https => {
                "add a `tcp` rule, or use protocol HTTP for `http` rules"
            }
        };
        diagnostics
            .warn("server-without-route", message)
            .on(
                &server.gateway.origin,
                format!("spec.servers[{}].port.protocol", server.index),
            )
            .help(help);
    }
}

/// The kind of rule that the server needs, where it has none.
fn missing_rules(
    server: &BoundServer<'_>,
    services: &[BoundService<'_>],
    mesh: &Mesh<'_>,
) -> Option<&'static str> {
    match server.termination {
        Termination::PlainHttp | Termination::Https => None,
        Termination::Passthrough if server.is_auto_passthrough() => None,
        Termination::Passthrough => {
            // Names that another server took first do not count: then its listener serves them.
            let chains = tcp::routed_by_name(server, services, mesh, &mut Vec::new());
            chains.is_empty().then_some("tls")
        }
        Termination::TlsToTcp | Termination::Tcp => {
            let chain = tcp::routed_by_port(server, services, mesh);
            chain.is_none().then_some("tcp")
        }
    }
}
