//! One case of the corpus: a request and what came of it. The format is described in `conformance/README.md`.

use std::collections::BTreeMap;

use fingerpost_routing_config::RuleRef;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A line of `cases.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is sent.
    pub request: Request,
    /// The one outcome of a rule that does not split its traffic.
    #[serde(default)]
    expect: Option<Outcome>,
    /// The outcomes of a rule that does.
    #[serde(default)]
    expect_one_of: Vec<Outcome>,
    /// The share of each cluster where the rule splits its traffic; empty otherwise.
    #[serde(default)]
    pub weights: BTreeMap<String, u32>,
}

impl Case {
    /// The outcomes that are right; one unless the rule splits its traffic.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        match &self.expect {
            Some(outcome) => std::slice::from_ref(outcome),
            None => &self.expect_one_of,
        }
    }

    /// The same request, with another outcome expected.
    #[must_use]
    pub fn expecting(self, outcome: Outcome) -> Self {
        Self {
            expect: Some(outcome),
            expect_one_of: Vec::new(),
            weights: BTreeMap::new(),
            ..self
        }
    }

    /// The rule that every outcome names. A split is one rule's, so they agree.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.outcomes().iter().find_map(|outcome| outcome.rule.as_ref())
    }
}

/// What the client sends.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The Gateway's server port.
    pub port: u16,
    /// The method.
    pub method: String,
    /// The request target as sent, whatever bytes it holds.
    pub path: String,
    /// The `host` header.
    pub authority: String,
    /// The other headers, in order; names may repeat.
    pub headers: Vec<(String, String)>,
    /// Present if sent over TLS.
    #[serde(default)]
    pub tls: Option<Tls>,
}

impl Request {
    /// Whether the request asks the echo server for an unusual answer.
    #[must_use]
    pub fn directs_the_echo(&self) -> bool {
        self.headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("x-echo"))
    }
}

/// How the client speaks TLS.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The server name it asks for.
    #[serde(default)]
    pub sni: Option<String>,
    /// Present if it shows a certificate.
    #[serde(default)]
    pub client_cert: Option<Value>,
}

impl Tls {
    /// Whether the client shows a certificate.
    #[must_use]
    pub fn shows_certificate(&self) -> bool {
        !matches!(self.client_cert, None | Some(Value::Null | Value::Bool(false)))
    }
}

/// What came of a request: as recorded in the corpus, or as an engine answered it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The status; 0 where there was no answer, and then `error` says why.
    pub status: u16,
    /// `no listener`, `closed` or `tls`.
    #[serde(default)]
    pub error: Option<String>,
    /// The cluster whose echo server answered; none if no upstream was reached.
    #[serde(default)]
    pub cluster: Option<String>,
    /// What that server received first.
    #[serde(default)]
    pub upstream: Option<Upstream>,
    /// How many requests it got.
    #[serde(default = "once")]
    pub attempts: usize,
    /// The other clusters that were hit.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// The clusters that were hit, where no answer says which of them was the main one.
    #[serde(default)]
    pub hits: Vec<String>,
    /// What the client received, where it is not the echo's own `ok`; `<chunked>` where it came in chunks.
    #[serde(default)]
    pub body: Option<String>,
    /// The headers that the client received, sorted.
    #[serde(default)]
    pub response_headers: Vec<(String, String)>,
    /// The answer took at least so long. In an engine's answer: how long it took.
    #[serde(default)]
    pub at_least_ms: u64,
    /// The rule that made it.
    #[serde(default)]
    pub rule: Option<Rule>,
}

fn once() -> usize {
    1
}

/// What an echo server received.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The `host` header.
    pub authority: String,
    /// The other headers, sorted, without those that every proxy adds.
    pub headers: Vec<(String, String)>,
    /// The text of `x-envoy-expected-rq-timeout-ms`.
    pub timeout_ms: Option<String>,
}

/// Names a rule of a VirtualService, and the match in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule; of a delegate the root's first, then its own.
    pub rules: Vec<RuleIndex>,
    /// The index of the match; none for a rule without matches.
    #[serde(rename = "match")]
    pub matched: Option<String>,
}

/// One entry of a VirtualService's `http` list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleIndex {
    /// `namespace/name`.
    pub virtual_service: String,
    /// The index in `http`.
    pub http: usize,
}

/// The fields of an access log that name the rule, for [`Rule::logged`].
#[must_use]
pub fn rule_format() -> Value {
    json!({
        "matched": {
            "rules": "%METADATA(ROUTE:fingerpost:rules)%",
            "match": "%METADATA(ROUTE:fingerpost:match)%",
        },
        "named": "%FILTER_STATE(wasm.fingerpost.rule:PLAIN)%",
    })
}

impl Rule {
    /// The rule of what Envoy wrote by [`rule_format`]: as our filter has named it, else that of the route which Envoy matched.
    #[must_use]
    pub fn logged(fields: &Value) -> Option<Self> {
        let named: Option<RuleRef> = fields["named"].as_str().and_then(|it| it.parse().ok());
        let rule = match named {
            Some(rule) => serde_json::to_value(rule).ok()?,
            None => fields["matched"].clone(),
        };
        serde_json::from_value(rule).ok()
    }
}

impl std::fmt::Display for Rule {
    /// As the control plane's route tables are named: `default/vs#0.1`, `default/root#0-team/leaf#1.0-0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, rule) in self.rules.iter().enumerate() {
            let dash = if position == 0 { "" } else { "-" };
            write!(f, "{dash}{}#{}", rule.virtual_service, rule.http)?;
        }
        match &self.matched {
            Some(index) => write!(f, ".{index}"),
            None => Ok(()),
        }
    }
}
