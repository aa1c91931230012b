//! Where Envoy's admin interface listens.
//!
//! Whoever reaches it can stop the proxy and read its whole configuration, so it belongs on the loopback or on a Unix
//! socket.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use fingerpost_envoy_config::core::{Address, Pipe, SocketAddress};

/// Only the user that runs Envoy may connect to the socket.
const OWNER_ONLY: u32 = 0o600;
/// The longest path of a Unix socket in Linux, in bytes: `sun_path` without the closing zero.
const LONGEST_SOCKET: usize = 107;

/// An address of the admin interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminAddress {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Socket(String),
}

/// The text is not an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAdminAddress(String);

impl AdminAddress {
    /// Whether other machines can reach it.
    pub fn is_public(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().is_loopback(),
            Self::Socket(_) => false,
        }
    }

    pub(crate) fn address(&self) -> Address {
        match self {
            Self::Tcp(address) => Address::SocketAddress(SocketAddress {
                address: address.ip().to_string(),
                port_value: address.port().into(),
            }),
            Self::Socket(path) => Address::Pipe(Pipe {
                path: path.clone(),
                mode: OWNER_ONLY,
            }),
        }
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Socket(path) => write!(f, "unix:{path}"),
        }
    }
}

impl FromStr for AdminAddress {
    type Err = InvalidAdminAddress;

    /// Reads `127.0.0.1:15000`, `[::1]:15000`, `localhost:15000` or `unix:/run/envoy/admin.sock`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| InvalidAdminAddress(reason);
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.len() {
                0 => Err(invalid("unix: needs the path of a socket".to_owned())),
                1..=LONGEST_SOCKET => Ok(Self::Socket(path.to_owned())),
                length => Err(invalid(format!(
                    "the path of a socket has at most {LONGEST_SOCKET} bytes, this one has {length}"
                ))),
            };
        }
        if let Some(port) = text.strip_prefix("localhost:")
            && let Ok(port) = port.parse()
        {
            return Ok(Self::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            invalid(format!(
                "invalid address `{text}`: expected IP:PORT, such as 127.0.0.1:15000, or unix:PATH"
            ))
        })
    }
}

impl fmt::Display for InvalidAdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidAdminAddress {}

#[cfg(test)]
mod tests {
    use super::AdminAddress;

    #[test]
    fn an_address_is_public_unless_it_is_of_this_machine() {
        for (text, is_public) in [
            ("127.0.0.1:15000", false),
            ("127.9.9.9:1", false),
            ("localhost:9901", false),
            ("[::1]:15000", false),
            ("unix:/run/admin.sock", false),
            ("0.0.0.0:15000", true),
            ("[::]:15000", true),
            ("10.0.0.1:15000", true),
        ] {
            let address: AdminAddress = text.parse().expect("an address");
            assert_eq!(address.is_public(), is_public, "{text}");
        }
    }

    #[test]
    fn what_envoy_can_not_listen_on_is_refused() {
        let long = format!("unix:/{}", "a".repeat(107));
        for text in [
            "",
            "15000",
            "example.com:80",
            "127.0.0.1",
            "127.0.0.1:70000",
            "unix:",
            &long,
        ] {
            assert!(text.parse::<AdminAddress>().is_err(), "{text}");
        }
    }
}
