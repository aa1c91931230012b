//! A client that sends a request byte for byte as the corpus writes it: no escaping, no folding, no own headers.
//!
//! [`send`] opens a connection for its request; a [`Connection`] may be asked again. What an answer means is for
//! [`crate::compare`] to say.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::case::Request;
use crate::tls;

/// Longer than any delay that the corpus asks for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer to a request.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers with lower-case names, in order.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// From the connection's start to the last byte.
    pub took: Duration,
}

impl Reply {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the body came, or would have come, in chunks.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        self.header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }
}

/// Why there was no answer.
#[derive(Debug)]
pub enum Failure {
    /// Nothing listens there.
    NoListener,
    /// The connection was closed without an answer.
    Closed,
    /// The TLS handshake was refused.
    Tls,
    /// Anything else; never an expected outcome.
    Broken(String),
}

impl Failure {
    /// The corpus's word for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::NoListener => "no listener",
            Self::Closed => "closed",
            Self::Tls => "tls",
            Self::Broken(why) => why,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let refused_by_peer = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match error.kind() {
            Kind::ConnectionRefused => Self::NoListener,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
                Self::Closed
            }
            Kind::WouldBlock | Kind::TimedOut => Self::Broken("no answer in time".to_owned()),
            _ if refused_by_peer.is_some() => Self::Tls,
            _ => Self::Broken(error.to_string()),
        }
    }
}

/// Sends `request` to `address` as case number `case` and reads the answer.
///
/// # Errors
/// Says why there was none.
pub fn send(address: SocketAddr, request: &Request, case: usize) -> Result<Reply, Failure> {
    let started = Instant::now();
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let message = message(request, case);
    let answer = match &request.tls {
        None => Connection::new(stream).ask(&message, request.method.as_bytes())?,
        Some(tls) => Connection::new(tls::connect(stream, tls)?).ask(&message, request.method.as_bytes())?,
    };
    Ok(Reply {
        took: started.elapsed(),
        ..answer
    })
}

/// The request as bytes.
fn message(request: &Request, case: usize) -> Vec<u8> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nhost: {}\r\n",
        request.method, request.path, request.authority
    );
    for (name, value) in &request.headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("x-case: {case}\r\n");
    if matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        text += "content-length: 0\r\n";
    }
    text += "\r\n";
    text.into_bytes()
}

/// A connection, and what has arrived on it and was not yet read.
pub struct Connection<S> {
    stream: S,
    bytes: Vec<u8>,
}

impl<S: Read + Write> Connection<S> {
    /// A connection on which nothing has arrived.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
        }
    }

    /// Sends a request, given as its bytes and its method, and reads the answer.
    ///
    /// # Errors
    /// Says why there was none.
    pub fn ask(&mut self, message: &[u8], method: &[u8]) -> Result<Reply, Failure> {
        self.stream.write_all(message)?;
        self.stream.flush()?;
        loop {
            let (status, headers) = self.head()?;
            if (100..200).contains(&status) && status != 101 {
                continue; // the final answer is still to come
            }
            let mut reply = Reply {
                status,
                headers,
                body: Vec::new(),
                took: Duration::ZERO,
            };
            if method == b"HEAD" || matches!(status, 101 | 204 | 304) {
                return Ok(reply);
            }
            let length = reply.header("content-length").and_then(|text| text.parse().ok());
            reply.body = match length {
                _ if reply.is_chunked() => self.chunks()?,
                Some(length) => self.take(length)?,
                None => self.rest()?,
            };
            return Ok(reply);
        }
    }
}

impl<S: Read> Connection<S> {
    fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.bytes.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }

    fn head(&mut self) -> Result<(u16, Vec<(String, String)>), Failure> {
        loop {
            let mut space = [httparse::EMPTY_HEADER; 128];
            let mut head = httparse::Response::new(&mut space);
            let parsed = head
                .parse(&self.bytes)
                .map_err(|error| Failure::Broken(format!("not HTTP: {error}")))?;
            let httparse::Status::Complete(length) = parsed else {
                self.more()?;
                continue;
            };
            let status = head.code.unwrap_or_default();
            let headers = head
                .headers
                .iter()
                .map(|header| {
                    (
                        header.name.to_ascii_lowercase(),
                        String::from_utf8_lossy(header.value).into_owned(),
                    )
                })
                .collect();
            self.bytes.drain(..length);
            return Ok((status, headers));
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        while self.bytes.len() < length {
            self.more()?;
        }
        Ok(self.bytes.drain(..length).collect())
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            let size = httparse::parse_chunk_size(&self.bytes);
            match size.map_err(|_| Failure::Broken("a chunk without a size".to_owned()))? {
                httparse::Status::Partial => self.more()?,
                httparse::Status::Complete((start, 0)) => {
                    self.take(start)?;
                    return Ok(body);
                }
                httparse::Status::Complete((start, size)) => {
                    self.take(start)?;
                    body.extend(self.take(usize::try_from(size).unwrap_or(usize::MAX))?);
                    self.take(2)?;
                }
            }
        }
    }

    fn rest(&mut self) -> Result<Vec<u8>, Failure> {
        match self.stream.read_to_end(&mut self.bytes) {
            // A peer that closes TLS without saying so has still said everything.
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error.into()),
            _ => Ok(std::mem::take(&mut self.bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read, Write};

    use super::{Connection, Failure, message};
    use crate::case::Request;

    /// A peer that has already answered, in pieces of seven bytes.
    struct Answered(Cursor<Vec<u8>>);

    impl Read for Answered {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(7);
            self.0.read(&mut buffer[..length])
        }
    }

    impl Write for Answered {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn check(method: &str, answer: &str, status: u16, body: &str) {
        let mut connection = Connection::new(Answered(Cursor::new(answer.into())));
        let reply = connection.ask(b"", method.as_bytes()).expect("an answer");
        assert_eq!(
            (reply.status, String::from_utf8_lossy(&reply.body).as_ref()),
            (status, body),
            "{answer}"
        );
    }

    #[test]
    fn a_body_ends_where_its_length_says() {
        check(
            "GET",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok..",
            200,
            "ok",
        );
    }

    #[test]
    fn chunks_are_joined() {
        check(
            "GET",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nA\r\n0123456789\r\n0\r\n\r\n",
            200,
            "ok0123456789",
        );
    }

    #[test]
    fn a_head_has_no_body_whatever_its_length() {
        check("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", 200, "");
    }

    #[test]
    fn an_interim_answer_is_passed_over() {
        check(
            "GET",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            404,
            "",
        );
    }

    #[test]
    fn without_a_length_the_body_ends_with_the_connection() {
        check("GET", "HTTP/1.1 200 OK\r\n\r\nok", 200, "ok");
    }

    #[test]
    fn silence_is_a_closed_connection() {
        let mut connection = Connection::new(Answered(Cursor::new(Vec::new())));
        let failure = connection.ask(b"", b"GET").expect_err("no answer");
        assert!(matches!(failure, Failure::Closed), "{failure:?}");
    }

    #[test]
    fn a_request_is_sent_as_written() {
        let request = Request {
            port: 80,
            method: "POST".to_owned(),
            path: "/a b%2f//".to_owned(),
            authority: "A.test:80".to_owned(),
            headers: vec![
                ("X-A".to_owned(), "1".to_owned()),
                ("x-a".to_owned(), String::new()),
            ],
            tls: None,
        };
        let sent = String::from_utf8(message(&request, 7)).expect("text");
        let expected = "POST /a b%2f// HTTP/1.1\r\nhost: A.test:80\r\nX-A: 1\r\nx-a: \r\nx-case: 7\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(sent, expected);
    }
}
