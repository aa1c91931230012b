//! What a client sends, in the form of a conformance case's `request`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request as it goes over the wire in HTTP/1.1, and the port it goes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The port, as the Gateway declares it.
    pub port: u16,
    /// The method.
    pub method: String,
    /// The request target as sent, whatever bytes it holds.
    pub path: String,
    /// The `host` header.
    pub authority: String,
    /// The other headers, in order; names may repeat.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Present if sent over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// How the client speaks TLS.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The server name it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// Present, and neither null nor false, if it shows a certificate. It counts as one that the listener trusts.
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
    /// The first value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
