//! Addresses as Envoy writes them: an IP address or a name with a port, or a Unix socket.
//!
//! Source: istio `pilot/pkg/networking/util/util.go`, `BuildAddress`.

use fingerpost_envoy_config::core::{Address, Pipe, SocketAddress};

/// What the address of a Unix socket starts with in Istio's resources.
pub(crate) const SOCKET: &str = "unix://";

/// An Envoy `Address`. A Unix socket has no port.
pub(crate) fn address(text: &str, port: u32) -> Address {
    match text.strip_prefix(SOCKET) {
        Some(path) => pipe(path),
        None => Address::SocketAddress(SocketAddress {
            address: text.to_owned(),
            port_value: port,
        }),
    }
}

/// The `Address` of the Unix socket at this path.
pub(crate) fn pipe(path: &str) -> Address {
    Address::Pipe(Pipe {
        path: path.to_owned(),
        mode: 0,
    })
}
