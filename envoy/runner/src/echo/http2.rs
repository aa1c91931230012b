//! HTTP/2, for clusters whose port says `http2` or `grpc`.

use std::sync::Arc;
use std::time::Instant;

use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Received, Shared, text};

/// Serves one connection.
pub(super) async fn serve<S>(stream: S, cluster: &Arc<str>, shared: &Arc<Shared>) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = h2::server::Builder::new().handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, respond) = request?;
        let (cluster, shared) = (Arc::clone(cluster), Arc::clone(shared));
        tokio::spawn(async move { answer(request, respond, &cluster, &shared).await });
    }
    Ok(())
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<&'static [u8]>,
    cluster: &str,
    shared: &Shared,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let is_head = head.method == "HEAD";
    let directive = shared.receive(received(&head, cluster));
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data?.len())?;
    }
    tokio::time::sleep(directive.delay).await;
    if directive.reset {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    }
    let has_body = !matches!(directive.status, 204 | 304); // RFC 9110, section 6.4.1
    let mut response = Response::builder()
        .status(directive.status)
        .header("content-type", "text/plain");
    for (name, value) in shared.answer_headers(cluster) {
        response = response.header(name, value);
    }
    if has_body {
        response = response.header("content-length", 2);
    }
    // Only a status or a cluster's name that HTTP can't carry is an error here.
    let Ok(response) = response.body(()) else {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    };
    let is_all = is_head || !has_body;
    let mut stream = respond.send_response(response, is_all)?;
    if !is_all {
        stream.send_data(b"ok", true)?;
    }
    Ok(())
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
