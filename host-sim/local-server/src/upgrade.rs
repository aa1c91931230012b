//! Requests that want to go on in another protocol, such as WebSocket: passed on to the upstream, and then byte for byte.
//!
//! Whether Envoy passes them on, the proxy has decided. Of HTTP/1.1 only.

use std::time::Instant;

use fingerpost_proxy_model::{Forwarded, UpstreamFailure};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::task::spawn_local;

use crate::body::whole;
use crate::done::Done;
use crate::exchange::{reason, within};
use crate::server::Generation;
use crate::upstreams;

/// Asks the upstream, and if it agrees, connects the client to it.
pub(crate) async fn pass_on(
    generation: &Generation,
    forwarded: &Forwarded<'_>,
    mut request: Request<Incoming>,
) -> Done {
    if request.method() == Method::CONNECT || request.version() == Version::HTTP_2 {
        return Done::upgrade();
    }
    let version = request.version();
    let client = hyper::upgrade::on(&mut request);
    let Some(outgoing) = upstreams::request(forwarded.headers(), whole("")) else {
        return Done::unknown("this request can't be sent on: a header or its path has odd bytes");
    };
    let path = outgoing.uri().to_string();
    let Some(endpoint) = generation.upstreams.next(forwarded.cluster()) else {
        return Done {
            cluster: Some(forwarded.cluster().to_owned()),
            ..Done::silent(
                forwarded,
                UpstreamFailure::NoEndpoint,
                "no_healthy_upstream".to_owned(),
            )
        };
    };
    let asked = Instant::now();
    let done = match within(forwarded.timeout(), endpoint.ask(outgoing, version)).await {
        Some(Ok(mut response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            let upstream = hyper::upgrade::on(&mut response);
            spawn_local(async move {
                if let (Ok(client), Ok(upstream)) = (client.await, upstream.await) {
                    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
                    // What goes wrong both ends see.
                    drop(copy_bidirectional(&mut client, &mut upstream).await);
                }
            });
            Done::switched(forwarded, &response, asked.elapsed())
        }
        Some(Ok(response)) => Done::declined(forwarded, &response, asked.elapsed()),
        Some(Err(error)) => Done::silent(forwarded, UpstreamFailure::Unreachable, reason(&error)),
        None => Done::silent(
            forwarded,
            UpstreamFailure::TimedOut,
            "response_timeout".to_owned(),
        ),
    };
    Done {
        cluster: Some(forwarded.cluster().to_owned()),
        host: Some(endpoint.name()),
        sent_path: Some(path),
        ..done
    }
}
