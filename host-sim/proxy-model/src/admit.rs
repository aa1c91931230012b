//! What Envoy's codec and connection manager do to a request before the first filter sees it.
//!
//! Decides what is refused, what is lost at the edge, and what is added. It covers a gateway's listener: the client
//! is external, its address is the connection's, the path is normalised.

use fingerpost_envoy_http::{MOST_HEADER_BYTES, TOO_MANY_HEADERS, is_authority_byte, is_method};

use crate::connection::Connection;
use crate::fields::{self, Nominated};
use crate::headers::{HeaderMap, Headers, add, get, remove, set};
use crate::outcome::Skipped;
use crate::path::normalise;
use crate::request::{Request, Version};
use crate::route_match::without_query;
use crate::target::{Target, can_be_connected};
use crate::upgrade;

/// What becomes of a request on its way to the filters.
#[derive(Debug, PartialEq)]
pub(crate) enum Admission {
    /// It reaches the filters like this.
    Admitted { headers: Headers, has_body: bool },
    /// The codec refuses it, and says so in words.
    Unreadable(u16, &'static str),
    /// The connection manager refuses it as it came, without words.
    Refused {
        status: u16,
        /// Envoy's name for the reason.
        details: &'static str,
        headers: Headers,
        has_body: bool,
    },
}

/// What a connection manager is set to.
#[derive(Debug)]
pub(crate) struct Edge {
    /// Headers that are removed before anything else looks at them.
    pub(crate) removed_early: Vec<String>,
    /// Whether a target with a fragment is refused; else the fragment is cut off.
    pub(crate) refuses_fragments: bool,
}

const MALFORMED: Admission = Admission::Unreadable(400, "Bad Request");
/// No gateway sets `accept_http_10`.
const LOW_VERSION: Admission = Admission::Unreadable(426, "Upgrade Required");
const TOO_LARGE: Admission = Admission::Unreadable(431, "Request Header Fields Too Large");

/// The client's address, for want of a connection.
pub(crate) const CLIENT: &str = "127.0.0.1";

/// In a forwarded request, in place of the random `x-request-id` that Envoy would make.
pub const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// Checks and normalises `request`.
pub(crate) fn admit(
    request: &Request,
    connection: &Connection<'_>,
    edge: &Edge,
) -> Result<Admission, Skipped> {
    let method = request.method.as_str();
    let is_connect = method == "CONNECT";
    if request.version == Version::Http2 && (!request.path.is_ascii() || request.authority.contains('@')) {
        return Err(Skipped::because(
            "a target that is no URL's is not modelled in HTTP/2",
        ));
    }
    // HTTP/2 has no list of methods.
    let is_known = request.version == Version::Http2 || is_method(method.as_bytes());
    let target = Target::read(request).filter(|_| is_known);
    let (Some(target), Some(fields)) = (target, fields::read(&request.headers)) else {
        return Ok(MALFORMED);
    };
    let is_readable = !is_connect || can_be_connected(target.authority);
    let wants_tls = target.is_https && connection.scheme() == "http";
    // What is wrong with the target comes first.
    if request.version == Version::Http10 && is_readable && !wants_tls {
        return Ok(LOW_VERSION);
    }
    if fields.len() >= TOO_MANY_HEADERS || size(request) > MOST_HEADER_BYTES {
        return match request.version {
            Version::Http10 | Version::Http11 => Ok(TOO_LARGE),
            Version::Http2 => Err(Skipped::because(
                "headers that are too large for HTTP/2 are not modelled",
            )),
        };
    }
    let mut headers = Headers::with_capacity(fields.len() + 10);
    headers.push((b":authority".to_vec(), target.authority.as_bytes().to_vec()));
    if !is_connect {
        headers.push((b":path".to_vec(), Vec::new()));
    }
    headers.push((b":method".to_vec(), method.as_bytes().to_vec()));
    headers.push((b":scheme".to_vec(), connection.scheme().as_bytes().to_vec()));
    for (name, value) in fields {
        match name.as_str() {
            "content-length" if !is_length(&value) || get(&headers, &name).is_some() => {
                return Ok(MALFORMED);
            }
            "host" if target.is_absolute => {}
            "host" => {
                // A second one is read as one text with the first.
                let first = get(&headers, ":authority").filter(|it| !it.is_empty());
                let both: Vec<&[u8]> = first.into_iter().chain([value.as_bytes()]).collect();
                let both = both.join(&b","[..]);
                set(&mut headers, ":authority", both);
            }
            // RFC 9113, 8.2.3: what HTTP/2 splits is joined before anyone else sees it.
            "cookie" if request.version == Version::Http2 && get(&headers, "cookie").is_some() => {
                let first = get(&headers, "cookie").unwrap_or_default();
                let both = [first, value.as_bytes()].join(&b"; "[..]);
                set(&mut headers, "cookie", both);
            }
            _ => add(&mut headers, HeaderMap::Request, &name, value.as_bytes()),
        }
    }
    upgrade::forget_http2(&mut headers);
    if let Some(refused) = check_framing(&mut headers, is_connect) {
        return Ok(refused);
    }
    if !is_readable {
        return Ok(MALFORMED);
    }
    if !get(&headers, ":authority")
        .unwrap_or_default()
        .iter()
        .all(|it| is_authority_byte(*it))
    {
        return Ok(MALFORMED);
    }
    let lacks_host = match upgrade::wanted(&headers) {
        // Whoever upgrades may name in `connection` what they like.
        Some(_) => false,
        None => match fields::sanitise_connection(&mut headers) {
            Nominated::Removed => false,
            Nominated::Host => !target.is_absolute,
            Nominated::Forbidden => return Ok(MALFORMED),
        },
    };
    if wants_tls {
        return Ok(Admission::Unreadable(403, "Forbidden"));
    }
    let is_chunked = get(&headers, "transfer-encoding").is_some();
    let needs_a_length = matches!(method, "POST" | "PUT" | "PATCH");
    if needs_a_length
        && request.version != Version::Http2
        && !is_chunked
        && get(&headers, "content-length").is_none()
    {
        add(&mut headers, HeaderMap::Request, "content-length", b"0");
    }
    let has_body = is_chunked || get(&headers, "content-length").is_some_and(|it| it != b"0");
    let refused = |status, details, headers| Admission::Refused {
        status,
        details,
        headers: as_it_came(headers, &target, request.version),
        has_body,
    };
    if lacks_host {
        remove(&mut headers, ":authority");
        return Ok(refused(400, "missing_host_header", headers));
    }
    if method == "QUERY" && get(&headers, "content-type").is_none() {
        return Ok(refused(400, "query_missing_content_type", headers));
    }
    for name in &edge.removed_early {
        remove(&mut headers, name);
    }
    let mut path = target.path;
    if !path.starts_with(b"/") && !is_connect {
        return Ok(refused(404, "absolute_path_rejected", headers));
    }
    if let Some(hash) = path.iter().position(|byte| *byte == b'#') {
        if edge.refuses_fragments {
            return Ok(refused(400, "path_normalization_failed", headers));
        }
        path = &path[..hash];
    }
    if without_query(path).windows(3).any(|it| it == b"%00") {
        return Ok(refused(400, "path_normalization_failed", headers));
    }
    if !is_connect {
        set(&mut headers, ":path", normalise(path));
    }
    fields::strip(&mut headers);
    for (name, value) in [
        ("x-forwarded-proto", connection.scheme()),
        ("x-envoy-external-address", CLIENT),
        ("x-request-id", REQUEST_ID),
    ] {
        set(&mut headers, name, value);
    }
    // Behind what the client says itself: no proxy in front of a gateway is trusted, but none is silenced either.
    add(
        &mut headers,
        HeaderMap::Request,
        "x-forwarded-for",
        CLIENT.as_bytes(),
    );
    Ok(Admission::Admitted { headers, has_body })
}

/// Refuses a request of which nobody knows for certain where it ends (RFC 9112, 6.3).
fn check_framing(headers: &mut Headers, is_connect: bool) -> Option<Admission> {
    let encoding = get(headers, "transfer-encoding");
    match (encoding, get(headers, "content-length")) {
        (Some(_), Some(_)) => Some(MALFORMED),
        (Some(encoding), None) => {
            let is_known = encoding.eq_ignore_ascii_case(b"chunked") && !is_connect;
            (!is_known).then_some(Admission::Unreadable(501, "Not Implemented"))
        }
        (None, Some(length)) if is_connect => {
            let is_empty = length == b"0";
            remove(headers, "content-length");
            (!is_empty).then_some(MALFORMED)
        }
        (None, _) => None,
    }
}

/// The headers before the path is normalised and the scheme known, which in HTTP/1 a URL alone tells.
fn as_it_came(mut headers: Headers, target: &Target<'_>, version: Version) -> Headers {
    match (target.is_absolute, target.is_https) {
        (false, _) if version == Version::Http2 => {}
        (false, _) => remove(&mut headers, ":scheme"),
        (true, is_https) => set(&mut headers, ":scheme", if is_https { "https" } else { "http" }),
    }
    set(&mut headers, ":path", target.path);
    headers
}

fn size(request: &Request) -> usize {
    let fields = request
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len());
    request.path.len() + request.authority.len() + fields.sum::<usize>()
}

/// Whether the text is a number that Envoy takes for a length. Nobody sends more than those digits can say.
fn is_length(text: &str) -> bool {
    (1..=18).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit())
}
