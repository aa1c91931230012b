//! Answers: those that Envoy gives by itself, and what a client receives of any.

use fingerpost_envoy_http::NOW;
use fingerpost_envoy_http::header_map::{Headers, get, set};
use fingerpost_envoy_http::local_reply::Prepared;

use crate::headers::text;
use crate::outcome::Outcome;
use crate::request::Version;

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

impl Reply {
    /// What an upstream answers, as Envoy's router passes it on: with the time that the upstream took, which counts
    /// whatever the upstream says of it (`Filter::onUpstreamHeaders`). The time is in milliseconds, or a placeholder.
    #[must_use]
    pub fn from_upstream(status: u16, mut headers: Headers, took: &[u8]) -> Self {
        set(&mut headers, "x-envoy-upstream-service-time", took);
        Self {
            status,
            headers,
            body: Vec::new(),
        }
    }
}

impl From<Prepared> for Reply {
    fn from(prepared: Prepared) -> Self {
        let Prepared {
            status,
            headers,
            body,
        } = prepared;
        Self {
            status,
            headers,
            body,
        }
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

    /// The part of the outcome that a client sees of what a connection manager sends. The codec of HTTP/1 adds the
    /// length of an empty body.
    pub(crate) fn into_sent(self, server_name: &str, version: Version, is_head: bool) -> Outcome {
        let mut sent = self.sent_by(server_name);
        let is_http1 = version != Version::Http2;
        if is_http1 && !is_head && !sent.never_has_body() && sent.body.is_empty() {
            set(&mut sent.headers, "content-length", "0");
        }
        sent.into_received(is_head, version)
    }

    /// The part of the outcome that a client sees, of a `HEAD` or another request.
    pub(crate) fn into_received(self, is_head: bool, version: Version) -> Outcome {
        let has_length = get(&self.headers, "content-length").is_some();
        let never_has_body = self.never_has_body();
        // HTTP/2 has its own frames.
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
