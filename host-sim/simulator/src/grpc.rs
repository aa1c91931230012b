//! gRPC calls and streams of guests, as data: what the guest sends, and what a test answers. `grpc_answer.rs` drives them.

use crate::HeaderMap;
use crate::budget::Held;
use crate::headers::Headers;
use std::time::Duration;

/// A call that a guest made with `proxy_grpc_call`, or a stream that it opened with `proxy_grpc_stream`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcCall {
    /// The cluster it is for.
    pub cluster: String,
    /// The service's full name.
    pub service: String,
    /// The method's name.
    pub method: String,
    /// What the guest sends ahead.
    pub metadata: Headers,
    /// What it sends: one message, or all messages of a stream.
    pub messages: Vec<Vec<u8>>,
    /// How long it is willing to wait; zero is for ever.
    pub timeout: Duration,
}

/// What comes back. A status other than 0 without a message is an answer of trailers only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcAnswer {
    /// What the service sends ahead, besides `:status` and `content-type`.
    pub metadata: Headers,
    /// Its messages; of a call only the first counts.
    pub messages: Vec<Vec<u8>>,
    /// What it sends behind, besides `grpc-status` and `grpc-message`.
    pub trailers: Headers,
    /// `grpc-status`
    pub status: u32,
    /// `grpc-message`
    pub error: String,
}

impl GrpcAnswer {
    /// A good answer, so far without a message.
    pub fn ok() -> Self {
        Self::error(0, "")
    }

    /// A status that is not good.
    pub fn error(status: u32, error: impl Into<String>) -> Self {
        Self {
            metadata: Headers::new(HeaderMap::Response),
            messages: Vec::new(),
            trailers: Headers::new(HeaderMap::Trailers),
            status,
            error: error.into(),
        }
    }

    /// Adds a message.
    #[must_use]
    pub fn message(mut self, message: impl Into<Vec<u8>>) -> Self {
        self.messages.push(message.into());
        self
    }

    /// Adds metadata to be sent ahead.
    #[must_use]
    pub fn metadata(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.metadata.add(name.as_bytes(), value.as_ref());
        self
    }

    /// Adds metadata to be sent behind.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers.add(name.as_bytes(), value.as_ref());
        self
    }

    pub(crate) fn only_trailers(&self) -> bool {
        self.status != 0 && self.messages.is_empty()
    }

    pub(crate) fn ahead(&self) -> Headers {
        let mut headers = Headers::new(HeaderMap::Response);
        headers.add(b":status", b"200");
        headers.add(b"content-type", b"application/grpc");
        for (name, value) in self.metadata.iter() {
            headers.add(name, value);
        }
        headers
    }

    pub(crate) fn behind(&self) -> Headers {
        let mut trailers = Headers::new(HeaderMap::Trailers);
        let begun = self.only_trailers().then(|| self.ahead());
        let ahead = begun.iter().flat_map(|headers| headers.iter());
        for (name, value) in ahead.chain(self.trailers.iter()) {
            trailers.add(name, value);
        }
        trailers.add(b"grpc-status", self.status.to_string().as_bytes());
        if !self.error.is_empty() {
            trailers.add(b"grpc-message", self.error.as_bytes());
        }
        trailers
    }
}

/// A call or stream that has not ended.
#[derive(Debug)]
pub(crate) struct OpenGrpc {
    pub(crate) root: u32,
    pub(crate) call: GrpcCall,
    pub(crate) asked: bool,
    pub(crate) closed_here: bool,
    pub(crate) closed_there: bool,
    pub(crate) held: Held,
}

/// The part of an answer that the callback of a root context can read.
#[derive(Debug, Default)]
pub(crate) struct GrpcReceived {
    pub(crate) ahead: Option<Headers>,
    pub(crate) message: Option<Vec<u8>>,
    pub(crate) behind: Option<Headers>,
}
