//! Headers that a client may not set, and headers about its connection: what the connection manager removes from every
//! request from outside.
//!
//! Source: `mutateRequestHeaders` and `cleanInternalHeaders` in Envoy's `source/common/http/conn_manager_utility.cc`. Tried
//! with Envoy 1.40.

use crate::header_map::{Headers, get, remove, set};
use crate::referer::is_referer;
use crate::upgrade::tokens;

/// Where a connection manager is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// `use_remote_address`, as on a gateway: the first proxy that a client meets.
    Edge,
    /// Behind other proxies, for a request that is not internal.
    Inside,
}

/// Removes what a client may not say, and what it says about its connection: an upgrade keeps `connection`, `upgrade` and
/// `te`.
pub fn strip(headers: &mut Headers, position: Position) {
    let is_upgrade = get(headers, ":method") != Some(b"CONNECT") && crate::upgrade::wanted(headers).is_some();
    if !is_upgrade {
        if tokens(get(headers, "te").unwrap_or_default()).any(|it| it == b"trailers") {
            set(headers, "te", "trailers");
        } else {
            remove(headers, "te");
        }
        remove(headers, "connection");
        remove(headers, "upgrade");
    }
    if get(headers, "referer").is_some_and(|it| !is_referer(it)) {
        remove(headers, "referer");
    }
    for name in ABOUT_THE_CONNECTION.iter().chain(FOR_INTERNAL_REQUESTS) {
        remove(headers, name);
    }
    if position == Position::Edge {
        for name in SET_BY_AN_EDGE {
            remove(headers, name);
        }
    }
}

const ABOUT_THE_CONNECTION: &[&str] = &[
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "x-envoy-internal",
];

/// What only requests from inside the mesh may say.
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

/// What an edge sets itself, or no proxy behind it may rely on.
const SET_BY_AN_EDGE: &[&str] = &[
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-external-address",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-forwarded-client-cert",
    "x-forwarded-proto",
    "x-request-id",
];

#[cfg(test)]
mod tests {
    use super::{Position, strip};
    use crate::header_map::Headers;

    fn stripped(rows: &[(&str, &str)], position: Position) -> Vec<String> {
        let rows = rows.iter();
        let mut headers: Headers = rows
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        strip(&mut headers, position);
        let rows = headers.iter();
        rows.map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()))
            .collect()
    }

    #[test]
    fn an_edge_removes_more() {
        let sent = [
            ("x-envoy-retry-on", "5xx"),
            ("x-request-id", "1"),
            ("x-envoy-attempt-count", "7"),
        ];
        assert_eq!(stripped(&sent, Position::Edge), ["x-envoy-attempt-count: 7"]);
        assert_eq!(
            stripped(&sent, Position::Inside),
            ["x-request-id: 1", "x-envoy-attempt-count: 7"]
        );
    }

    /// Without `connection: te`, the case of `trailers` counts.
    #[test]
    fn te_keeps_trailers() {
        for (te, kept) in [
            ("trailers", Some("te: trailers")),
            ("gzip, trailers", Some("te: trailers")),
            ("Trailers", None),
            ("trailers;q=1", None),
            ("", None),
        ] {
            let kept: Vec<&str> = kept.into_iter().collect();
            assert_eq!(stripped(&[("te", te)], Position::Edge), kept, "{te}");
        }
    }

    #[test]
    fn an_upgrade_keeps_what_it_says_about_the_connection() {
        let sent = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("te", "gzip"),
            ("keep-alive", "1"),
        ];
        assert_eq!(
            stripped(&sent, Position::Edge),
            ["connection: upgrade", "upgrade: websocket", "te: gzip"]
        );
        assert!(stripped(&sent[1..], Position::Edge).is_empty());
    }
}
