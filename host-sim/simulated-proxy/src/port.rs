//! Which Gateway port a URL means.

use std::fmt;

use fingerpost_config_compiler::Summary;

use crate::url::Scheme;

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
    let known = |port: &u32| {
        listeners
            .iter()
            .any(|it| it.port == *port || it.listen_port == *port)
    };
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
