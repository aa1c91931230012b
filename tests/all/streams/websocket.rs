//! WebSockets through the proxy: frames in both directions, behind a rewrite, and for longer than the rule's timeout.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::body::{Body, text};
use super::proxy::{Proxy, Side};

use super::{Test, expect, run};
use crate::operations::said;

pub(super) const TESTS: &[Test] = &[
    ("WebSocket: frames in both directions, behind a rewrite", frames),
    (
        "WebSocket: the timeout of the rule does not end it",
        it_outlasts_the_timeout,
    ),
    (
        "WebSocket: an upstream that gets HTTP/2 has none",
        none_over_http2,
    ),
    (
        "upgrades: another protocol is refused, and the bytes behind it are not read as a request",
        refused_upgrade_ends_the_connection,
    ),
];

/// The key of the example in RFC 6455, section 1.3, and what accepts it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// That of the rule for `/quick/`.
const TIMEOUT: Duration = Duration::from_millis(300);

/// Accepts a WebSocket at an upstream, and sends back what comes.
pub(super) fn accept(request: &mut Request<Incoming>) -> Response<Body> {
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let Ok(stream) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            let is_data = message.is_text() || message.is_binary();
            if is_data && socket.send(message).await.is_err() {
                return;
            }
        }
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", ACCEPT);
    response.body(text("")).unwrap_or_default()
}

/// Asks for a WebSocket at this path, and returns the head of the answer in lower case.
async fn ask(proxy: &Proxy, side: Side, path: &str) -> Result<(TcpStream, String), String> {
    let mut stream = TcpStream::connect(proxy.address(side)?).await.map_err(said)?;
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: streams.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\nx-case: {path} by {side}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.map_err(said)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.map_err(said)?);
    }
    Ok((stream, String::from_utf8_lossy(&answer).to_lowercase()))
}

/// Opens a WebSocket at this path.
async fn open(proxy: &Proxy, side: Side, path: &str) -> Result<WebSocketStream<TcpStream>, String> {
    let (stream, answer) = ask(proxy, side, path).await?;
    expect("the upgrade", &answer.starts_with("http/1.1 101 "), &true).map_err(|error| error + &answer)?;
    let accept = format!("sec-websocket-accept: {}\r\n", ACCEPT.to_lowercase());
    expect("accepted", &answer.contains(&accept), &true)?;
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, None).await)
}

async fn exchange(socket: &mut WebSocketStream<TcpStream>, message: Message) -> Result<(), String> {
    socket.send(message.clone()).await.map_err(said)?;
    let answer = socket
        .next()
        .await
        .ok_or("the socket was closed")?
        .map_err(said)?;
    expect("the message that came back", &(answer == message), &true)
}

fn frames(proxy: &Proxy, side: Side) -> Result<(), String> {
    run(async {
        let mut socket = open(proxy, side, "/v1/socket").await?;
        exchange(&mut socket, Message::text("hello")).await?;
        exchange(&mut socket, Message::binary(vec![7; 300_000])).await?;
        socket.close(None).await.map_err(said)?;
        // The other side's close, and the end of the connection.
        while socket.next().await.is_some_and(|it| it.is_ok()) {}
        Ok(())
    })?;
    let received = proxy.received().only(&format!("/v1/socket by {side}"))?;
    expect("path", &received.path.as_str(), &"/socket")
}

/// The time of a response is counted from the end of the request, and an upgraded request does not end
/// (Envoy `source/common/router/router.cc`, `Filter::onRequestComplete`).
fn it_outlasts_the_timeout(proxy: &Proxy, side: Side) -> Result<(), String> {
    run(async {
        let mut socket = open(proxy, side, "/quick/socket").await?;
        let opened = Instant::now();
        while opened.elapsed() < TIMEOUT * 3 {
            exchange(&mut socket, Message::text("still there")).await?;
        }
        Ok(())
    })
}

/// Envoy would need extended CONNECT (RFC 8441), which few servers offer.
fn none_over_http2(proxy: &Proxy, side: Side) -> Result<(), String> {
    let (_, answer) = run(ask(proxy, side, "/v2/socket"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    expect("status", &status, &"502")
}

/// An upgrade that is refused could carry a request in what follows it, so Envoy ends the connection
/// (Envoy `source/common/http/conn_manager_impl.cc`, `ActiveStream::decodeHeaders`).
fn refused_upgrade_ends_the_connection(proxy: &Proxy, side: Side) -> Result<(), String> {
    let answer = run(async {
        let mut stream = TcpStream::connect(proxy.address(side)?).await.map_err(said)?;
        let head = |headers: &str, case: &str| {
            format!(
                "GET /v1/{case} HTTP/1.1\r\nhost: streams.test\r\n{headers}x-case: {case} by {side}\r\n\r\n"
            )
        };
        let refused = head("connection: Upgrade\r\nupgrade: other\r\n", "refused");
        let both = refused + &head("", "hidden");
        stream.write_all(both.as_bytes()).await.map_err(said)?;
        let mut answer = Vec::new();
        // A reset is an end too.
        let _ended = stream.read_to_end(&mut answer).await;
        Ok::<_, String>(String::from_utf8_lossy(&answer).to_lowercase())
    })?;
    expect("the refusal", &answer.starts_with("http/1.1 403 "), &true).map_err(|error| error + &answer)?;
    expect("answers", &answer.matches("http/1.1 ").count(), &1)?;
    // A request that comes later has come when the answer to it has.
    run(ask(proxy, side, "/v1/socket"))?;
    for case in ["refused", "hidden"] {
        expect(case, &proxy.received().count(&format!("{case} by {side}")), &0)?;
    }
    Ok(())
}
