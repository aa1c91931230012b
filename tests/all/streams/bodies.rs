//! Bodies: long ones, those that never end, answers that come before them, and what comes around them.

use std::convert::Infallible;

use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::body::{Body, Ended, long, text};
use super::http2::{http1, prior_knowledge};
use super::proxy::{Proxy, Side};
use super::{Test, expect, run};
use crate::operations::said;

pub(super) const TESTS: &[Test] = &[
    ("bodies: 150 MB in each direction are not held", long_bodies),
    ("bodies: events pass as they come", events),
    (
        "bodies: the timeout of a rule ends a stream of events",
        a_timeout_ends_events,
    ),
    ("bodies: an answer before the end of the request", an_early_answer),
    ("bodies: 100-continue", continues),
    ("bodies: early hints", hints),
    ("bodies: HEAD", head),
    ("bodies: trailers", trailers),
];

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];
/// So many bytes are sent and received by each client.
const LONG: usize = 150_000_000;
/// What Envoy may need for that: with HTTP/2 it takes a window of 16 MiB before it makes a client wait. Less than a body.
const MOST_KIB: usize = 96 * 1024;

/// Sends a request to `streams.test`.
async fn send(
    proxy: &Proxy,
    side: Side,
    version: Version,
    mut request: Request<Body>,
) -> Result<Response<Incoming>, String> {
    let address = proxy.address(side)?;
    if version == Version::HTTP_2 {
        let uri = format!("http://streams.test{}", request.uri());
        *request.uri_mut() = uri.parse().map_err(said)?;
        return prior_knowledge(address)
            .await?
            .send_request(request)
            .await
            .map_err(said);
    }
    let host = HeaderValue::from_static("streams.test");
    request.headers_mut().insert("host", host);
    http1(address).await?.send_request(request).await.map_err(said)
}

fn request(method: Method, path: &str, case: &str, body: Body) -> Result<Request<Body>, String> {
    let request = Request::builder().method(method).uri(path).header("x-case", case);
    request.body(body).map_err(said)
}

/// Reads to the end, and keeps nothing but the length.
async fn length(mut body: Incoming) -> Result<usize, String> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.map_err(said)?.data_ref().map_or(0, Bytes::len);
    }
    Ok(length)
}

/// A filter that held a body would need all of its length.
fn long_bodies(proxy: &Proxy, side: Side) -> Result<(), String> {
    for (version, prefix) in [(Version::HTTP_11, "/v1"), (Version::HTTP_2, "/v2")] {
        let case = format!("long by {side} over {version:?}");
        let sent = request(Method::POST, &format!("{prefix}/count"), &case, long(LONG))?;
        let answer = run(async {
            let response = send(proxy, side, version, sent).await?;
            response.into_body().collect().await.map_err(said)
        })?;
        expect(&case, &answer.to_bytes(), &Bytes::from(LONG.to_string()))?;
        let sent = request(Method::GET, &format!("{prefix}/bytes/{LONG}"), &case, text(""))?;
        let received = run(async { length(send(proxy, side, version, sent).await?.into_body()).await })?;
        expect(&case, &received, &LONG)?;
    }
    let grown = proxy.grown()?;
    expect(
        &format!("KiB that Envoy needed more: {grown}"),
        &(grown < MOST_KIB),
        &true,
    )
}

/// The answer does not end, so nothing may wait for its end.
fn events(proxy: &Proxy, side: Side) -> Result<(), String> {
    for version in VERSIONS {
        for prefix in ["/v1", "/v2"] {
            let case = format!("events by {side} over {version:?} to {prefix}");
            let sent = request(Method::GET, &format!("{prefix}/events"), &case, text(""))?;
            let first = run(async {
                let mut body = send(proxy, side, version, sent).await?.into_body();
                let frame = body.frame().await.ok_or("no event")?.map_err(said)?;
                frame.into_data().map_err(|_| "no event".to_owned())
            })?;
            expect(&case, &first, &Bytes::from_static(b"data: one\n\n"))?;
        }
    }
    Ok(())
}

fn a_timeout_ends_events(proxy: &Proxy, side: Side) -> Result<(), String> {
    for version in VERSIONS {
        let sent = request(Method::GET, "/quick/events", "quick events", text(""))?;
        let ended = run(async { Ok(length(send(proxy, side, version, sent).await?.into_body()).await) })?;
        expect(
            &format!("{version:?}: the body broke off"),
            &ended.is_err(),
            &true,
        )?;
    }
    Ok(())
}

fn an_early_answer(proxy: &Proxy, side: Side) -> Result<(), String> {
    for version in VERSIONS {
        let case = format!("early by {side} over {version:?}");
        let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"first")))]);
        let endless = Body::new(StreamBody::new(first.chain(stream::pending())));
        let sent = request(Method::POST, "/v1/early", &case, endless)?;
        let body = run(async {
            let response = send(proxy, side, version, sent).await?;
            response.into_body().collect().await.map_err(said)
        })?;
        expect(&case, &body.to_bytes(), &Bytes::from_static(b"early"))?;
        expect(&case, &proxy.received().ended(&case)?, &Ended::Broken)?;
    }
    Ok(())
}

/// The upstream says whether the body may come; a request without a route gets its answer at once.
fn continues(proxy: &Proxy, side: Side) -> Result<(), String> {
    let ask = async |path: &str, answer: &str| {
        let mut stream = TcpStream::connect(proxy.address(side)?).await.map_err(said)?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: streams.test\r\nexpect: 100-continue\r\ncontent-length: 3\r\nx-case: continue by {side}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.map_err(said)?;
        let mut first = vec![0; answer.len()];
        stream.read_exact(&mut first).await.map_err(said)?;
        expect(path, &String::from_utf8_lossy(&first).as_ref(), &answer)?;
        Ok::<_, String>(stream)
    };
    run(async {
        ask("/nowhere", "HTTP/1.1 404 Not Found\r\n").await?;
        let mut stream = ask("/v1/count", "HTTP/1.1 100 Continue\r\n\r\n").await?;
        stream.write_all(b"abc").await.map_err(said)?;
        let expected = "HTTP/1.1 200 OK\r\n";
        let mut answer = vec![0; expected.len()];
        stream.read_exact(&mut answer).await.map_err(said)?;
        expect(
            "the answer",
            &String::from_utf8_lossy(&answer).as_ref(),
            &expected,
        )
    })?;
    let ended = proxy.received().ended(&format!("continue by {side}"))?;
    let whole = Ended::Whole {
        bytes: 3,
        trailers: Vec::new(),
    };
    expect("the body", &ended, &whole)
}

/// Envoy passes on 100 alone, of the answers that come before the answer.
fn hints(proxy: &Proxy, side: Side) -> Result<(), String> {
    for version in VERSIONS {
        let case = format!("hints by {side} over {version:?}");
        let sent = request(Method::GET, "/hints/x", &case, text(""))?;
        let (status, received) = run(async {
            let response = send(proxy, side, version, sent).await?;
            Ok((response.status(), length(response.into_body()).await?))
        })?;
        expect(&case, &(status.as_u16(), received), &(200, 2))?;
    }
    Ok(())
}

fn head(proxy: &Proxy, side: Side) -> Result<(), String> {
    for version in VERSIONS {
        let sent = request(Method::HEAD, "/v1/x", "head", text(""))?;
        let (length_header, received) = run(async {
            let response = send(proxy, side, version, sent).await?;
            let header = response.headers().get("content-length").cloned();
            Ok((header, length(response.into_body()).await?))
        })?;
        expect(
            &format!("{version:?}: length"),
            &length_header,
            &Some(HeaderValue::from(2)),
        )?;
        expect(&format!("{version:?}: body"), &received, &0)?;
    }
    Ok(())
}

/// HTTP/2 passes them on in both directions. Over HTTP/1.1 Envoy drops them, as Istio does not set `enable_trailers`.
fn trailers(proxy: &Proxy, side: Side) -> Result<(), String> {
    for (version, prefix, pass) in [
        (Version::HTTP_2, "/v2", true),
        (Version::HTTP_2, "/v1", false),
        (Version::HTTP_11, "/v2", false),
    ] {
        let case = format!("trailers by {side} over {version:?} to {prefix}");
        let own = HeaderMap::from_iter([(HeaderName::from_static("x-own"), HeaderValue::from(7))]);
        let frames = [
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"abc"))),
            Ok(Frame::trailers(own)),
        ];
        let body = Body::new(StreamBody::new(stream::iter(frames)));
        let mut sent = request(Method::POST, &format!("{prefix}/count"), &case, body)?;
        for (name, value) in [("te", "trailers"), ("trailer", "x-own")] {
            sent.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let answered = run(async {
            let response = send(proxy, side, version, sent).await?;
            let collected = response.into_body().collect().await.map_err(said)?;
            Ok(collected.trailers().is_some_and(|it| it.contains_key("x-sum")))
        })?;
        expect(&format!("{case}: of the answer"), &answered, &pass)?;
        let expected = Ended::Whole {
            bytes: 3,
            trailers: if pass {
                vec![("x-own".to_owned(), "7".to_owned())]
            } else {
                Vec::new()
            },
        };
        expect(
            &format!("{case}: of the request"),
            &proxy.received().ended(&case)?,
            &expected,
        )?;
    }
    Ok(())
}
