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

/// A request whose head is longer is refused. Envoy itself sends far less.
const MAX_HEAD_BYTES: usize = 1024 * 1024;

/// What is known once a request's head is there.
struct Head {
    /// In bytes, with the empty line.
    length: usize,
    received: Received,
    body: Body,
    /// Whether the connection ends after the answer.
    is_last: bool,
}

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
        let Head {
            length,
            received,
            body,
            is_last,
        } = loop {
            match parse_head(&buffer, &served.cluster) {
                Ok(Some(head)) => break head,
                Ok(None) if buffer.len() > MAX_HEAD_BYTES => {
                    return refuse(stream, "431 Request Header Fields Too Large", "").await;
                }
                Ok(None) => {}
                Err(_) => return refuse(stream, BAD_REQUEST, "").await,
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        buffer.drain(..length);
        let is_head = received.method == "HEAD";
        let answer = Answer::to(&received, served, shared.body);
        let websocket = match shared.body {
            EchoBody::Request => websocket::wanted(&received),
            EchoBody::Ok => None,
        };
        let directive = shared.receive(received);
        let received_bytes = match skip_body(&mut stream, &mut buffer, body).await {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return refuse(stream, BAD_REQUEST, "").await;
            }
            length => length?,
        };
        let directive = match directive {
            Ok(directive) => directive,
            Err(reason) => return refuse(stream, BAD_REQUEST, &reason).await,
        };
        if !directive.delay.is_zero() {
            tokio::time::sleep(directive.delay).await;
        }
        if directive.reset {
            return Ok(());
        }
        match websocket.filter(|_| directive.status == 200) {
            Some(Ok(key)) => return websocket::serve(stream, buffer, &key).await,
            Some(Err(refusal)) => return refuse(stream, refusal.head(), refusal.reason()).await,
            None => {}
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

const BAD_REQUEST: &str = "400 Bad Request";

/// Answers an invalid request, and closes the connection. `head` is the status, with more lines if need be.
async fn refuse<S: AsyncWrite + Unpin>(mut stream: S, head: &str, reason: &str) -> io::Result<()> {
    let body = if reason.is_empty() {
        String::new()
    } else {
        format!("{reason}\n")
    };
    let answer = format!(
        "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// The head at the start of `buffer`, once it is all there.
fn parse_head(buffer: &[u8], cluster: &str) -> io::Result<Option<Head>> {
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
    let is_close = |value: &String| value.split(',').any(|it| it.trim().eq_ignore_ascii_case("close"));
    let mut connection = headers.iter().filter(|(name, _)| name == "connection");
    // An HTTP/1.0 client takes the connection's end for the answer's.
    let is_last = request.version == Some(0) || connection.any(|(_, value)| is_close(value));
    let host = headers.iter().find(|(name, _)| name == "host");
    let received = Received {
        cluster: cluster.to_owned(),
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        authority: host.map(|(_, value)| value.clone()).unwrap_or_default(),
        headers,
        at: Instant::now(),
    };
    Ok(Some(Head {
        length,
        received,
        body,
        is_last,
    }))
}

/// Reads a body to its end and forgets it, but for its length.
async fn skip_body<S>(stream: &mut S, buffer: &mut Vec<u8>, body: Body) -> io::Result<usize>
where
    S: AsyncRead + Unpin,
{
    let mut length = 0_usize;
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
                    Err(_) => return Err(invalid("a chunk has no size")),
                }
            };
            if size == 0 {
                skip_trailers(stream, buffer).await?;
                return Ok(length);
            }
            length = length
                .checked_add(size)
                .ok_or_else(|| invalid("the chunks are longer than memory"))?;
            skip(stream, buffer, size).await?;
            while buffer.len() < 2 {
                fill(stream, buffer).await?;
            }
            if !buffer.starts_with(b"\r\n") {
                return Err(invalid("a chunk is longer than its size"));
            }
            buffer.drain(..2);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_chunks(mut bytes: &[u8], expected: Result<usize, io::ErrorKind>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let length = runtime.block_on(skip_body(&mut bytes, &mut Vec::new(), Body::Chunked));
        assert_eq!(length.map_err(|it| it.kind()), expected);
    }

    #[test]
    fn chunks_that_are_none_are_refused() {
        check_chunks(b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", Ok(4));
        check_chunks(b"3\r\nabcdef\r\n0\r\n\r\n", Err(io::ErrorKind::InvalidData));
        check_chunks(b"1\r\na\r\nFFFFFFFFFFFFFFFF\r\n", Err(io::ErrorKind::InvalidData));
        check_chunks(b"x\r\n", Err(io::ErrorKind::InvalidData));
    }

    #[test]
    fn the_connection_ends_where_the_client_expects_it() {
        for (head, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nconnection: keep-alive\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: foo, Close\r\n\r\n", true),
            (
                "GET / HTTP/1.1\r\nconnection: foo\r\nconnection: close\r\n\r\n",
                true,
            ),
            ("GET / HTTP/1.0\r\n\r\n", true),
        ] {
            let parsed = parse_head(head.as_bytes(), "a").expect("a request");
            assert_eq!(parsed.map(|it| it.is_last), Some(expected), "{head}");
        }
    }
}
