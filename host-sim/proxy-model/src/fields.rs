//! Header fields as a client sends them: what can be read, and what is lost at the edge.

use std::borrow::Cow;

use fingerpost_envoy_http::header::{is_token_byte, is_value_byte};

use crate::headers::{Headers, get, remove, set};
use crate::upgrade;

/// Names in lower case and trimmed values, or nothing if one of them can't be read. A line that begins with a blank
/// goes on with the value before it.
pub(crate) fn read(sent: &[(String, String)]) -> Option<Vec<(String, Cow<'_, str>)>> {
    let mut lines: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(sent.len());
    for (name, value) in sent {
        if name.starts_with([' ', '\t']) {
            let (_, before) = lines.last_mut()?;
            *before = format!("{before}{name}: {value}").into();
        } else {
            lines.push((name, Cow::Borrowed(value)));
        }
    }
    let fields = lines.into_iter().map(|(name, value)| {
        // A colon ends the name, wherever it comes from.
        let (name, value) = match name.split_once(':') {
            None => (name, value),
            Some((name, rest)) => (name, Cow::Owned(format!("{rest}: {value}"))),
        };
        let value = match value {
            Cow::Borrowed(value) => Cow::Borrowed(trimmed(value)),
            Cow::Owned(value) => Cow::Owned(trimmed(&value).to_owned()),
        };
        let is_name = !name.is_empty() && name.bytes().all(is_token_byte);
        (is_name && value.bytes().all(is_value_byte)).then(|| (name.to_ascii_lowercase(), value))
    });
    fields.collect()
}

pub(crate) fn trimmed(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// What the header `connection` asks to be removed, and whether that may be.
pub(crate) enum Nominated {
    /// It is done.
    Removed,
    /// A client has no say in that.
    Forbidden,
    /// Without its host a request is none.
    Host,
}

/// Removes what `connection` names.
pub(crate) fn sanitise_connection(headers: &mut Headers) -> Nominated {
    let named = get(headers, "connection")
        .map(<[u8]>::to_ascii_lowercase)
        .unwrap_or_default();
    let named = String::from_utf8_lossy(&named).into_owned();
    let mut nominated = Nominated::Removed;
    for name in named.split(',').map(str::trim) {
        match name {
            "" | "close" | "keep-alive" | "upgrade" | "te" => {}
            "host" => nominated = Nominated::Host,
            _ if name.starts_with(':') || name.starts_with("x-forwarded-") => {
                return Nominated::Forbidden;
            }
            _ => remove(headers, name),
        }
    }
    nominated
}

/// Removes what no client may say to an edge, and a referer that is none. What is said about the connection itself
/// stays for an upgrade alone, and else of `te` the wish for trailers.
pub(crate) fn strip(headers: &mut Headers) {
    if upgrade::wanted(headers).is_none() {
        let te = String::from_utf8_lossy(get(headers, "te").unwrap_or_default()).into_owned();
        match te.split(',').any(|it| it.trim() == "trailers") {
            true => set(headers, "te", "trailers"),
            false => remove(headers, "te"),
        }
        remove(headers, "connection");
        remove(headers, "upgrade");
    }
    if get(headers, "referer").is_some_and(|it| !refers(it)) {
        remove(headers, "referer");
    }
    for name in STRIPPED {
        remove(headers, name);
    }
}

/// Whether a value is a referer: a URL, or a reference relative to one, and neither with user or fragment.
fn refers(value: &[u8]) -> bool {
    let is_absolute = std::str::from_utf8(value)
        .ok()
        .and_then(|it| it.split_once("://"));
    match is_absolute {
        Some((scheme, rest)) if is_scheme(scheme) && is_hierarchy(rest) => true,
        _ => {
            let first_segment = value.split(|byte| *byte == b'/').next().unwrap_or_default();
            let may_stand =
                |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/?".contains(byte);
            value.iter().all(may_stand) && !first_segment.contains(&b':')
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it))
}

/// An authority without a user, a path and a query.
fn is_hierarchy(text: &str) -> bool {
    let (authority, rest) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_name = !host.is_empty()
        && host
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"-.".contains(&it));
    let is_address = host.starts_with('[') && host.ends_with(']');
    (is_name || is_address)
        && port.is_none_or(|it| it.parse::<u16>().is_ok())
        && rest.bytes().all(|it| it.is_ascii_graphic() && it != b'#')
}

/// At the edge no client may set these. Tried with 1.40.
const STRIPPED: &[&str] = &[
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-max-retries",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-original-url",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
    "x-forwarded-client-cert",
    "x-forwarded-proto",
    "x-request-id",
];
