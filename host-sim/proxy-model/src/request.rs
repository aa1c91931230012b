//! A request as a client sends it, in the form of a conformance case's `request`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request as it goes over the wire, and the port it goes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The port, as the Gateway declares it.
    pub port: u16,
    /// The method.
    pub method: String,
    /// The request target as sent, whatever bytes it holds.
    pub path: String,
    /// The `host` header; none if the client sends none. A request that is read names it all the same, if need be as `null`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub authority: Option<String>,
    /// The other headers, in order; names may repeat.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Present if sent over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The version of HTTP.
    #[serde(default, skip_serializing_if = "Version::is_usual")]
    pub version: Version,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// `HTTP/1.0`, which Envoy refuses.
    #[serde(rename = "HTTP/1.0")]
    Http10,
    /// `HTTP/1.1`.
    #[default]
    #[serde(rename = "HTTP/1.1")]
    Http11,
    /// `HTTP/2`.
    #[serde(rename = "HTTP/2")]
    Http2,
}

impl Version {
    /// As in a request line, and in Envoy's `%PROTOCOL%`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What a run knows of a request beside what the client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The id that the proxy makes.
    pub request_id: String,
}

/// How the client speaks TLS.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The server name (SNI).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// Present, and neither null nor false, if it shows a certificate, which the listener is assumed to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<Value>,
}

impl Tls {
    /// Whether the client shows a certificate.
    pub(crate) fn shows_certificate(&self) -> bool {
        !matches!(self.client_cert, None | Some(Value::Null | Value::Bool(false)))
    }
}

impl Request {
    /// The `host` header, empty where there is none.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.as_deref().unwrap_or_default()
    }

    /// The first value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
