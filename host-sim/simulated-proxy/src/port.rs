//! Which listener a URL means, and so which Gateway port.

use std::fmt;

use fingerpost_config_compiler::{ListenerSummary, Summary};

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

/// Why a listener gets the request. Shown behind the listener's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerReason {
    /// `--port` names its port.
    Option(u32),
    /// The URL names its port.
    Url(u32),
    /// It has the port of the URL's scheme. `unknown` is a port of the URL that no listener has.
    Scheme {
        /// The scheme.
        scheme: Scheme,
        /// The port of the URL.
        unknown: Option<u32>,
    },
    /// The input has no other. `unknown` is a port of the URL that it does not have.
    Only {
        /// The port of the URL.
        unknown: Option<u32>,
    },
    /// The URL has neither a scheme nor a port.
    Default(u32),
}

impl fmt::Display for ListenerReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(port) => write!(f, "chosen by --port {port}"),
            Self::Url(port) => write!(f, "chosen by port {port} of the URL"),
            Self::Scheme {
                scheme,
                unknown: None,
            } => write!(f, "chosen by the scheme {}", scheme.as_str()),
            Self::Scheme {
                scheme,
                unknown: Some(port),
            } => write!(
                f,
                "chosen by the scheme {}: no listener has port {port}, as behind a load balancer or port-forward",
                scheme.as_str()
            ),
            Self::Only { unknown: None } => f.write_str("the only listener"),
            Self::Only { unknown: Some(port) } => write!(f, "the only listener; none has port {port}"),
            Self::Default(port) => write!(
                f,
                "chosen by default: the URL has no scheme, which means port {port}"
            ),
        }
    }
}

/// The listener that a URL means: the one with its port, else that of its scheme, else the only one. None if several are
/// left, or if no listener has the port that `--port` names.
pub fn listener(
    option: Option<u32>,
    written: Option<u32>,
    scheme: Option<Scheme>,
    summary: &Summary,
) -> Option<(&ListenerSummary, ListenerReason)> {
    let all = &summary.listeners;
    let with = |port: u32| with_port(port, summary);
    if let Some(port) = option {
        return Some((with(port)?, ListenerReason::Option(port)));
    }
    if let Some((found, port)) = written.and_then(|port| Some((with(port)?, port))) {
        return Some((found, ListenerReason::Url(port)));
    }
    if let Some(scheme) = scheme
        && let Some(found) = with(scheme.port())
    {
        let unknown = written.filter(|it| *it != scheme.port());
        return Some((found, ListenerReason::Scheme { scheme, unknown }));
    }
    if let [only] = all.as_slice() {
        return Some((only, ListenerReason::Only { unknown: written }));
    }
    [80, 443]
        .into_iter()
        .filter(|_| scheme.is_none())
        .find_map(|port| Some((with(port)?, ListenerReason::Default(port))))
}

/// The Gateway port that a URL means: that of its listener; if no listener fits, its own or that of its scheme.
///
/// # Errors
/// The port has more than 16 bits.
pub fn port(written: Option<u32>, scheme: Option<Scheme>, summary: &Summary) -> Result<u16, InvalidPort> {
    let chosen = match listener(None, written, scheme, summary) {
        Some((listener, _)) => listener.port,
        None => written.unwrap_or_else(|| scheme.unwrap_or(Scheme::Http).port()),
    };
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
    with_port(port, summary).is_some()
}

/// The listener that a connection to this port reaches: a port of the Gateway, or the one that Envoy listens on.
fn with_port(port: u32, summary: &Summary) -> Option<&ListenerSummary> {
    let all = &summary.listeners;
    let declares = all
        .iter()
        .find(|it| it.declared_ports.contains(&port) || it.port == port);
    declares.or_else(|| all.iter().find(|it| it.listen_port == port))
}
