//! A client that sends a request over HTTP/2, without an upgrade to it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::uri::{Authority, PathAndQuery};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Failure, Reply};
use crate::sent::{BODY, Sent};

/// Headers that HTTP/2 forbids (RFC 9113, 8.2.2), or that say how an HTTP/1 message is framed.
const OF_HTTP1: &[&str] = &[
    "connection",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whether the client's library sends such a request: it sends nothing that is malformed.
#[must_use]
pub fn can_send(sent: &Sent) -> bool {
    let is_of_http1 = |name: &[u8]| OF_HTTP1.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
    let mut names = sent.headers.iter().map(|(name, _)| name);
    sent.method != b"CONNECT" && !names.any(|name| is_of_http1(name)) && request(sent, "0").is_some()
}

/// Sends `sent` as case `case` over a connection of its own, and reads the answer.
///
/// # Errors
/// Says why there was none.
pub fn send(address: SocketAddr, sent: &Sent, case: &str, patience: Duration) -> Result<Reply, Failure> {
    let broken = |what: &str| Failure::Broken(what.to_owned());
    let request = request(sent, case).ok_or_else(|| broken("not a request that HTTP/2 can carry"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let exchange = timeout(patience, exchange(address, request, sent.has_body()));
        exchange.await.map_err(|_| broken("no answer in time"))?
    })
}

async fn exchange(address: SocketAddr, request: Request<()>, has_body: bool) -> Result<Reply, Failure> {
    let started = Instant::now();
    let stream = TcpStream::connect(address).await?;
    let (client, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let mut client = client.ready().await?;
    let (response, mut body) = client.send_request(request, !has_body)?;
    if has_body {
        body.send_data(BODY.into(), true)?;
    }
    let (head, mut stream) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        body.extend_from_slice(&piece);
        stream.flow_control().release_capacity(piece.len())?;
    }
    // Envoy sends the body of a direct response even so; a client over HTTP/1 does not read it.
    if matches!(head.status.as_u16(), 204 | 304) {
        body.clear();
    }
    // Blanks around a value do not count (RFC 9110, section 5.5): over HTTP/1 they are gone before anyone sees them.
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes().trim_ascii()).into_owned();
    let headers = head.headers.iter();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        body,
        took: started.elapsed(),
    })
}

/// What the peer ends without an answer counts as closed, as over HTTP/1.
impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        if error.is_io() || error.is_go_away() || error.is_reset() {
            Self::Closed
        } else {
            Self::Broken(error.to_string())
        }
    }
}

fn request(sent: &Sent, case: &str) -> Option<Request<()>> {
    let uri = Uri::builder()
        .scheme("http")
        .authority(Authority::try_from(sent.authority.as_deref()?).ok()?)
        .path_and_query(PathAndQuery::try_from(&sent.target[..]).ok()?)
        .build()
        .ok()?;
    // The library would write other texts than these.
    let is_kept = uri.path_and_query()?.as_str().as_bytes() == sent.target && sent.target.starts_with(b"/");
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(&sent.method).ok()?;
    *request.uri_mut() = uri;
    for (name, value) in &sent.headers {
        let (name, value) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
        request.headers_mut().append(name.ok()?, value.ok()?);
    }
    let told = |number: String| HeaderValue::try_from(number).ok();
    request.headers_mut().insert("x-case", told(case.to_owned())?);
    if let Some(length) = sent.told_length() {
        request
            .headers_mut()
            .insert("content-length", told(length.to_string())?);
    }
    is_kept.then_some(request)
}
