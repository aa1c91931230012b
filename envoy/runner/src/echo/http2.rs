//! HTTP/2, for clusters whose port says `http2` or `grpc`.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderValue, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::Answer;
use super::{EchoBody, Received, ServedCluster, Shared, grpc, text};

/// A part of an answer's body.
type Data = io::Cursor<Vec<u8>>;

/// Serves one connection.
pub(super) async fn serve<S>(
    stream: S,
    served: &Arc<ServedCluster>,
    shared: &Arc<Shared>,
) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = h2::server::Builder::new().handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, respond) = request?;
        let (served, shared) = (Arc::clone(served), Arc::clone(shared));
        tokio::spawn(async move { answer(request, respond, &served, &shared).await });
    }
    Ok(())
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Data>,
    served: &ServedCluster,
    shared: &Shared,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let is_head = head.method == "HEAD";
    let received = received(&head, &served.cluster);
    let is_call = shared.body == EchoBody::Request && grpc::is_call(received.header("content-type"));
    let is_health_check = grpc::is_health_check(&received.path);
    let answer = Answer::to(&received, served, shared.body);
    let directive = shared.receive(received);
    let mut received_bytes = 0;
    while let Some(data) = body.data().await {
        let length = data?.len();
        received_bytes += length;
        body.flow_control().release_capacity(length)?;
    }
    let directive = match directive {
        Ok(directive) => directive,
        Err(reason) => return refuse(&reason, respond),
    };
    tokio::time::sleep(directive.delay).await;
    if directive.reset {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    }
    if is_call && directive.status == 200 {
        return answer_call(is_health_check, respond);
    }
    let has_body = !matches!(directive.status, 204 | 304); // RFC 9110, section 6.4.1
    let mut response = Response::builder()
        .status(directive.status)
        .header("content-type", answer.content_type());
    for (name, value) in shared.answer_headers(&served.cluster) {
        response = response.header(name, value);
    }
    let text = answer.text(received_bytes);
    if has_body {
        response = response.header("content-length", text.len());
    }
    // Only a status or a cluster's name that HTTP can't carry is an error here.
    let Ok(response) = response.body(()) else {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    };
    let is_all = is_head || !has_body;
    let mut stream = respond.send_response(response, is_all)?;
    if !is_all {
        stream.send_data(Data::new(text.into_bytes()), true)?;
    }
    Ok(())
}

/// The answer to a request whose `x-echo` can't be read.
fn refuse(reason: &str, mut respond: SendResponse<Data>) -> Result<(), h2::Error> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let kind = HeaderValue::from_static("text/plain");
    response.headers_mut().insert("content-type", kind);
    let mut stream = respond.send_response(response, false)?;
    stream.send_data(Data::new(format!("{reason}\n").into_bytes()), true)
}

/// The answer to a call of gRPC.
fn answer_call(is_health_check: bool, mut respond: SendResponse<Data>) -> Result<(), h2::Error> {
    let mut response = Response::new(());
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    if !is_health_check {
        grpc::unimplemented(response.headers_mut());
        respond.send_response(response, true)?;
        return Ok(());
    }
    let mut stream = respond.send_response(response, false)?;
    stream.send_data(Data::new(grpc::SERVING.to_vec()), false)?;
    stream.send_trailers(grpc::ok())
}

fn received(head: &http::request::Parts, cluster: &str) -> Received {
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
        .collect();
    let host = headers
        .iter()
        .find(|(name, _)| name == "host")
        .map(|(_, value)| value.clone());
    let authority = head
        .uri
        .authority()
        .map(|authority| authority.as_str().to_owned());
    Received {
        cluster: cluster.to_owned(),
        method: head.method.as_str().to_owned(),
        path: head
            .uri
            .path_and_query()
            .map_or_else(String::new, |it| it.as_str().to_owned()),
        authority: authority.or(host).unwrap_or_default(),
        headers,
        at: Instant::now(),
    }
}
