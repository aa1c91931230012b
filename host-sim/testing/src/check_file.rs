//! The file of `up --check`: requests, and what is to become of each.
//!
//! ```json
//! {"requests": [{
//!   "request": {"port": 80, "method": "GET", "path": "/v1/x", "authority": "shop.example.com", "headers": [["k", "v"]]},
//!   "expect": {"status": 200, "cluster": "outbound|80|v1|shop.default.svc.cluster.local", "path": "/x",
//!              "rule": "default/shop http[0]"}}]}
//! ```
//! `labels`, beside `requests`, are those of the proxy; `--labels` goes before them. `port` is the one
//! that the Gateway declares. Of `expect` only `status` is needed; `"cluster": null` says that no
//! upstream is reached, `"rule": null` that no rule applies. A rule may be named with its match, as in
//! `default/shop http[0].match[1]`.

use serde::{Deserialize, Deserializer};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// Labels of the proxy that they are about, unless the command line gives some.
    #[serde(default)]
    pub labels: Option<String>,
    /// The requests, in order.
    pub requests: Vec<FileCheck>,
}

/// A request and its outcome.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCheck {
    /// The request.
    pub request: CheckedRequest,
    /// What is to become of it.
    pub expect: ExpectedOutcome,
}

/// A request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckedRequest {
    /// The Gateway port.
    pub port: u32,
    /// The method; GET unless it is given.
    #[serde(default = "get")]
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The host, with the port if one is sent.
    pub authority: String,
    /// The other headers.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// What is expected; `None` where nothing is, `Some(None)` where nothing is to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedOutcome {
    /// The status that the client gets.
    pub status: u16,
    /// Envoy's name of the cluster.
    #[serde(default, deserialize_with = "present")]
    pub cluster: Option<Option<String>>,
    /// The path that the upstream receives.
    #[serde(default, deserialize_with = "present")]
    pub path: Option<Option<String>>,
    /// The rule, with or without its match.
    #[serde(default, deserialize_with = "present")]
    pub rule: Option<Option<String>>,
}

impl CheckFile {
    /// Reads its text.
    ///
    /// # Errors
    /// It is not JSON, or has other fields.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

fn get() -> String {
    "GET".to_owned()
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}
