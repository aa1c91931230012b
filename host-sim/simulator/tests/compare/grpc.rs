//! A gRPC service: the same answers for the simulator and, over HTTP/2, for Envoy.

use fingerpost_simulator::GrpcAnswer;
use h2::server::{Connection, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;

/// What the service's methods answer.
pub(crate) fn answer(method: &str, messages: &[Vec<u8>]) -> GrpcAnswer {
    match method {
        "Fail" => GrpcAnswer::error(7, "not for you").metadata("x-first", "1"),
        "LateFail" => GrpcAnswer::error(9, "")
            .message("something")
            .trailer("x-last", "1"),
        "None" => GrpcAnswer::ok(),
        _ => messages.iter().fold(
            GrpcAnswer::ok().metadata("x-first", "1").trailer("x-last", "1"),
            |answer, message| answer.message([b"echo ", message.as_slice()].concat()),
        ),
    }
}

/// Serves on the loopback until the process ends.
pub(crate) fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    thread::spawn(move || -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(async move {
                    if let Ok(mut connection) = h2::server::Builder::new().handshake(stream).await {
                        serve(&mut connection).await;
                    }
                });
            }
        })
    });
    Ok(address)
}

async fn serve(connection: &mut Connection<tokio::net::TcpStream, Bytes>) {
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(respond_to(request, respond));
    }
}

type Bytes = io::Cursor<Vec<u8>>;

async fn respond_to(request: Request<RecvStream>, respond: SendResponse<Bytes>) -> Option<()> {
    let method = request.uri().path().rsplit('/').next()?.to_owned();
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
        bytes.extend_from_slice(&piece);
    }
    send(&answer(&method, &messages(&bytes)), respond)
}

fn send(answer: &GrpcAnswer, mut respond: SendResponse<Bytes>) -> Option<()> {
    let mut response = Response::builder().header("content-type", "application/grpc");
    for (name, value) in answer.metadata.iter() {
        response = response.header(name.as_slice(), value.as_slice());
    }
    let mut trailers = map(&answer.trailers)?;
    trailers.insert("grpc-status", HeaderValue::from(answer.status));
    if !answer.error.is_empty() {
        trailers.insert("grpc-message", HeaderValue::from_str(&answer.error).ok()?);
    }
    if answer.status != 0 && answer.messages.is_empty() {
        response.headers_mut()?.extend(trailers);
        return respond
            .send_response(response.body(()).ok()?, true)
            .ok()
            .map(|_| ());
    }
    let mut stream: SendStream<Bytes> = respond.send_response(response.body(()).ok()?, false).ok()?;
    for message in &answer.messages {
        let length = u32::try_from(message.len()).ok()?.to_be_bytes();
        let frame = [&[0][..], &length, message].concat();
        stream.send_data(io::Cursor::new(frame), false).ok()?;
    }
    stream.send_trailers(trailers).ok()
}

fn map(headers: &[(Vec<u8>, Vec<u8>)]) -> Option<HeaderMap> {
    let pairs = headers.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name).ok()?;
        Some((name, HeaderValue::from_bytes(value).ok()?))
    });
    pairs.collect()
}

/// Messages out of their frames: a flag, four bytes of length, the message.
fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (message, rest) = rest.split_at(length.min(rest.len()));
        messages.push(message.to_vec());
        bytes = rest;
    }
    messages
}
