//! Headers as Envoy keeps them: in order, names in lower case, pseudo headers among them.
//!
//! Some names are "inline" in Envoy: it keeps one value of them, and appends further ones to it.

/// Names and values. Pseudo headers come first.
pub type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// Which of Envoy's header maps a list is: they know different inline names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// The first value.
pub(crate) fn get<'h>(headers: &'h Headers, name: &str) -> Option<&'h [u8]> {
    values(headers, name).next()
}

/// Every value, in order.
pub(crate) fn values<'h>(headers: &'h Headers, name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .iter()
        .filter(move |(key, _)| key == name.as_bytes())
        .map(|(_, value)| value.as_slice())
}

/// Puts this value in place of all others.
pub(crate) fn set(headers: &mut Headers, name: &str, value: impl Into<Vec<u8>>) {
    let mut value = Some(value.into());
    // The first of them keeps its place.
    headers.retain_mut(|(key, old)| match key == name.as_bytes() {
        false => true,
        true => value.take().map(|new| *old = new).is_some(),
    });
    if let Some(value) = value {
        headers.push((name.as_bytes().to_vec(), value));
    }
}

/// Adds a value after those that there are, or to the one of an inline name, where an empty one changes nothing.
pub(crate) fn add(headers: &mut Headers, side: Side, name: &str, value: &[u8]) {
    let earlier = headers
        .iter_mut()
        .find(|(key, _)| key == name.as_bytes() && is_inline(side, name));
    match earlier {
        Some(_) if value.is_empty() => {}
        Some((_, earlier)) => {
            if !earlier.is_empty() {
                earlier.push(b',');
            }
            earlier.extend_from_slice(value);
        }
        None => headers.push((name.as_bytes().to_vec(), value.to_vec())),
    }
}

/// Takes all values away.
pub(crate) fn remove(headers: &mut Headers, name: &str) {
    headers.retain(|(key, _)| key != name.as_bytes());
}

/// UTF-8, or else Latin-1: as an echo server notes what it receives.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

fn is_inline(side: Side, name: &str) -> bool {
    let own = match side {
        Side::Request => OF_REQUESTS,
        Side::Response => OF_RESPONSES,
    };
    own.contains(&name) || OF_BOTH.contains(&name)
}

/// Tried with 1.40, like the other two.
const OF_REQUESTS: &[&str] = &[
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "authorization",
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

const OF_RESPONSES: &[&str] = &[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
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

const OF_BOTH: &[&str] = &[
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
