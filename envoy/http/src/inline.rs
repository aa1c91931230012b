//! Inline headers: names of which Envoy keeps one value, so that a further one is appended to it behind a comma.
//!
//! Whether a name is inline depends on the header map, since each map has its own registry. Envoy names some in
//! `envoy/http/header_map.h` (`INLINE_REQ_HEADERS`, `INLINE_RESP_HEADERS`, `INLINE_REQ_RESP_HEADERS`); its extensions add
//! others when the binary starts (`RegisterCustomInlineHeader`: the caches, CORS, the compressors, CDN-Loop, gRPC-Web,
//! the access logs, the SkyWalking tracer), whether or not they are configured. The lists were read from a stock Envoy
//! 1.40: a route that adds two values of a name, for 460 names, on the way to the upstream and on the way back.
//! Names that never come through there are in the header file.

/// Which of Envoy's header maps a list of headers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderMap {
    /// Of a request.
    #[default]
    Request,
    /// Of a response.
    Response,
    /// Trailers, in either direction.
    Trailers,
}

/// Whether Envoy keeps one value of this header in that map. `name` is in lower case.
#[must_use]
pub fn is_inline(map: HeaderMap, name: &str) -> bool {
    match map {
        HeaderMap::Request => IN_BOTH.contains(&name) || IN_REQUESTS.contains(&name),
        HeaderMap::Response => IN_BOTH.contains(&name) || IN_RESPONSES.contains(&name),
        HeaderMap::Trailers => IN_TRAILERS.contains(&name),
    }
}

const IN_BOTH: &[&str] = &[
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "keep-alive",
    "proxy-connection",
    "proxy-status",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-request-id",
];

const IN_REQUESTS: &[&str] = &[
    ":authority",
    ":method",
    ":path",
    ":protocol",
    ":scheme",
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "authentication",
    "authorization",
    "cdn-loop",
    "expect",
    "grpc-accept-encoding",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "pragma",
    "referer",
    "te",
    "user-agent",
    "x-client-trace-id",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-is-timeout-retry",
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
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

const IN_RESPONSES: &[&str] = &[
    ":status",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "date",
    "etag",
    "expires",
    "grpc-message",
    "grpc-status",
    "last-modified",
    "location",
    "server",
    "vary",
    "x-envoy-degraded",
    "x-envoy-immediate-health-check-fail",
    "x-envoy-ratelimited",
    "x-envoy-upstream-canary",
    "x-envoy-upstream-healthchecked-cluster",
    "x-envoy-upstream-service-time",
];

const IN_TRAILERS: &[&str] = &["grpc-message", "grpc-status"];

#[cfg(test)]
mod tests {
    use super::{HeaderMap, IN_BOTH, IN_REQUESTS, IN_RESPONSES, is_inline};

    #[test]
    fn each_map_knows_its_own_names() {
        for (name, in_requests, in_responses) in [
            ("cdn-loop", true, false),
            ("authentication", true, false),
            ("access-control-allow-private-network", false, true),
            ("proxy-status", true, true),
            ("grpc-status", false, true),
            ("x-forwarded-prefix", false, false),
            ("cookie", false, false),
            ("set-cookie", false, false),
        ] {
            assert_eq!(is_inline(HeaderMap::Request, name), in_requests, "{name}");
            assert_eq!(is_inline(HeaderMap::Response, name), in_responses, "{name}");
        }
        assert!(is_inline(HeaderMap::Trailers, "grpc-status"));
    }

    #[test]
    fn no_name_is_listed_twice() {
        for own in [IN_REQUESTS, IN_RESPONSES] {
            let mut all = [IN_BOTH, own].concat();
            all.sort_unstable();
            assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
        }
    }
}
