//! What goes into the filters and comes out of them: requests and responses as a test writes them.

use crate::local_reply::Refusal;
use crate::{HeaderMap, Headers};
use std::net::SocketAddr;
use std::time::Duration;

/// A request as the first filter sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Pseudo headers and headers.
    pub headers: Headers,
    /// The body, in the pieces in which it arrives. No piece: the headers end the request.
    pub body: Vec<Vec<u8>>,
    /// Trailers, after the body.
    pub trailers: Option<Headers>,
    /// Where the client is, 127.0.0.1:50000 unless it is set: `source.address` and `source.port`.
    pub client: SocketAddr,
    /// What passes between two pieces of the body.
    pub pause: Duration,
    /// What Envoy answers to it before any filter sees it.
    pub(crate) refused: Option<Box<Refusal>>,
}

impl Request {
    /// A request without a body, to the authority `localhost` over `http`.
    pub fn new(method: &str, path: &str) -> Self {
        let mut headers = Headers::new(HeaderMap::Request);
        headers.add(b":authority", b"localhost");
        headers.add(b":path", path.as_bytes());
        headers.add(b":method", method.as_bytes());
        headers.add(b":scheme", b"http");
        Self::from_headers(headers)
    }

    /// `GET` of a path.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// `POST` to a path.
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// A request without a body that has exactly these headers.
    pub fn from_headers(headers: Headers) -> Self {
        Self {
            headers,
            body: Vec::new(),
            trailers: None,
            client: SocketAddr::from(([127, 0, 0, 1], 50000)),
            pause: Duration::ZERO,
            refused: None,
        }
    }

    /// Lets this much time pass between two pieces of the body.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Has it come from a client at this address.
    #[must_use]
    pub fn client(mut self, address: impl Into<SocketAddr>) -> Self {
        self.client = address.into();
        self
    }

    /// Adds a header; one of the pseudo headers is set instead.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        match name.as_bytes().first() {
            Some(b':') => self.headers.overwrite(name.as_bytes(), value.as_ref()),
            _ => self.headers.add(name.as_bytes(), value.as_ref()),
        }
        self
    }

    /// Sets the authority, which is HTTP/1's `host`.
    #[must_use]
    pub fn authority(self, authority: &str) -> Self {
        self.header(":authority", authority)
    }

    /// Gives it a body in one piece, and its `content-length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        self.headers
            .set(b"content-length", body.len().to_string().as_bytes());
        self.body = vec![body];
        self
    }

    /// Gives it a body that arrives in these pieces, without a `content-length`.
    #[must_use]
    pub fn chunks<C: Into<Vec<u8>>>(mut self, chunks: impl IntoIterator<Item = C>) -> Self {
        self.body = chunks.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let trailers = self
            .trailers
            .get_or_insert_with(|| Headers::new(HeaderMap::Trailers));
        trailers.add(name.as_bytes(), value.as_ref());
        self
    }

    /// The whole body.
    pub fn body_bytes(&self) -> Vec<u8> {
        self.body.concat()
    }
}

/// A response, as an upstream gives it or as the client receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// `:status` and headers.
    pub headers: Headers,
    /// The body, in the pieces in which it arrives.
    pub body: Vec<Vec<u8>>,
    /// Trailers, after the body.
    pub trailers: Option<Headers>,
    /// What passes before it comes; a client's response has none.
    pub delay: Duration,
    /// What passes between two pieces of the body; a client's response has none.
    pub pause: Duration,
}

impl Response {
    /// A response without a body.
    pub fn new(status: u16) -> Self {
        let mut headers = Headers::new(HeaderMap::Response);
        headers.add(b":status", status.to_string().as_bytes());
        Self {
            headers,
            body: Vec::new(),
            trailers: None,
            delay: Duration::ZERO,
            pause: Duration::ZERO,
        }
    }

    /// Lets it come only when this much time has passed. Envoy waits 15 s for an upstream, and for a called cluster as
    /// long as the guest says.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Lets this much time pass between two pieces of the body.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Its status, 0 where `:status` is not a number.
    pub fn status(&self) -> u16 {
        self.headers
            .text(":status")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.add(name.as_bytes(), value.as_ref());
        self
    }

    /// Gives it a body in one piece, and its `content-length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        self.headers
            .set(b"content-length", body.len().to_string().as_bytes());
        self.body = vec![body];
        self
    }

    /// Gives it a body that arrives in these pieces, without a `content-length`.
    #[must_use]
    pub fn chunks<C: Into<Vec<u8>>>(mut self, chunks: impl IntoIterator<Item = C>) -> Self {
        self.body = chunks.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let trailers = self
            .trailers
            .get_or_insert_with(|| Headers::new(HeaderMap::Trailers));
        trailers.add(name.as_bytes(), value.as_ref());
        self
    }

    /// The whole body.
    pub fn body_bytes(&self) -> Vec<u8> {
        self.body.concat()
    }
}

/// A call that a guest made with `proxy_http_call`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCall {
    /// The cluster it is for.
    pub cluster: String,
    /// What the cluster is sent.
    pub request: Request,
    /// How long the guest is willing to wait; zero is for ever.
    pub timeout: Duration,
}

/// What comes of a guest's call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    /// The cluster answers.
    Answer(Response),
    /// The connection breaks: Envoy answers the guest with 503.
    Reset,
    /// No answer within the guest's timeout, which passes: Envoy answers the guest with 504.
    Timeout,
    /// Nothing ever comes.
    Silence,
}

impl From<Response> for CallOutcome {
    fn from(response: Response) -> Self {
        Self::Answer(response)
    }
}
