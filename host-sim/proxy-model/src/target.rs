//! The request target, apart: `http://a/b` names the authority anew (RFC 9112, 3.2.2).

use std::net::IpAddr;

use crate::fields;
use crate::request::Request;

/// What a target says.
pub(crate) struct Target<'r> {
    pub(crate) authority: &'r str,
    /// What a URL has after its authority; without a slash at its start nothing is routed. CONNECT has none.
    pub(crate) path: &'r [u8],
    pub(crate) is_absolute: bool,
    /// Whether it is a URL that asks for TLS.
    pub(crate) is_https: bool,
}

impl<'r> Target<'r> {
    /// The target of a request; nothing if Envoy can't read it.
    pub(crate) fn read(request: &'r Request) -> Option<Self> {
        let target = request.path.as_str();
        if target.is_empty() || !target.bytes().all(|it| it.is_ascii_graphic()) {
            return None;
        }
        if request.method == "CONNECT" {
            return Some(Self {
                authority: target,
                path: b"",
                is_absolute: true,
                is_https: false,
            });
        }
        if target.starts_with('/') || (request.method == "OPTIONS" && target.starts_with('*')) {
            return Some(Self {
                authority: fields::trimmed(&request.authority),
                path: target.as_bytes(),
                is_absolute: false,
                is_https: false,
            });
        }
        let (scheme, rest) = target.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let authority = without_user(authority)?;
        (matches!(scheme.as_str(), "http" | "https") && is_authority(authority)).then_some(Self {
            authority,
            path: if path.is_empty() { b"/" } else { path.as_bytes() },
            is_absolute: true,
            is_https: scheme == "https",
        })
    }
}

/// Whether CONNECT may name this: nothing but a name and a port.
pub(crate) fn can_be_connected(authority: &str) -> bool {
    is_authority(authority) && !authority.ends_with(']') && authority.contains(':')
}

fn without_user(authority: &str) -> Option<&str> {
    match authority.split_once('@') {
        None => Some(authority),
        Some((user, authority)) => user.bytes().all(names_a_user).then_some(authority),
    }
}

fn names_a_user(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()%;:&=+$,".contains(&byte)
}

/// Whether a URL may have this authority: a name without underscores or an address in brackets, and a port or none. An
/// address with a zone counts as none: which zones there are is the machine's affair.
fn is_authority(text: &str) -> bool {
    let (is_host, port) = match text.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((address, port)) => (address.parse::<IpAddr>().is_ok(), port),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (!name.is_empty() && name.bytes().all(names_a_host), port)
        }
    };
    let is_port = |it: &str| it.bytes().all(|it| it.is_ascii_digit()) && it.parse::<u16>().is_ok();
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn names_a_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.".contains(&byte)
}
