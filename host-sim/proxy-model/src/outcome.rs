//! The outcome of a request, in the form of a conformance case's `expect`, which leaves out some headers.

use std::borrow::Cow;
use std::fmt;

use fingerpost_routing_config::RuleRef;
use serde::Serialize;

/// What the client sees, and what the upstream does. As JSON it has the fields of `expect`, in that order.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// The status; 0 without an answer.
    pub status: u16,
    /// Why the client gets no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// The cluster that answers; none if the proxy answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What that cluster receives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    /// How many requests it receives: more than one where a mirror leads to the same cluster.
    #[serde(skip_serializing_if = "is_one")]
    pub attempts: usize,
    /// The other clusters that receive the request, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<String>,
    /// The body that the client receives; none if it is the echo server's. `<chunked>` where it comes in chunks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The headers that the client receives, sorted. Where only a running Envoy knows a value, it has a placeholder of
    /// `fingerpost_envoy_http`.
    pub response_headers: Vec<(String, String)>,
    /// The rule of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleRef>,
    /// The answer takes at least so long: the delay less [`SLACK_MS`].
    #[serde(skip_serializing_if = "is_zero")]
    pub at_least_ms: u64,
    /// How long a fault holds the request back. No case records it.
    #[serde(skip)]
    pub delay_ms: u64,
}

/// So much less than the delay is recorded: what a clock may be wrong by. Envoy counts from its loop's last look at the
/// clock; with 1.40 an answer came up to 3 ms before its delay was over.
pub const SLACK_MS: u64 = 50;

/// What the upstream receives.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Upstream {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The `host` header.
    pub authority: String,
    /// The other headers, sorted, those that Envoy adds among them. Where only a running Envoy knows a value, it has a
    /// placeholder of `fingerpost_envoy_http`.
    pub headers: Vec<(String, String)>,
    /// The text of `x-envoy-expected-rq-timeout-ms`.
    pub timeout_ms: Option<String>,
}

/// Why a client has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Failure {
    /// Nothing listens on that port.
    #[serde(rename = "no listener")]
    NoListener,
    /// The connection is closed without an answer.
    #[serde(rename = "closed")]
    Closed,
    /// The TLS handshake fails.
    #[serde(rename = "tls")]
    Tls,
}

/// Why a cluster has not answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// It has no endpoint.
    NoEndpoint,
    /// It can't be reached, or ends the connection before it answers.
    Unreachable,
    /// It takes longer than the route allows.
    TimedOut,
}

/// The model cannot predict the outcome of a request, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// What it would have to know.
    #[serde(rename = "skipped")]
    pub reason: Cow<'static, str>,
}

impl Skipped {
    pub(crate) fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Skipped {}

impl Outcome {
    /// No answer at all.
    pub(crate) fn none(error: Failure) -> Self {
        Self {
            error: Some(error),
            attempts: 1,
            ..Self::default()
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoListener => "no listener",
            Self::Closed => "closed",
            Self::Tls => "tls",
        })
    }
}

// References, since serde hands them over so.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_one(count: &usize) -> bool {
    *count == 1
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
