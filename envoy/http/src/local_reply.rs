//! Answers that Envoy gives by itself, of the router, the connection manager or a filter: what becomes of their headers.
//!
//! Source: `prepareLocalReply` in Envoy's `source/common/http/utility.cc`. Tried with Envoy 1.40.

use crate::grpc;
use crate::header_map::{Headers, get, remove, set};

/// An answer of Envoy's own as its author gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalReply {
    /// The status.
    pub status: u16,
    /// The body; a gRPC client gets it as `grpc-message`.
    pub body: Vec<u8>,
    /// Headers of the author's, without `:status`.
    pub headers: Headers,
    /// The gRPC status, if it does not follow from `status`.
    pub grpc_status: Option<u32>,
}

/// An answer as it enters the response path, also that to `HEAD`: the codec leaves out the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The status.
    pub status: u16,
    /// The headers, without `:status`.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

impl LocalReply {
    /// An answer without headers from the author.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            ..Self::default()
        }
    }

    /// The answer to a request.
    #[must_use]
    pub fn answer(self, request: &Headers) -> Prepared {
        let is_head = get(request, ":method") == Some(b"HEAD");
        self.prepare(grpc::is_grpc(request), is_head)
    }

    /// The answer to a request of which no more is known.
    #[must_use]
    pub fn prepare(self, is_grpc: bool, is_head: bool) -> Prepared {
        let Self {
            status,
            body,
            mut headers,
            grpc_status,
        } = self;
        remove(&mut headers, "content-length");
        if is_grpc {
            set(&mut headers, "content-type", "application/grpc");
            if get(&headers, "grpc-status").is_none_or(<[u8]>::is_empty) {
                let code = grpc_status.unwrap_or_else(|| grpc::status_of_http(status.into()));
                set(&mut headers, "grpc-status", code.to_string());
            }
            if !body.is_empty() && !is_head {
                set(&mut headers, "grpc-message", grpc::percent_encoded(&body));
            }
            return Prepared {
                status: 200,
                headers,
                body: Vec::new(),
            };
        }
        if body.is_empty() {
            remove(&mut headers, "content-type");
        } else {
            set(&mut headers, "content-length", body.len().to_string());
            if get(&headers, "content-type").is_none() {
                set(&mut headers, "content-type", "text/plain");
            }
        }
        Prepared {
            status,
            headers,
            body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LocalReply;

    fn shown(reply: LocalReply, is_grpc: bool, is_head: bool) -> (u16, Vec<String>, Vec<u8>) {
        let prepared = reply.prepare(is_grpc, is_head);
        let rows = prepared.headers.iter();
        let rows = rows.map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()));
        (prepared.status, rows.collect(), prepared.body)
    }

    fn with(headers: &[(&str, &str)], status: u16, body: &str) -> LocalReply {
        let headers = headers.iter();
        LocalReply {
            headers: headers
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            ..LocalReply::new(status, body)
        }
    }

    #[test]
    fn the_length_follows_from_the_body() {
        let reply = with(&[("content-length", "9"), ("content-type", "a/b")], 403, "no");
        let (status, headers, body) = shown(reply, false, false);
        assert_eq!((status, body), (403, b"no".to_vec()));
        assert_eq!(headers, ["content-type: a/b", "content-length: 2"]);
        let (_, headers, _) = shown(with(&[("content-type", "a/b")], 403, ""), false, false);
        assert!(headers.is_empty());
    }

    #[test]
    fn a_grpc_client_gets_status_200_and_a_message() {
        let (status, headers, body) = shown(with(&[], 403, "no"), true, false);
        assert_eq!((status, body), (200, Vec::new()));
        let expected = [
            "content-type: application/grpc",
            "grpc-status: 7",
            "grpc-message: no",
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_grpc_status_of_the_author_is_kept_and_head_has_no_message() {
        let (_, headers, _) = shown(with(&[("grpc-status", "5")], 403, "no"), true, true);
        assert_eq!(headers, ["grpc-status: 5", "content-type: application/grpc"]);
        let reply = LocalReply {
            grpc_status: Some(9),
            ..with(&[("grpc-status", "")], 403, "")
        };
        let (_, headers, _) = shown(reply, true, false);
        assert_eq!(headers, ["grpc-status: 9", "content-type: application/grpc"]);
    }
}
