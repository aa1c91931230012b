//! What gRPC sends over HTTP/2: messages behind their length, and a status behind the last one.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>. Written here because tonic would bring other features of the
//! crates that wasmtime is built with, so that it would be built twice.

use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Frame, Incoming};

use super::body::Body;
use crate::operations::said;

/// A frame of a body that carries calls.
pub(super) type CallFrame = Result<Frame<Bytes>, std::convert::Infallible>;

/// How a call ends: the numbers of <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    NotFound = 5,
    ResourceExhausted = 8,
    Aborted = 10,
    Unimplemented = 12,
    Unavailable = 14,
}

impl Code {
    pub(super) const ALL: [Self; 6] = [
        Self::Ok,
        Self::NotFound,
        Self::ResourceExhausted,
        Self::Aborted,
        Self::Unimplemented,
        Self::Unavailable,
    ];

    fn read(value: &HeaderValue) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|it| *value == it.value());
        known.ok_or_else(|| format!("the status {value:?} is not expected here"))
    }

    pub(super) fn value(self) -> HeaderValue {
        HeaderValue::from(self as u16)
    }
}

/// A message as it is sent.
pub(super) fn message(text: &str) -> CallFrame {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let not_compressed = [0];
    Ok(Frame::data(
        [&not_compressed[..], &length, text.as_bytes()].concat().into(),
    ))
}

/// Reads the messages of a body.
pub(super) struct Messages {
    body: Incoming,
    read: Vec<u8>,
    trailers: Option<HeaderMap>,
}

impl Messages {
    pub(super) fn new(body: Incoming) -> Self {
        Self {
            body,
            read: Vec::new(),
            trailers: None,
        }
    }

    /// The next message, or none where the body ends. An error is a body that broke off.
    pub(super) async fn next(&mut self) -> Result<Option<String>, String> {
        loop {
            if let Some((text, rest)) = first_message(&self.read) {
                let text = String::from_utf8(text.to_vec()).map_err(said)?;
                self.read = rest.to_vec();
                return Ok(Some(text));
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            match frame.map_err(said)?.into_data() {
                Ok(data) => self.read.extend(data),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    /// All messages that are still to come.
    pub(super) async fn all(&mut self) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        while let Some(text) = self.next().await? {
            all.push(text);
        }
        Ok(all)
    }
}

/// The text of a message that is there as a whole, and what follows it.
fn first_message(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<5>()?;
    let [_, length @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    rest.split_at_checked(length)
}

/// The answer to a call.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) messages: Messages,
}

/// What stands at the end of an answer.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) code: Code,
    pub(super) message: String,
    /// The headers or the trailers that it is in.
    pub(super) metadata: HeaderMap,
}

impl Answer {
    /// Reads the rest of it. A status without messages is in the headers, one behind messages in the trailers.
    pub(super) async fn status(mut self) -> Result<Status, String> {
        self.messages.all().await?;
        let metadata = self.messages.trailers.unwrap_or(self.headers);
        let code = metadata.get("grpc-status").ok_or("the answer has no status")?;
        let message = metadata.get("grpc-message").map(HeaderValue::to_str);
        Ok(Status {
            code: Code::read(code)?,
            message: message.transpose().map_err(said)?.unwrap_or_default().to_owned(),
            metadata,
        })
    }
}

/// A call, before its messages.
pub(super) struct Call<'a> {
    pub(super) host: &'a str,
    /// `/package.Service/Method`.
    pub(super) path: &'a str,
    pub(super) case: &'a str,
    /// How long the client waits, as `grpc-timeout` has it.
    pub(super) deadline: Option<&'a str>,
    pub(super) metadata: &'a [(&'static str, &'static str)],
}

impl Call<'_> {
    /// Sends the call with these messages, and returns when the headers of the answer are there.
    pub(super) async fn send(
        &self,
        client: &mut hyper::client::conn::http2::SendRequest<Body>,
        messages: Body,
    ) -> Result<Answer, String> {
        let mut request = http::Request::post(format!("http://{}{}", self.host, self.path))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("x-case", self.case);
        for (name, value) in self
            .deadline
            .map(|it| ("grpc-timeout", it))
            .iter()
            .chain(self.metadata)
        {
            request = request.header(*name, *value);
        }
        client.ready().await.map_err(said)?;
        let response = client
            .send_request(request.body(messages).map_err(said)?)
            .await
            .map_err(said)?;
        let (head, body) = response.into_parts();
        if head.status != 200 {
            return Err(format!("{}: gRPC clients expect the status 200", head.status));
        }
        Ok(Answer {
            headers: head.headers,
            messages: Messages::new(body),
        })
    }
}
