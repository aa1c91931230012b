//! Which Gateway port a URL means.

use std::fmt;

use fingerpost_config_compiler::Summary;

use crate::url::{Scheme, Url, host_of};

/// A port of a listener that no connection can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPort(pub u32);

impl fmt::Display for InvalidPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid port {}: expected a number from 1 to 65535", self.0)
    }
}

impl std::error::Error for InvalidPort {}

/// The Gateway port that a URL means: its own, else its scheme's, else that of the only listener.
///
/// # Errors
/// The port has more than 16 bits.
pub fn port(written: Option<u32>, scheme: Option<Scheme>, summary: &Summary) -> Result<u16, InvalidPort> {
    let listeners = &summary.listeners;
    let known = |port: &u32| is_served(*port, summary);
    let by_scheme = scheme.map(Scheme::port);
    let only = match listeners.as_slice() {
        [only] => Some(only.port),
        _ => None,
    };
    let chosen = written
        .filter(known)
        .or(by_scheme.filter(known))
        .or(only)
        .or(by_scheme)
        .unwrap_or(80);
    u16::try_from(chosen).map_err(|_| InvalidPort(chosen))
}

/// A port in a URL that no Gateway serves. The [`port`] function then takes another, as a port-forward would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnservedPort {
    /// The port in the URL.
    pub port: u32,
    /// The ports that there are.
    pub served: Vec<u32>,
}

impl fmt::Display for UnservedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let served: Vec<String> = self.served.iter().map(u32::to_string).collect();
        write!(
            f,
            "no Gateway serves port {}, so curl would get `connection refused` unless a port-forward or load balancer \
             takes it to port {}",
            self.port,
            served.join(" or ")
        )
    }
}

/// The port in a URL if no Gateway serves it, and some serve others. A URL of this machine is one of a port-forward.
#[must_use]
pub fn unserved_port(url: &Url, summary: &Summary) -> Option<UnservedPort> {
    let port = url.port().filter(|port| !is_served(*port, summary))?;
    let mut served: Vec<u32> = summary
        .listeners
        .iter()
        .flat_map(|it| it.declared_ports.iter().copied())
        .collect();
    served.sort_unstable();
    served.dedup();
    let host = host_of(&url.authority);
    let is_local = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    (!served.is_empty() && !is_local).then_some(UnservedPort { port, served })
}

/// Whether a connection to this port reaches a listener.
#[must_use]
pub fn is_served(port: u32, summary: &Summary) -> bool {
    let mut listeners = summary.listeners.iter();
    listeners.any(|it| it.declared_ports.contains(&port) || it.port == port || it.listen_port == port)
}
