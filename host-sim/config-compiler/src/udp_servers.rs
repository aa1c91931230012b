//! Servers of Gateways with protocol UDP, which carry TCP.
//!
//! Decides nothing: Istio opens a listener for TCP for every server without HTTP (istio `gateway.go`,
//! `createGatewayTCPFilterChainOpts`), and no datagram reaches it.

use fingerpost_resources::{Code, Diagnostics};

use crate::gateways::MergedListener;
use crate::protocol::Protocol;

/// Reports each of them.
pub(crate) fn check(listeners: &[MergedListener<'_>], diagnostics: &mut Diagnostics) {
    for server in listeners.iter().flat_map(MergedListener::servers) {
        let protocol = server.server.port.as_ref().map_or("", |port| &port.protocol);
        if Protocol::parse(protocol) != Protocol::Udp {
            continue;
        }
        diagnostics
            .warn(
                Code::UdpServer,
                format!(
                    "Istio's gateways do not route UDP: port {} accepts TCP connections, and datagrams are lost",
                    server.declared_port
                ),
            )
            .on(
                &server.gateway.origin,
                format!("spec.servers[{}].port.protocol", server.index),
            )
            .help("write `protocol: TCP` if the clients speak TCP");
    }
}
