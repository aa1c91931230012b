//! HTTP/1.1 as it is on the wire. No library's request type comes between, because those put paths, header
//! names and their order into another form, and what was received is what a test asks about.

use std::fmt::Write as _;
use std::io;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::answer::Answer;
use super::directive::Directive;
use super::{EchoBody, Received, ServedCluster, Shared, text, websocket};

/// As many as Envoy itself takes by default is 100; a proxy may add some.
const MAX_HEADERS: usize = 256;

/// How a request's body is delimited: RFC 9112, section 6.3.
enum Body {
    Length(usize),
    Chunked,
}

/// Serves one connection; `buffer` holds what was already read from it.
pub(super) async fn serve<S>(
    mut stream: S,
    mut buffer: Vec<u8>,
    served: &ServedCluster,
    shared: &Shared,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let (length, received, body) = loop {
            if let Some(head) = parse_head(&buffer, &served.cluster)? {
                break head;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        buffer.drain(..length);
        let is_head = received.method == "HEAD";
        let is_last = received
            .header("connection")
            .is_some_and(|it| it.eq_ignore_ascii_case("close"));
        let answer = Answer::to(&received, served, shared.body);
        let key = match shared.body {
            EchoBody::Request => websocket::key(&received).map(str::to_owned),
            EchoBody::Ok => None,
        };
        let directive = shared.receive(received);
        let received_bytes = skip_body(&mut stream, &mut buffer, body).await?;
        if !directive.delay.is_zero() {
            tokio::time::sleep(directive.delay).await;
        }
        if directive.reset {
            return Ok(());
        }
        if let Some(key) = key.filter(|_| directive.status == 200) {
            return websocket::serve(stream, buffer, &key).await;
        }
        let headers = shared.answer_headers(&served.cluster);
        let bytes = head_and_body(answer, received_bytes, directive, headers, is_head);
        stream.write_all(&bytes).await?;
        stream.flush().await?;
        if is_last {
            return stream.shutdown().await;
        }
    }
}

/// The head at the start of `buffer` and its length, once it is all there.
fn parse_head(buffer: &[u8], cluster: &str) -> io::Result<Option<(usize, Received, Body)>> {
    let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request
        .parse(buffer)
        .map_err(|error| invalid(&error.to_string()))?
    {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let mut body = Body::Length(0);
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(header.value)
                .ok()
                .and_then(|it| it.parse().ok());
            body = Body::Length(length.ok_or_else(|| invalid("content-length is not a number"))?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            body = Body::Chunked;
            break;
        }
    }
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|it| (it.name.to_ascii_lowercase(), text(it.value)))
        .collect();
    let host = headers.iter().find(|(name, _)| name == "host");
    let received = Received {
        cluster: cluster.to_owned(),
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        authority: host.map(|(_, value)| value.clone()).unwrap_or_default(),
        headers,
        at: Instant::now(),
    };
    Ok(Some((length, received, body)))
}

/// Reads a body to its end and forgets it, but for its length.
async fn skip_body<S>(stream: &mut S, buffer: &mut Vec<u8>, body: Body) -> io::Result<usize>
where
    S: AsyncRead + Unpin,
{
    let mut length = 0;
    match body {
        Body::Length(all) => {
            skip(stream, buffer, all).await?;
            Ok(all)
        }
        Body::Chunked => loop {
            let size = loop {
                match httparse::parse_chunk_size(buffer) {
                    Ok(httparse::Status::Complete((start, size))) => {
                        buffer.drain(..start);
                        break usize::try_from(size).map_err(io::Error::other)?;
                    }
                    Ok(httparse::Status::Partial) => fill(stream, buffer).await?,
                    Err(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "a chunk has no size")),
                }
            };
            if size == 0 {
                skip_trailers(stream, buffer).await?;
                return Ok(length);
            }
            length += size;
            skip(stream, buffer, size).await?;
            skip(stream, buffer, 2).await?; // the line's end behind each chunk
        },
    }
}

/// Reads lines up to an empty one.
async fn skip_trailers<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<()> {
    loop {
        match buffer.windows(2).position(|window| window == b"\r\n") {
            Some(end) => {
                buffer.drain(..end + 2);
                if end == 0 {
                    return Ok(());
                }
            }
            None => fill(stream, buffer).await?,
        }
    }
}

async fn skip<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    mut length: usize,
) -> io::Result<()> {
    loop {
        let here = length.min(buffer.len());
        buffer.drain(..here);
        length -= here;
        if length == 0 {
            return Ok(());
        }
        fill(stream, buffer).await?;
    }
}

async fn fill<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn head_and_body<'s>(
    answer: Answer,
    received_bytes: usize,
    directive: Directive,
    headers: impl Iterator<Item = (&'s str, &'s str)>,
    is_head: bool,
) -> Vec<u8> {
    let status = directive.status;
    let content_type = answer.content_type();
    let mut text = format!("HTTP/1.1 {status} Echo\r\ncontent-type: {content_type}\r\n");
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n"); // writing to a String can't fail
    }
    let has_no_body = status < 200 || status == 204 || status == 304; // RFC 9110, section 6.4.1
    if has_no_body {
        text.push_str("\r\n");
    } else {
        let body = answer.text(received_bytes);
        let _ = write!(text, "content-length: {}\r\n\r\n", body.len());
        text.push_str(if is_head { "" } else { &body });
    }
    text.into_bytes()
}
