//! What Envoy does, with its defaults, to a request before the first filter sees it and to a response on either side of the filters.
//!
//! Only what every connection manager does to a request from outside (`conn_manager_utility.cc`, and the HTTP/1 codec).
//! What a bootstrap sets otherwise (path normalisation, `use_remote_address`, early mutations) is not here.

use crate::headers::{HeaderKind, Headers};
use crate::message::{Request, Response};

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
    /// A request as a client sends it: turned into what the first filter sees.
    #[must_use]
    pub fn received(mut self) -> Self {
        let mut headers = Headers::new(HeaderKind::Request);
        for (name, value) in self.headers.iter() {
            headers.add(name, value);
        }
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
