//! Sends a request piece by piece, on a new connection, and reads what comes back.

use crate::upstream::{self, Pairs};
use fingerpost_simulator::Request;
use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A response as a client reads it; status 0 where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) status: u16,
    pub(crate) headers: Pairs,
    pub(crate) body: String,
    pub(crate) trailers: Pairs,
}

pub(crate) fn send(to: SocketAddr, request: &Request, pause: Duration) -> io::Result<Read> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let text = |name: &str| request.headers.text(name).unwrap_or_default().to_owned();
    let mut head = format!(
        "{} {} HTTP/1.1\r\nconnection: close\r\n",
        text(":method"),
        text(":path")
    );
    if let Some(host) = request.headers.text(":authority") {
        head += &format!("host: {host}\r\n");
    }
    let mut head = head.into_bytes();
    for (name, value) in request.headers.iter().filter(|(name, _)| !name.starts_with(b":")) {
        head.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
    }
    let chunked = request.headers.get("content-length").is_none() && !request.body.is_empty();
    if chunked {
        head.extend(b"transfer-encoding: chunked\r\n");
    }
    head.extend(b"\r\n");
    stream.write_all(&head)?;
    // A proxy that has answered already may have closed: then what it answered counts.
    let sent = send_body(&mut stream, request, chunked, pause);
    let read = read(&stream, text(":method") == "HEAD");
    match (read, sent) {
        (Ok(read), _) => Ok(read),
        (Err(error), Ok(())) => Err(error),
        (Err(_), Err(error)) => Err(error),
    }
}

fn send_body(stream: &mut TcpStream, request: &Request, chunked: bool, pause: Duration) -> io::Result<()> {
    for piece in &request.body {
        std::thread::sleep(pause);
        stream.write_all(&upstream::framed(piece, chunked))?;
    }
    if chunked {
        std::thread::sleep(pause);
        let trailers = request.trailers.iter().flat_map(|trailers| trailers.iter());
        stream.write_all(upstream::last_chunk(trailers).as_bytes())?;
    }
    Ok(())
}

fn read(stream: &TcpStream, head_only: bool) -> io::Result<Read> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let Ok(Some((first, headers))) = upstream::head(&mut reader) else {
        return Ok(Read::default());
    };
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    // Neither has a body, whatever is sent (RFC 9112, 6.3).
    let ends_with_headers = head_only || matches!(status, 100..=199 | 204 | 304);
    let (body, trailers) = match ends_with_headers {
        true => Default::default(),
        false => upstream::body(&mut reader, &headers, true)?,
    };
    // The connection's end comes after the stream's.
    let _ = io::Read::read_to_end(&mut reader, &mut Vec::new());
    Ok(Read {
        status,
        headers,
        body: body.escape_ascii().to_string(),
        trailers,
    })
}
