//! What HTTP/2 has of its own: authorities, schemes, cookies in parts, CONNECT, many streams on a connection.

use std::net::SocketAddr;

use futures_util::future::try_join_all;
use http::{Request, Version};
use http_body_util::BodyExt as _;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::body::{Body, text};
use super::proxy::{Proxy, Side};
use super::{Test, expect, run};
use crate::operations::said;

pub(super) const TESTS: &[Test] = &[
    ("HTTP/2: an authority with a port", an_authority_with_a_port),
    ("HTTP/2: the scheme that a client names", schemes),
    ("HTTP/2: a cookie in several headers", cookies),
    ("HTTP/2: CONNECT", connect),
    ("HTTP/2: extended CONNECT is not offered", extended_connect),
    ("HTTP/2: many streams on a connection", many_streams),
    (
        "HTTP/2: an upstream that leaves loses no request",
        an_upstream_leaves,
    ),
];

/// More than the table has workers, and more than fit into one packet.
const STREAMS: usize = 200;

/// Sends a GET request by this version of HTTP, and returns the status of the answer.
pub(super) async fn get(
    address: SocketAddr,
    version: Version,
    host: &str,
    path: String,
    case: String,
) -> Result<u16, String> {
    let request = Request::get(if version == Version::HTTP_2 {
        format!("http://{host}{path}")
    } else {
        path
    });
    let request = request.header("x-case", case);
    let response = if version == Version::HTTP_2 {
        let request = request.body(text("")).map_err(said)?;
        prior_knowledge(address).await?.send_request(request).await
    } else {
        let request = request.header("host", host).body(text("")).map_err(said)?;
        http1(address).await?.send_request(request).await
    };
    let response = response.map_err(said)?;
    let status = response.status().as_u16();
    response.into_body().collect().await.map_err(said)?;
    Ok(status)
}

/// Connects to a proxy by HTTP/1.1.
pub(super) async fn http1(
    address: SocketAddr,
) -> Result<hyper::client::conn::http1::SendRequest<Body>, String> {
    let stream = TcpStream::connect(address).await.map_err(said)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(said)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Connects to a proxy by prior knowledge of HTTP/2.
pub(super) async fn prior_knowledge(
    address: SocketAddr,
) -> Result<hyper::client::conn::http2::SendRequest<Body>, String> {
    let stream = TcpStream::connect(address).await.map_err(said)?;
    let executor = TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream))
        .await
        .map_err(said)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Sends requests of HTTP/2 that have no body, side by side on one connection.
async fn send_all(
    address: SocketAddr,
    requests: impl IntoIterator<Item = Request<()>>,
) -> Result<Vec<u16>, String> {
    let client = prior_knowledge(address).await?;
    let exchange = |request: Request<()>| {
        let mut client = client.clone();
        async move {
            let response = client
                .send_request(request.map(|()| text("")))
                .await
                .map_err(said)?;
            let status = response.status().as_u16();
            response.into_body().collect().await.map_err(said)?;
            Ok::<_, String>(status)
        }
    };
    try_join_all(requests.into_iter().map(exchange)).await
}

fn an_authority_with_a_port(proxy: &Proxy, side: Side) -> Result<(), String> {
    let case = format!("authority by {side}");
    let request = Request::get("http://streams.test:8080/v1/x").header("x-case", &case);
    let request = request.body(()).map_err(said)?;
    let statuses = run(send_all(proxy.address(side)?, [request]))?;
    expect("status", &statuses, &vec![200])?;
    let received = proxy.received().only(&case)?;
    expect("authority", &received.authority.as_str(), &"streams.test:8080")
}

/// The rules match `scheme`; a client can name another than that of its connection.
fn schemes(proxy: &Proxy, side: Side) -> Result<(), String> {
    for scheme in ["http", "https"] {
        let case = format!("scheme {scheme} by {side}");
        let request = Request::get(format!("{scheme}://streams.test/scheme")).header("x-case", &case);
        let request = request.body(()).map_err(said)?;
        let statuses = run(send_all(proxy.address(side)?, [request]))?;
        expect("status", &statuses, &vec![200])?;
        let received = proxy.received().only(&case)?;
        expect("the rule", &received.path, &format!("/{scheme}"))?;
    }
    Ok(())
}

/// Envoy joins them before any filter runs (RFC 9113, section 8.2.3).
fn cookies(proxy: &Proxy, side: Side) -> Result<(), String> {
    let case = format!("cookies by {side}");
    let request = Request::get("http://streams.test/cookies")
        .header("x-case", &case)
        .header("cookie", "a=1")
        .header("cookie", "b=2");
    let request = request.body(()).map_err(said)?;
    let statuses = run(send_all(proxy.address(side)?, [request]))?;
    expect("status", &statuses, &vec![200])?;
    let received = proxy.received().only(&case)?;
    expect("the rule", &received.path.as_str(), &"/joined")?;
    let cookie = received.headers.get("cookie").and_then(|it| it.to_str().ok());
    expect("the cookie", &cookie, &Some("a=1; b=2"))
}

/// No rule of Istio's takes a request without a path.
fn connect(proxy: &Proxy, side: Side) -> Result<(), String> {
    let request = Request::connect("streams.test:80").body(()).map_err(said)?;
    let statuses = run(send_all(proxy.address(side)?, [request]))?;
    expect("status", &statuses, &vec![404])
}

/// Istio does not set `allow_connect`, so WebSockets go over HTTP/1.1 alone (RFC 8441, section 3).
fn extended_connect(proxy: &Proxy, side: Side) -> Result<(), String> {
    let mut request = Request::connect("http://streams.test/v1/socket")
        .body(())
        .map_err(said)?;
    request
        .extensions_mut()
        .insert(Protocol::from_static("websocket"));
    let sent = run(async { Ok(send_all(proxy.address(side)?, [request]).await) })?;
    expect("sent", &sent.is_err(), &true)
}

fn many_streams(proxy: &Proxy, side: Side) -> Result<(), String> {
    let requests = (0..STREAMS).map(|it| {
        let request = Request::get(format!("http://streams.test/v{}/bytes/{it}", it % 2 + 1));
        request
            .header("x-case", format!("many by {side}"))
            .body(())
            .expect("a request")
    });
    let statuses = run(send_all(proxy.address(side)?, requests))?;
    expect("statuses", &statuses, &vec![200; STREAMS])
}

/// It sends GOAWAY with its first answer, and goes on with the requests that it has.
fn an_upstream_leaves(proxy: &Proxy, side: Side) -> Result<(), String> {
    let request = |it: usize| {
        let request = Request::get(format!("http://streams.test/leaving/bytes/{it}"));
        request
            .header("x-case", format!("leaving by {side}"))
            .body(())
            .expect("a request")
    };
    for _ in 0..5 {
        let statuses = run(send_all(proxy.address(side)?, (0..20).map(request)))?;
        expect("statuses", &statuses, &vec![200; 20])?;
    }
    Ok(())
}
