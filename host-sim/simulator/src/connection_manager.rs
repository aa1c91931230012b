//! What Envoy does, with its defaults, to a request before the first filter sees it and to a response on either side of the filters.
//!
//! Only what every connection manager does to a request from outside (`conn_manager_utility.cc`, and the HTTP/1 codec).
//! What a bootstrap sets otherwise (path normalisation, `use_remote_address`, early mutations) is not here.

use crate::codec::{self, Refusal};
use crate::headers::{HeaderKind, Headers};
use crate::message::{Request, Response};
use fingerpost_envoy_http::header::is_token_byte;
use fingerpost_envoy_http::{MOST_HEADER_BYTES, TOO_MANY_HEADERS, is_authority_byte, is_method};

/// Headers that Envoy takes from every request that does not come from inside the mesh.
const FOR_INTERNAL_REQUESTS: &[&str] = &[
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-ip-tags",
    "x-envoy-max-retries",
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
];

/// Headers that are about the connection, not about the request.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "x-envoy-internal",
];

impl Request {
    /// A request as a client sends it by HTTP/1: turned into what the first filter sees. Blanks around values are gone; a
    /// request that Envoy answers before its filters gets that answer, and of the filters only `proxy_on_log` is called.
    #[must_use]
    pub fn received(mut self) -> Self {
        let mut headers = Headers::new(HeaderKind::Request);
        for (name, value) in self.headers.iter() {
            headers.add(name, value.trim_ascii());
        }
        self.refused = refused(&headers).map(Box::new);
        for name in HOP_BY_HOP.iter().chain(FOR_INTERNAL_REQUESTS) {
            headers.remove(name.as_bytes());
        }
        if headers.get("te").is_some_and(|te| te != b"trailers") {
            headers.remove(b"te");
        }
        let scheme = headers.get(":scheme").unwrap_or(b"http").to_vec();
        if headers.get("x-forwarded-proto").is_none() {
            headers.add(b"x-forwarded-proto", &scheme);
        }
        if headers.get("x-request-id").is_none() {
            headers.add(b"x-request-id", b"00000000-0000-4000-8000-000000000000");
        }
        self.headers = headers;
        self
    }
}

/// What Envoy answers to a request before its filters see it, in the order in which it looks.
fn refused(headers: &Headers) -> Option<Refusal> {
    let codec_error = |status: u32, details: &str, body: &str| {
        Some(codec::refusal(
            status,
            details,
            body,
            codec::flags::REFUSED_BY_CODEC,
        ))
    };
    let bad_request = |details: &str| codec_error(400, details, "Bad Request");
    let method = headers.get(":method").unwrap_or_default();
    let path = headers.get(":path").unwrap_or_default();
    let is_connect = method == b"CONNECT";
    let is_absolute = path.starts_with(b"/") || path.starts_with(b"http://") || path.starts_with(b"https://");
    let is_star = method == b"OPTIONS" && path == b"*";
    if path.iter().any(|byte| byte.is_ascii_control()) {
        return bad_request("http1.invalid_characters");
    }
    if !is_method(method)
        || path.iter().any(|byte| *byte == b' ' || !byte.is_ascii())
        || !(is_connect || is_absolute || is_star)
    {
        return bad_request("http1.codec_error");
    }
    let authority = headers.get(":authority");
    let mut size = path.len() + authority.map_or(0, <[u8]>::len);
    let mut count = usize::from(authority.is_some());
    for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(b":")) {
        size += name.len() + value.len();
        count += 1;
        if name.is_empty() || !name.iter().copied().all(is_token_byte) || value.contains(&b'\n') {
            return bad_request("http1.codec_error");
        }
        if !codec::is_value(value) && !value.contains(&b'\r') {
            return bad_request("http1.invalid_characters");
        }
    }
    let too_large = |details: &str| codec_error(431, details, "Request Header Fields Too Large");
    if size > MOST_HEADER_BYTES {
        return too_large("http1.headers_too_large");
    }
    if count >= TOO_MANY_HEADERS {
        return too_large("http1.too_many_headers");
    }
    let length = headers.text("content-length");
    if headers.get("content-length").is_some() && length.and_then(|it| it.parse::<u64>().ok()).is_none() {
        return bad_request("http1.codec_error");
    }
    match headers.get("transfer-encoding") {
        Some(coding) if !coding.eq_ignore_ascii_case(b"chunked") => {
            return codec_error(501, "http1.invalid_transfer_encoding", "Not Implemented");
        }
        Some(_) if length.is_some() => return bad_request("http1.content_length_and_chunked_not_allowed"),
        Some(_) | None => {}
    }
    let manager_error = |status: u32, details: &str| Some(codec::refusal(status, details, "", 0));
    let Some(authority) = authority else {
        return manager_error(400, "missing_host_header");
    };
    if !authority.iter().copied().all(is_authority_byte) {
        return bad_request("http.invalid_authority");
    }
    if is_star {
        return manager_error(404, "absolute_path_rejected");
    }
    if path.contains(&b'#') {
        return manager_error(400, "path_normalization_failed");
    }
    let upgrades = headers.text("connection").is_some_and(|named| {
        named
            .split(',')
            .any(|it| it.trim().eq_ignore_ascii_case("upgrade"))
    });
    if upgrades && headers.get("upgrade").is_some() {
        return manager_error(403, "upgrade_failed"); // no route of this proxy allows one
    }
    None
}

impl Response {
    /// A response as an HTTP/1 upstream sends it: turned into what the first filter sees of it.
    #[must_use]
    pub fn received(mut self) -> Self {
        let long = self.body.iter().any(|piece| !piece.is_empty()) || self.trailers.is_some();
        if long && self.headers.get("content-length").is_none() {
            self.headers.set(b"transfer-encoding", b"chunked");
        }
        self.headers.set(b"x-envoy-upstream-service-time", b"0");
        self
    }
}

/// Makes of a response's headers what the connection manager sends to the client.
pub(crate) fn send(headers: &mut Headers) {
    if headers.get("upgrade").is_none() {
        headers.remove(b"connection");
    }
    for name in ["keep-alive", "proxy-connection", "transfer-encoding"] {
        headers.remove(name.as_bytes());
    }
}
