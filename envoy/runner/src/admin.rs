//! Envoy's admin interface: as much of HTTP as it takes.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How long the interface may be silent.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one whole answer may take. A time limit for each read is not enough: a server can send one byte at a time.
const LONGEST: Duration = Duration::from_secs(30);
/// How long an answer may be, in bytes. A dump of ten thousand listeners is a tenth of it.
const LARGEST: usize = 256 << 20;

/// Where the admin interface of an Envoy answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminEndpoint {
    /// `HOST:PORT`.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

impl AdminEndpoint {
    /// Sends a GET request and returns status and body.
    ///
    /// # Errors
    /// The system's, an answer that is not HTTP, and one that does not end.
    pub fn get(&self, path: &str) -> io::Result<(u16, String)> {
        match self {
            Self::Tcp(address) => {
                let mut last = io::Error::from(io::ErrorKind::NotFound);
                for address in address.to_socket_addrs()? {
                    match request(address, "GET", path) {
                        Ok(answer) => return Ok(answer),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Self::Unix(socket) => {
                let stream = UnixStream::connect(socket)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                exchange(stream, "GET", path)
            }
        }
    }
}

impl FromStr for AdminEndpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:").filter(|it| !it.is_empty()) {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
            Some(port) if port > 0 => Ok(Self::Tcp(text.to_owned())),
            Some(_) | None => Err(format!(
                "invalid address `{text}`: expected HOST:PORT or unix:PATH"
            )),
        }
    }
}

impl fmt::Display for AdminEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Sends one request and returns status and body.
pub(crate) fn request(admin: SocketAddr, method: &str, path: &str) -> io::Result<(u16, String)> {
    let stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    exchange(stream, method, path)
}

fn exchange(mut stream: impl Read + Write, method: &str, path: &str) -> io::Result<(u16, String)> {
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )?;
    let answer = read_to_end(stream, LARGEST, Instant::now() + LONGEST)?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

/// All that comes, if it ends in time and is not too much.
fn read_to_end(mut stream: impl Read, largest: usize, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = match stream.read(&mut buffer) {
            Ok(0) => return Ok(answer),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A socket says it in the first way, other streams in the second.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Err(too_slow(PATIENCE));
            }
            Err(error) => return Err(error),
        };
        answer.extend(buffer.iter().take(length));
        if answer.len() > largest {
            let message = format!("the answer has more than {largest} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if Instant::now() >= deadline {
            return Err(too_slow(LONGEST));
        }
    }
}

fn too_slow(limit: Duration) -> io::Error {
    let message = format!("no answer within {} s", limit.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, message)
}

fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (
        std::str::from_utf8(answer.get(..end)?).ok()?,
        answer.get(end + 4..)?,
    );
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let is_chunked = head
        .lines()
        .any(|line| line.eq_ignore_ascii_case("transfer-encoding: chunked"));
    let body = if is_chunked { unchunk(body)? } else { body.to_vec() };
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(rest.get(..line)?).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let start = line + 2;
        let end = start.checked_add(size)?;
        body.extend_from_slice(rest.get(start..end)?);
        rest = rest.get(end.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_whole_or_in_chunks() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nLIVE\n";
        assert_eq!(parse(whole), Some((200, "LIVE\n".to_owned())));
        let chunks =
            b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(parse(chunks), Some((503, "abc0123456789".to_owned())));
    }

    #[test]
    fn an_address_is_a_host_with_a_port_or_a_socket() {
        for text in [
            "127.0.0.1:15000",
            "envoy:15000",
            "[::1]:15000",
            "unix:/run/envoy.sock",
        ] {
            let parsed: AdminEndpoint = text.parse().expect("an address");
            assert_eq!(parsed.to_string(), text);
        }
        for text in [
            "",
            "15000",
            ":15000",
            "localhost",
            "localhost:0",
            "localhost:x",
            "unix:",
        ] {
            assert!(text.parse::<AdminEndpoint>().is_err(), "{text}");
        }
    }

    /// Gives the same bytes for ever.
    struct Endless(&'static [u8]);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer).inspect(|_| self.0 = b"a")
        }
    }

    #[test]
    fn an_answer_without_an_end_is_an_error() {
        let later = Instant::now() + PATIENCE * 100;
        let kind = |result: io::Result<Vec<u8>>| result.map_err(|error| error.kind());
        assert_eq!(
            kind(read_to_end(Endless(b"HTTP/1.1 200 OK\r\n\r\n"), 1000, later)),
            Err(io::ErrorKind::InvalidData)
        );
        assert_eq!(
            kind(read_to_end(Endless(b"HTTP"), usize::MAX, Instant::now())),
            Err(io::ErrorKind::TimedOut)
        );
        assert_eq!(
            kind(read_to_end(&b"abc"[..], 3, Instant::now() + PATIENCE)),
            Ok(b"abc".to_vec())
        );
    }

    #[test]
    fn half_an_answer_is_no_answer() {
        let size = usize::MAX - 3;
        let overflows = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size:x}\r\nab\r\n");
        assert_eq!(parse(overflows.as_bytes()), None);
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(
            parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
            None
        );
    }
}
