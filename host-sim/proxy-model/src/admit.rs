//! What Envoy's codec and connection manager do to a request before the first filter sees it.
//!
//! Decides what is refused, what is lost at the edge, and what is added. It covers a gateway's listener: the client
//! is external, its address is the connection's or what trusted proxies say, the path is normalised.

use fingerpost_envoy_http::codec::{Protocol, Received, Refused, decode, is_too_large};
use fingerpost_envoy_http::connection_manager::{check_headers, check_path};
use fingerpost_envoy_http::edge::{Position, strip};
use fingerpost_envoy_http::header_map::{Headers, add, get, remove, set};
use fingerpost_envoy_http::{HeaderMap, forwarded, path};

use crate::connection::Connection;
use crate::http::Edge;
use crate::of_a_run::{CLIENT, REQUEST_ID};
use crate::outcome::Skipped;
use crate::request::{Request, Run, Version};

/// What becomes of a request on its way to the filters.
#[derive(Debug, PartialEq)]
pub(crate) enum Admission {
    /// It reaches the filters like this.
    Admitted { headers: Headers, has_body: bool },
    /// The codec refuses it.
    Unreadable(Refused),
    /// The connection manager refuses it as it came, with an empty body.
    Refused {
        error: Refused,
        headers: Headers,
        has_body: bool,
    },
}

/// Checks and normalises `request`.
pub(crate) fn admit(
    request: &Request,
    connection: &Connection<'_>,
    edge: &Edge,
    run: Option<&Run>,
) -> Result<Admission, Skipped> {
    let received = received(request, connection);
    if request.version == Version::Http2 {
        check_http2(request, &received)?;
    }
    let decoded = match decode(&received) {
        Ok(decoded) => decoded,
        Err(refused) => return Ok(Admission::Unreadable(refused)),
    };
    let mut headers = decoded.headers;
    let is_chunked = get(&headers, "transfer-encoding").is_some();
    // A client sends the length of such a message even if it is empty.
    let needs_a_length = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    if needs_a_length
        && request.version != Version::Http2
        && !is_chunked
        && get(&headers, "content-length").is_none()
    {
        add(&mut headers, HeaderMap::Request, b"content-length", b"0");
    }
    let has_body = is_chunked || get(&headers, "content-length").is_some_and(|it| it != b"0");
    let refused = |error: Refused, headers| {
        Ok(Admission::Refused {
            error,
            headers,
            has_body,
        })
    };
    if let Err(error) = check_headers(&headers) {
        return refused(error, headers);
    }
    for name in &edge.removed_early {
        remove(&mut headers, name);
    }
    if let Some(path) = decoded.target.path {
        match check_path(path, edge.path_rules) {
            Ok(path) => set(&mut headers, ":path", path::normalise(path)),
            Err(error) => return refused(error, headers),
        }
    }
    // Only here is what the client says about itself still there.
    let (forwarded_proto, scheme) = forwarded::schemes(&headers, edge.trusted_hops, connection.scheme());
    let (forwarded_proto, scheme) = (forwarded_proto.to_vec(), scheme.to_vec());
    let client = forwarded::client_address(&headers, edge.trusted_hops);
    let client = client.map_or_else(|| CLIENT.to_owned(), |it| it.to_string());
    strip(&mut headers, Position::Edge);
    for (name, value) in [
        (":scheme", scheme.as_slice()),
        ("x-forwarded-proto", &forwarded_proto),
        ("x-envoy-external-address", client.as_bytes()),
        (
            "x-request-id",
            run.map_or(REQUEST_ID, |it| &it.request_id).as_bytes(),
        ),
    ] {
        set(&mut headers, name, value);
    }
    // After what the client says itself: a gateway that trusts no proxy in front of it removes none either.
    add(
        &mut headers,
        HeaderMap::Request,
        b"x-forwarded-for",
        CLIENT.as_bytes(),
    );
    Ok(Admission::Admitted { headers, has_body })
}

/// The request as a client sends it.
fn received<'r>(request: &'r Request, connection: &Connection<'_>) -> Received<'r> {
    let host = request.authority.as_deref().map(|it| ("host", it));
    let fields = request.headers.iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_str()));
    Received {
        protocol: match request.version {
            Version::Http10 => Protocol::Http10,
            Version::Http11 => Protocol::Http11,
            Version::Http2 => Protocol::Http2,
        },
        over_tls: connection.tls.is_some(),
        method: request.method.as_bytes(),
        target: request.path.as_bytes(),
        fields: host
            .into_iter()
            .chain(fields)
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect(),
    }
}

/// Refuses to guess what Envoy's HTTP/2 codec does where it is not like that of HTTP/1.
fn check_http2(request: &Request, received: &Received<'_>) -> Result<(), Skipped> {
    if !request.path.is_ascii() || request.authority.as_ref().is_some_and(|it| it.contains('@')) {
        return Err(Skipped::because(
            "a target that is not a valid URL is not modelled in HTTP/2",
        ));
    }
    if is_too_large(received) {
        return Err(Skipped::because(
            "headers that are too large for HTTP/2 are not modelled",
        ));
    }
    Ok(())
}
