//! What Envoy's codec and connection manager do to a request before the first filter sees it.
//!
//! Decides what is refused, what is lost at the edge, and what is added. It covers a gateway's listener: the client
//! is external, its address is the connection's, the path is normalised.

use crate::connection::Connection;
use crate::headers::{Headers, Side, add, remove, set};
use crate::outcome::Skipped;
use crate::path::normalise;
use crate::request::Request;

/// What becomes of a request on its way to the filters.
#[derive(Debug, PartialEq)]
pub(crate) enum Admission {
    /// It reaches the filters like this.
    Admitted(Headers),
    /// The codec can't read it: 400 with the text `Bad Request`.
    Malformed,
    /// The connection manager refuses it with this status and no text.
    Refused(u16),
}

/// What a connection manager is set to.
#[derive(Debug)]
pub(crate) struct Edge {
    /// Headers that are removed before anything else looks at them.
    pub(crate) removed_early: Vec<String>,
    /// Whether a target with a fragment is refused; else the fragment is cut off.
    pub(crate) refuses_fragments: bool,
}

/// Checks and normalises `request`.
pub(crate) fn admit(
    request: &Request,
    connection: &Connection<'_>,
    edge: &Edge,
) -> Result<Admission, Skipped> {
    if request.method == "CONNECT" {
        return Err(Skipped::because("CONNECT is not modelled"));
    }
    if !METHODS.contains(&request.method.as_str()) || !request.headers.iter().all(is_readable) {
        return Ok(Admission::Malformed);
    }
    let Some(target) = Target::read(request) else {
        return Ok(Admission::Malformed);
    };
    let mut headers = Headers::with_capacity(request.headers.len() + 8);
    headers.push((b":authority".to_vec(), target.authority.to_vec()));
    headers.push((b":path".to_vec(), Vec::new()));
    headers.push((b":method".to_vec(), request.method.clone().into_bytes()));
    headers.push((b":scheme".to_vec(), connection.scheme().as_bytes().to_vec()));
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if BODY.contains(&name.as_str()) {
            return Err(Skipped::because(
                "a request that frames its body itself is not modelled",
            ));
        }
        add(&mut headers, Side::Request, &name, trimmed(value).as_bytes());
    }
    if crate::headers::get(&headers, "upgrade").is_some() {
        return Err(Skipped::because("upgrades are not modelled"));
    }
    if matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        add(&mut headers, Side::Request, "content-length", b"0");
    }
    for name in &edge.removed_early {
        remove(&mut headers, name);
    }
    let mut path = target.path;
    if let Some(hash) = path.iter().position(|byte| *byte == b'#') {
        if edge.refuses_fragments {
            return Ok(Admission::Refused(400));
        }
        path = &path[..hash];
    }
    if path.windows(3).any(|it| it == b"%00") {
        return Ok(Admission::Refused(400));
    }
    set(&mut headers, ":path", normalise(path));
    for name in STRIPPED {
        remove(&mut headers, name);
    }
    for (name, value) in [
        ("x-forwarded-proto", connection.scheme()),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-envoy-external-address", "127.0.0.1"),
        ("x-request-id", "00000000-0000-4000-8000-000000000000"),
    ] {
        set(&mut headers, name, value);
    }
    Ok(Admission::Admitted(headers))
}

/// The target, apart: `http://a/b` names the authority anew (RFC 9112, 3.2.2).
struct Target<'r> {
    authority: &'r [u8],
    path: &'r [u8],
}

impl<'r> Target<'r> {
    fn read(request: &'r Request) -> Option<Self> {
        let target = request.path.as_bytes();
        if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        if target.starts_with(b"/") {
            return Some(Self {
                authority: trimmed(&request.authority).as_bytes(),
                path: target,
            });
        }
        let (scheme, rest) = request.path.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        Some(Self {
            authority: authority.as_bytes(),
            path: if path.is_empty() { b"/" } else { path.as_bytes() },
        })
    }
}

fn is_readable((name, value): &(String, String)) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_text = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    !name.is_empty() && name.bytes().all(is_token) && value.bytes().all(is_text)
}

fn trimmed(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// How a body is framed; the model sends none.
const BODY: &[&str] = &["content-length", "transfer-encoding", "host"];

/// The methods that Envoy's parser knows.
const METHODS: &[&str] = &[
    "ACL",
    "BIND",
    "CHECKOUT",
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
    "M-SEARCH",
    "NOTIFY",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
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

/// At the edge no client may set these. Tried with 1.40.
const STRIPPED: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
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
