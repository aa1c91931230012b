//! The file of `up --check`: requests, and what is to become of each.
//!
//! ```json
//! {"requests": [{
//!   "request": {"port": 80, "method": "GET", "path": "/v1/x", "authority": "shop.example.com", "headers": [["k", "v"]]},
//!   "expect": {"status": 200, "cluster": "outbound|80|v1|shop.default.svc.cluster.local", "path": "/x",
//!              "rule": "default/shop http[0]"}}]}
//! ```
//! `labels`, beside `requests`, are those of the proxy that is asked; `--labels` goes before them. `port` is the one
//! that the Gateway declares. Of `expect` only `status` is needed; `"cluster": null` says that no
//! upstream is asked, `"rule": null` that no rule applies. A rule may be named with its match, as in
//! `default/shop http[0] match[1]`.

use std::path::Path;

use serde::{Deserialize, Deserializer};

use crate::failure::Failure;
use crate::files;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectations {
    /// Labels of the proxy that they are about, unless the command line gives some.
    #[serde(default)]
    pub(crate) labels: Option<String>,
    pub(crate) requests: Vec<Expectation>,
}

/// A request and its outcome.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    pub(crate) request: Request,
    pub(crate) expect: Outcome,
}

/// A request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) port: u32,
    #[serde(default = "get")]
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authority: String,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
}

/// What is expected; `None` where nothing is, `Some(None)` where nothing is to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    #[serde(default, deserialize_with = "present")]
    pub(crate) cluster: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) path: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) rule: Option<Option<String>>,
}

impl Expectations {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let refused = |reason: String| Failure::refused(format!("{}: {reason}", path.display()));
        let text = files::read_text(path).map_err(|error| refused(error.to_string()))?;
        let read = Self::parse(&text).map_err(|error| refused(error.to_string()))?;
        if read.requests.is_empty() {
            return Err(refused("there is no request in it".to_owned()));
        }
        Ok(read)
    }

    /// Reads its text.
    pub(crate) fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

impl Request {
    /// The request as HTTP/1.1 has it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\n",
            self.method, self.path, self.authority
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let is_ours = |name: &str| !self.headers.iter().any(|(it, _)| it.eq_ignore_ascii_case(name));
        if matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") && is_ours("content-length") {
            text.push_str("content-length: 0\r\n");
        }
        if is_ours("connection") {
            text.push_str("connection: close\r\n"); // Envoy keeps it to itself: it is about this connection
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// The authority without a port.
    pub(super) fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
            _ => &self.authority,
        }
    }
}

fn get() -> String {
    "GET".to_owned()
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}
