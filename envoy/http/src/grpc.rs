//! What gRPC is to Envoy: which requests are gRPC, which status an HTTP status becomes, how a message is written.
//!
//! Source: Envoy `source/common/grpc/common.cc` and `status.cc`, `PercentEncoding` in `source/common/http/utility.cc`. Tried with
//! Envoy 1.40.

use crate::header_map::{Headers, get};

/// Whether a request is gRPC, so that its client gets the answers of Envoy's own as gRPC errors.
#[must_use]
pub fn is_grpc(request: &Headers) -> bool {
    // A request without a path is CONNECT, which carries bytes.
    let kind = get(request, "content-type").filter(|_| get(request, ":path").is_some());
    let rest = kind.and_then(|it| it.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
}

/// Whether a request is gRPC-Web, which Envoy's filter for it makes gRPC of.
#[must_use]
pub fn is_grpc_web(request: &Headers) -> bool {
    // Source: Envoy `source/extensions/filters/http/grpc_web/grpc_web_filter.cc`, `gRpcWebContentTypes`.
    const KINDS: [&[u8]; 4] = [
        b"application/grpc-web",
        b"application/grpc-web+proto",
        b"application/grpc-web-text",
        b"application/grpc-web-text+proto",
    ];
    get(request, "content-type").is_some_and(|kind| KINDS.contains(&kind))
}

/// The gRPC status that an HTTP status becomes.
#[must_use]
pub fn status_of_http(status: u32) -> u32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// A text as `grpc-message` has it: what is not printable ASCII, the percent sign and the tilde as `%XX`.
#[must_use]
pub fn percent_encoded(message: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(message.len());
    for &byte in message {
        match byte {
            b' '..=b'}' if byte != b'%' => encoded.push(byte),
            _ => encoded.extend(format!("%{byte:02X}").bytes()),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{is_grpc, is_grpc_web, percent_encoded};

    #[test]
    fn a_message_is_escaped() {
        let encoded = percent_encoded("a ~}|%\u{e9}\n\u{7f}".as_bytes());
        assert_eq!(encoded, b"a %7E}|%25%C3%A9%0A%7F");
    }

    #[test]
    fn some_content_types_are_grpc() {
        for (kind, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            let headers =
                [(":path", "/"), ("content-type", kind)].map(|(name, value)| (name.into(), value.into()));
            assert_eq!(is_grpc(&headers.to_vec()), expected, "{kind}");
            assert!(!is_grpc(&headers[1..].to_vec()), "{kind} without a path");
            assert_eq!(is_grpc_web(&headers.to_vec()), kind.contains("web"), "{kind}");
        }
    }
}
