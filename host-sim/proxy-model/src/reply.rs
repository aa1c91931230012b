//! Answers: those that Envoy gives by itself, and what a client receives of any.

use fingerpost_envoy_http::NOW;

use crate::headers::text;
use crate::outcome::Outcome;
use crate::request::Version;
use fingerpost_envoy_http::header_map::{Headers, get, remove, set};

/// An answer on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case, without pseudo headers.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// What an answer of Envoy's own consists of, before it is put in words for the client.
pub(crate) struct Local {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Headers,
    /// The gRPC status, where it does not follow from the other.
    pub(crate) grpc_status: Option<u32>,
}

impl Local {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            headers: Headers::new(),
            grpc_status: None,
        }
    }

    /// The answer as it enters the response path. A gRPC client gets a gRPC error instead.
    pub(crate) fn into_reply(self, is_grpc: bool, is_head: bool) -> Reply {
        let Self {
            mut status,
            mut body,
            mut headers,
            grpc_status,
        } = self;
        remove(&mut headers, "content-length");
        if is_grpc {
            set(&mut headers, "content-type", "application/grpc");
            if get(&headers, "grpc-status").is_none_or(<[u8]>::is_empty) {
                let code = grpc_status.unwrap_or_else(|| grpc_status_of(status));
                set(&mut headers, "grpc-status", code.to_string());
            }
            if !body.is_empty() && !is_head {
                set(&mut headers, "grpc-message", percent_encoded(&body));
            }
            status = 200;
            body.clear();
        } else if body.is_empty() {
            remove(&mut headers, "content-type");
        } else {
            set(&mut headers, "content-length", body.len().to_string());
            if get(&headers, "content-type").is_none() {
                set(&mut headers, "content-type", "text/plain");
            }
        }
        Reply {
            status,
            headers,
            body,
        }
    }
}

/// Whether the client speaks gRPC: then it gets answers of Envoy's own as gRPC errors.
pub(crate) fn speaks_grpc(request: &Headers) -> bool {
    // Without a path it is CONNECT, which carries bytes.
    let kind = get(request, "content-type").filter(|_| get(request, ":path").is_some());
    let kind = kind.unwrap_or_default();
    match kind.strip_prefix(b"application/grpc") {
        Some(rest) => rest.is_empty() || rest.starts_with(b"+"),
        None => false,
    }
}

impl Reply {
    /// As the connection manager sends it: with its own `server`, whatever it had, and a `date` if it had none.
    #[must_use]
    pub fn sent_by(mut self, server_name: &str) -> Self {
        set(&mut self.headers, "server", server_name);
        if get(&self.headers, "date").is_none() {
            set(&mut self.headers, "date", NOW);
        }
        self
    }

    /// The part of the outcome that a client sees of what a connection manager sends. The codec of HTTP/1 tells the
    /// length of an empty body.
    pub(crate) fn into_sent(self, server_name: &str, version: Version, is_head: bool) -> Outcome {
        let mut sent = self.sent_by(server_name);
        let is_http1 = version != Version::Http2;
        if is_http1 && !is_head && !sent.never_has_body() && sent.body.is_empty() {
            set(&mut sent.headers, "content-length", "0");
        }
        sent.into_received(is_head, version)
    }

    /// The part of the outcome that a client sees, which asked by `HEAD` or not.
    pub(crate) fn into_received(self, is_head: bool, version: Version) -> Outcome {
        let has_length = get(&self.headers, "content-length").is_some();
        let never_has_body = self.never_has_body();
        // HTTP/2 has frames of its own.
        let can_chunk = version != Version::Http2;
        let is_chunked = can_chunk && !has_length && !never_has_body && (is_head || !self.body.is_empty());
        let body = match is_head || never_has_body {
            _ if is_chunked => "<chunked>".to_owned(),
            true => String::new(),
            false => String::from_utf8_lossy(&self.body).into_owned(),
        };
        let headers = self.headers.iter();
        let mut response_headers: Vec<_> = headers
            .map(|(name, value)| (text(name), text(value.trim_ascii())))
            .collect();
        response_headers.sort();
        Outcome {
            status: self.status,
            attempts: 1,
            body: Some(body),
            response_headers,
            ..Outcome::default()
        }
    }

    fn never_has_body(&self) -> bool {
        self.status < 200 || matches!(self.status, 204 | 304)
    }
}

/// Envoy's `Grpc::Utility::httpToGrpcStatus`.
fn grpc_status_of(status: u16) -> u32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// As gRPC writes messages: what is not printable ASCII, and the percent sign, as `%XX`.
fn percent_encoded(message: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(message.len());
    for &byte in message {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(byte),
            _ => encoded.extend(format!("%{byte:02X}").bytes()),
        }
    }
    encoded
}
