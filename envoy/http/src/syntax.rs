//! Which requests Envoy's HTTP/1 codec takes: their methods, authorities and size. Names and values are in [`crate::header`].
//!
//! The methods are those of `source/common/http/http1/balsa_parser.cc`, what an authority may have is
//! `source/common/http/header_utility.cc`, and the limits are Envoy's defaults. All were tried in a stock Envoy 1.40.

/// The most headers that a request may have, its host among them.
pub(crate) const MOST_HEADERS: usize = 100;

/// The most bytes that the head of a message may have: request line, headers and line ends.
pub(crate) const MOST_HEADER_BYTES: usize = 60 * 1024;

/// Whether Envoy's parser knows the method.
#[must_use]
pub fn is_method(method: &[u8]) -> bool {
    METHODS.iter().any(|known| known.as_bytes() == method)
}

/// Whether a byte may be part of an authority (RFC 3986, 3.2).
#[must_use]
pub fn is_authority_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%[]".contains(&byte)
}

const METHODS: &[&str] = &[
    "ACL",
    "BIND",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
];
