//! Addresses on which two parts of the proxy would listen: Envoy then does not start.

use std::net::{IpAddr, SocketAddr};

use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_envoy_config::core::Address;
use fingerpost_resources::{Code, Diagnostics};

use super::{AdminAddress, Operations};

/// Reports each address of the operations that a listener of the bootstrap, or the other one, has too.
pub(super) fn check(bootstrap: &Bootstrap, operations: &Operations, diagnostics: &mut Diagnostics) {
    let listeners = bootstrap.static_resources.listeners.iter().filter_map(|it| {
        let address = tcp(&it.address)?;
        Some((format!("the listener {}", it.name), address))
    });
    let mut taken: Vec<(String, SocketAddr)> = listeners.collect();
    let admin = operations.admin.as_ref().and_then(|it| match it {
        AdminAddress::Tcp(address) => Some(*address),
        AdminAddress::Socket(_) => None,
    });
    let wanted = [("readiness", operations.readiness), ("admin", admin)];
    for (option, address) in wanted {
        let Some(address) = address else { continue };
        let other = taken.iter().find(|(_, other)| overlap(*other, address));
        if let Some((other, _)) = other {
            let message = format!(
                "--{option} and {other} would both listen on port {}",
                address.port()
            );
            diagnostics
                .error(Code::EnvoyRefuses, message)
                .help(format!("choose another address with --{option}"));
        }
        taken.push((format!("--{option}"), address));
    }
}

fn tcp(address: &Address) -> Option<SocketAddr> {
    match address {
        Address::SocketAddress(address) => {
            let ip: IpAddr = address.address.parse().ok()?;
            Some(SocketAddr::new(ip, u16::try_from(address.port_value).ok()?))
        }
        Address::Pipe(_) => None,
    }
}

/// Whether a connection could be meant for both. Port 0 is a free one.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() != 0
        && one.port() == other.port()
        && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}
