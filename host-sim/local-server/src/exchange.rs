//! One request, from its head to the head of its answer.
//!
//! Decides nothing about routing: the proxy says where a request goes. Where the model does not know what Envoy would
//! do, the client gets 501 and the reason.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use fingerpost_explain::only_for_sidecars;
use fingerpost_proxy_model::{
    Answered, Forwarded, Request as Sent, Routed, Run, Tls, UpstreamFailure, Version as SentVersion,
};
use fingerpost_simulated_proxy::request_id;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderValue;
use hyper::{Request, Response, Version};

use crate::body::{Body, passed_on, whole};
use crate::done::Done;
use crate::explain_command::GatewayPort;
use crate::journal::Entry;
use crate::server::{Generation, Server};
use crate::{upgrade, upstreams};

/// A body that is sent to mirrors too is kept until all of it is there. This much is kept.
const MOST_MIRRORED: usize = 8 * 1024 * 1024;
/// As long as Envoy waits for a connection.
pub(crate) const MOST_CONNECTING: Duration = Duration::from_secs(10);

/// Where a request has come in.
#[derive(Clone)]
pub(crate) struct Downstream {
    /// The Gateway's port.
    pub(crate) port: u16,
    /// The handshake, over TLS.
    pub(crate) tls: Option<Tls>,
}

/// Answers a request, and shows it. An error closes the connection.
pub(crate) async fn answer(
    server: Rc<Server>,
    downstream: Downstream,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let started = Instant::now();
    // Requests under way keep the rules with which they began.
    let generation = server.generation();
    let mut entry = Entry {
        at: time_of_day(),
        method: Some(request.method().to_string()),
        authority: Some(authority(&request)),
        path: Some(target(&request)),
        gateway: Some(GatewayPort {
            number: downstream.port.into(),
            tls: downstream.tls.is_some(),
        }),
        headers: shown_headers(&request),
        ..Entry::default()
    };
    let done = decide(&generation, &downstream, request).await;
    entry.ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match done {
        Ok(mut done) => {
            done.name();
            entry.status = done.response.status().as_u16();
            entry.sent_path = done.sent_path.or_else(|| entry.path.clone());
            (entry.rule, entry.cluster) = (done.rule, done.cluster);
            (entry.host, entry.details) = (done.host, done.details);
            server.show(&entry);
            Ok(done.response)
        }
        Err(reason) => {
            entry.details = Some(reason.clone());
            server.show(&entry);
            Err(io::Error::other(reason))
        }
    }
}

/// What comes of a request; an error closes the connection.
async fn decide(
    generation: &Generation,
    downstream: &Downstream,
    request: Request<Incoming>,
) -> Result<Done, String> {
    let sent = match read(&request, downstream) {
        Ok(sent) => sent,
        Err(done) => return Ok(*done),
    };
    let run = Run {
        request_id: request_id(),
    };
    let routed = match generation.proxy.route(&run, &sent) {
        Ok(Ok(routed)) => routed,
        Ok(Err(skipped)) => return Ok(Done::unknown(&skipped.reason)),
        Err(failure) => {
            let reason = failure.to_string();
            return Ok(Done::plain(503, "the filter failed\n", &reason));
        }
    };
    match routed {
        Routed::Unanswered(failure) => Err(failure.to_string()),
        Routed::Passed { .. } => Ok(Done::unknown("this connection would carry bytes, not HTTP")),
        Routed::Answered(answered) => {
            let Answered {
                reply,
                rule,
                delay_ms,
                details,
                ..
            } = *answered;
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            let summary = &generation.loaded.compiled.summary;
            if rule.is_none()
                && reply.status == 404
                && let Some(reason) = sent
                    .authority
                    .as_ref()
                    .and_then(|it| only_for_sidecars(summary, it))
            {
                return Ok(Done::not_found(reply, &reason.message));
            }
            Ok(Done {
                rule,
                details: details.map(str::to_owned),
                ..Done::of(reply, None)
            })
        }
        Routed::Forwarded(forwarded) => {
            let mut done = if forwarded.wants_an_upgrade() {
                upgrade::pass_on(generation, &forwarded, request).await
            } else {
                forward(generation, &forwarded, request).await
            };
            done.rule = forwarded.rule().cloned();
            Ok(done)
        }
    }
}

/// Sends the request to the cluster, and copies to the mirrors.
async fn forward(generation: &Generation, forwarded: &Forwarded<'_>, request: Request<Incoming>) -> Done {
    let version = request.version();
    let body = request.into_body();
    if forwarded.gives_a_cookie() {
        return Done::unknown("consistent hashing by a cookie that Envoy would make up");
    }
    tokio::time::sleep(Duration::from_millis(forwarded.delay_ms())).await;
    let body = if forwarded.mirrors().is_empty() {
        passed_on(body)
    } else {
        match Limited::new(body, MOST_MIRRORED).collect().await {
            Ok(all) => {
                let bytes = all.to_bytes();
                mirror(generation, forwarded, version, &bytes);
                whole(bytes)
            }
            Err(_) => {
                return Done::unknown("a body of more than 8 MiB, or one that breaks off, is not mirrored");
            }
        }
    };
    let Some(outgoing) = upstreams::request(forwarded.headers(), body) else {
        return Done::unknown("this request can't be sent on: a header or its path has odd bytes");
    };
    let cluster = Some(forwarded.cluster().to_owned());
    let path = outgoing.uri().to_string();
    let Some(endpoint) = generation.upstreams.next(forwarded.cluster()) else {
        return Done {
            cluster,
            ..Done::silent(
                forwarded,
                UpstreamFailure::NoEndpoint,
                "no_healthy_upstream".to_owned(),
            )
        };
    };
    let asked = Instant::now();
    let limit = forwarded.timeout();
    let mut done = match within(limit, endpoint.ask(outgoing, version)).await {
        Some(Ok(response)) => Done::from_upstream(forwarded, response, asked.elapsed()),
        Some(Err(error)) => Done::silent(forwarded, UpstreamFailure::Unreachable, reason(&error)),
        None => Done::silent(
            forwarded,
            UpstreamFailure::TimedOut,
            "response_timeout".to_owned(),
        ),
    };
    done.cluster = cluster;
    done.host = Some(endpoint.name());
    done.sent_path = Some(path);
    done
}

/// Sends the copies without waiting for the answers.
fn mirror(generation: &Generation, forwarded: &Forwarded<'_>, version: Version, bytes: &Bytes) {
    for cluster in forwarded.mirrors() {
        let copy = upstreams::request(forwarded.headers(), whole(bytes.clone()));
        if let (Some(copy), Some(endpoint)) = (copy, generation.upstreams.next(cluster)) {
            tokio::task::spawn_local(async move {
                if let Some(Ok(response)) = within(Some(MOST_CONNECTING), endpoint.ask(copy, version)).await {
                    // Taken to the end, as any client would.
                    drop(Limited::new(response.into_body(), MOST_MIRRORED).collect().await);
                }
            });
        }
    }
}

/// The request as the model reads it.
fn read(request: &Request<Incoming>, downstream: &Downstream) -> Result<Sent, Box<Done>> {
    let mut headers = Vec::with_capacity(request.headers().len());
    let mut authority = None;
    for (name, value) in request.headers() {
        let Ok(value) = std::str::from_utf8(value.as_bytes()) else {
            let reason = format!("the header {name} is not UTF-8, which is not modelled");
            return Err(Box::new(Done::unknown(&reason)));
        };
        match name.as_str() {
            // The body is passed on with a new length.
            "content-length" | "transfer-encoding" => {}
            "host" if authority.is_none() => authority = Some(value.to_owned()),
            name => headers.push((name.to_owned(), value.to_owned())),
        }
    }
    if let Some(host) = request.uri().authority().filter(|_| is_http2(request)) {
        authority = Some(host.to_string());
    }
    Ok(Sent {
        port: downstream.port,
        method: request.method().to_string(),
        path: target(request),
        authority,
        headers,
        tls: downstream.tls.clone(),
        version: match request.version() {
            Version::HTTP_10 => SentVersion::Http10,
            Version::HTTP_2 => SentVersion::Http2,
            _ => SentVersion::Http11, // the server speaks no other
        },
    })
}

/// The target as it was sent, less a fragment, which the HTTP library cuts off.
fn target(request: &Request<Incoming>) -> String {
    if is_http2(request) {
        let path = request.uri().path_and_query();
        return path.map(ToString::to_string).unwrap_or_default();
    }
    request.uri().to_string()
}

fn is_http2<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_2
}

/// The headers that are text, names in lower case.
fn shown_headers<B>(request: &Request<B>) -> Vec<(String, String)> {
    let headers = request.headers().iter();
    headers
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn authority<B>(request: &Request<B>) -> String {
    if let Some(authority) = request.uri().authority().filter(|_| is_http2(request)) {
        return authority.to_string();
    }
    let host = request.headers().get("host").map(HeaderValue::as_bytes);
    String::from_utf8_lossy(host.unwrap_or_default()).into_owned()
}

pub(crate) async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

/// The innermost reason.
pub(crate) fn reason(error: &io::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

/// The time of day, as Envoy's `%START_TIME_LOCAL%` has it.
pub(crate) fn time_of_day() -> String {
    chrono::Local::now().format("%H:%M:%S").to_string()
}
