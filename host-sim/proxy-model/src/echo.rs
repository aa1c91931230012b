//! The upstream: an echo server that answers 200 with `ok`, and notes what it received.

use crate::headers::{Headers, get, text};
use crate::outcome::{Outcome, Skipped, Upstream};
use crate::reply::Reply;
use crate::request::Request;

/// The header by which an echo server says which cluster it stands for.
pub(crate) const CLUSTER: &str = "x-echo-cluster";

/// What it answers.
pub(crate) fn answer(cluster: &str) -> Reply {
    let headers = [
        ("content-type", "text/plain"),
        ("server-extra", "1"),
        (CLUSTER, cluster),
        ("content-length", "2"),
        ("x-envoy-upstream-service-time", "0"), // added by Envoy, not by the server
    ];
    Reply {
        status: 200,
        headers: headers
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .to_vec(),
        body: b"ok".to_vec(),
    }
}

/// What it notes of a request that came through Envoy.
pub(crate) fn received(request: &Headers) -> Upstream {
    let one = |name| text(get(request, name).unwrap_or_default());
    let headers = request
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
        .map(|(name, value)| (text(name), text(value.trim_ascii())));
    Upstream {
        method: one(":method"),
        path: one(":path"),
        authority: one(":authority"),
        headers: recorded(headers),
        timeout_ms: get(request, "x-envoy-expected-rq-timeout-ms").map(text),
    }
}

/// What comes of a request that reaches it as the client sent it.
pub(crate) fn answer_bytes(request: &Request, cluster: &str) -> Result<Outcome, Skipped> {
    let is_http = request.path.bytes().all(|byte| byte.is_ascii_graphic()) && !request.path.is_empty();
    let frames = ["content-length", "transfer-encoding", "host", "connection"];
    if !is_http || frames.iter().any(|name| request.header(name).is_some()) {
        return Err(Skipped::because(
            "what an upstream makes of such bytes is not modelled",
        ));
    }
    let mut seen: Vec<(String, String)> = Vec::new();
    for (name, value) in &request.headers {
        seen.push((
            name.to_ascii_lowercase(),
            value.trim_matches([' ', '\t']).to_owned(),
        ));
    }
    let timeout = seen
        .iter()
        .find(|(name, _)| name == "x-envoy-expected-rq-timeout-ms");
    let upstream = Upstream {
        method: request.method.clone(),
        path: request.path.clone(),
        authority: request.authority.clone(),
        timeout_ms: timeout.map(|(_, value)| value.clone()),
        headers: recorded(seen.into_iter()),
    };
    Ok(Outcome {
        cluster: Some(cluster.to_owned()),
        upstream: Some(upstream),
        attempts: 1,
        ..answer(cluster).into_received(request.method == "HEAD", request.version)
    })
}

/// The headers that a case records: sorted, without those that any proxy adds.
fn recorded(headers: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    const LEFT_OUT: &[&str] = &[
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
        "x-case",
        "x-echo",
        "x-envoy-attempt-count",
        "x-envoy-decorator-operation",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-external-address",
        "x-envoy-internal",
        "x-request-id",
    ];
    let is_left_out = |name: &str| LEFT_OUT.contains(&name) || name.starts_with("x-forwarded-");
    let mut kept: Vec<_> = headers.filter(|(name, _)| !is_left_out(name)).collect();
    kept.sort();
    kept
}
