//! The upstream: an echo server that answers 200 with `ok`, and notes what it received.

use fingerpost_envoy_http::header_map::{Headers, get};
use fingerpost_envoy_http::upgrade;
use fingerpost_envoy_http::{CLIENT_ADDRESS, MILLISECONDS, RANDOM_ID};

use crate::headers::text;
use crate::of_a_run::{CLIENT, REQUEST_ID};
use crate::outcome::{Outcome, Skipped, Upstream};
use crate::reply::Reply;
use crate::request::Request;

/// A header that echo servers answer with beside their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EchoHeader {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: EchoValue,
}

/// The value of such a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EchoValue {
    /// This text.
    Text(String),
    /// The name of the server's cluster.
    Cluster,
}

/// What the server of a cluster answers.
pub(crate) fn answer(cluster: &str, beside: &[EchoHeader]) -> Reply {
    let own = [
        ("content-type", "text/plain"),
        ("content-length", "2"),
        ("x-envoy-upstream-service-time", MILLISECONDS), // added by Envoy, not by the server
    ];
    let beside = beside.iter().map(|it| {
        let value = match &it.value {
            EchoValue::Text(text) => text.as_str(),
            EchoValue::Cluster => cluster,
        };
        (it.name.as_str(), value)
    });
    let headers = own.into_iter().chain(beside);
    Reply {
        status: 200,
        headers: headers
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect(),
        body: BODY.to_vec(),
    }
}

/// The body of every answer.
pub(crate) const BODY: &[u8] = b"ok";

/// What it notes of a request that came through Envoy, whose codec adds the length of an empty body.
pub(crate) fn received(request: &Headers, has_body: bool) -> Upstream {
    let one = |name| text(get(request, name).unwrap_or_default());
    let method = one(":method");
    let is_told = has_body
        || get(request, "content-length").is_some()
        || upgrade::wanted(request).is_some()
        || !promises_a_body(&method);
    let no_length = (!is_told).then(|| ("content-length".to_owned(), "0".to_owned()));
    let headers = request
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
        .map(|(name, value)| {
            let name = text(name);
            let value = shown(&name, text(value.trim_ascii()));
            (name, value)
        });
    Upstream {
        method,
        path: one(":path"),
        authority: one(":authority"),
        headers: sorted(headers.chain(no_length)),
        timeout_ms: get(request, "x-envoy-expected-rq-timeout-ms").map(text),
    }
}

/// Whether a request with this method usually has a body. Tried with all methods that 1.40 knows.
fn promises_a_body(method: &str) -> bool {
    !matches!(method, "CONNECT" | "DELETE" | "GET" | "HEAD" | "TRACE")
}

/// The value of a header, with a placeholder where the model made up what only a running Envoy knows.
#[must_use]
pub fn shown(name: &str, value: String) -> String {
    match name {
        "x-request-id" if value == REQUEST_ID => RANDOM_ID.to_owned(),
        "x-envoy-external-address" if value == CLIENT => CLIENT_ADDRESS.to_owned(),
        "x-forwarded-for" => {
            let addresses: Vec<&str> = value.split(',').collect();
            let Some(own) = addresses.iter().rposition(|it| *it == CLIENT) else {
                return value;
            };
            let addresses = addresses.iter().enumerate();
            let addresses = addresses.map(|(index, it)| if index == own { CLIENT_ADDRESS } else { it });
            addresses.collect::<Vec<&str>>().join(",")
        }
        _ => value,
    }
}

/// What comes of a request that reaches it as the client sent it.
pub(crate) fn answer_bytes(
    request: &Request,
    cluster: &str,
    beside: &[EchoHeader],
) -> Result<Outcome, Skipped> {
    let is_http = request.path.bytes().all(|byte| byte.is_ascii_graphic()) && !request.path.is_empty();
    let unknown = || Skipped::because("what an upstream makes of such bytes is not modelled");
    let frames = ["content-length", "transfer-encoding", "host", "connection"];
    if !is_http || frames.iter().any(|name| request.header(name).is_some()) {
        return Err(unknown());
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
        authority: request.authority.clone().ok_or_else(unknown)?,
        timeout_ms: timeout.map(|(_, value)| value.clone()),
        headers: sorted(seen.into_iter()),
    };
    let mut answer = answer(cluster, beside);
    answer
        .headers
        .retain(|(name, _)| name != b"x-envoy-upstream-service-time");
    let seen = answer.into_received(request.method == "HEAD", request.version);
    Ok(Outcome {
        cluster: Some(cluster.to_owned()),
        upstream: Some(upstream),
        attempts: 1,
        body: seen.body.filter(|it| it.as_bytes() != BODY),
        ..seen
    })
}

fn sorted(headers: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut headers: Vec<_> = headers.collect();
    headers.sort();
    headers
}
