//! What Envoy's connection manager does to a request before the first filter sees it, with its defaults.
//!
//! Only what every connection manager does to a request from outside (`conn_manager_utility.cc`, and the HTTP/1 codec).
//! What a bootstrap sets otherwise (path normalisation, `use_remote_address`, early mutations) is not here.

use crate::headers::{HeaderKind, Headers};
use crate::message::Request;

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
