//! An explanation as data. The JSON form has these fields, and the screen shows nothing else.

use std::collections::BTreeMap;
use std::fmt;

use fingerpost_config_compiler::{ClusterProtocol, HeaderEdit, PolicyDetail, RouteSummary};
use fingerpost_resources::{Code, Span};
use fingerpost_routing_config::{RuleRef, RuleStep};
use fingerpost_simulated_proxy::Scheme;
use serde::{Serialize, Serializer};

use crate::connection::TlsChain;

/// All of it.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The version of the JSON form.
    pub version: u32,
    /// The request.
    pub request: ExplainedRequest,
    /// The labels of the proxy that answers.
    pub proxy: BTreeMap<String, String>,
    /// What is taken to exist for this answer, and is not in the input.
    pub assumed: Vec<Assumed>,
    /// The listener that takes the connection, if one does.
    pub listener: Option<Listener>,
    /// The filter chain that its server name chooses, over TLS.
    pub tls: Option<TlsChain>,
    /// The virtual host that answers, if one does.
    pub host: Option<Host>,
    /// The rules that were tried, in order; the last is the winner, if there is one.
    pub tried: Vec<Tried>,
    /// How many come after the winner.
    pub not_reached: usize,
    /// Those of them that accept the request too.
    pub too_late: Vec<TooLate>,
    /// Matches that would accept the request, and make no route.
    pub left_out: Vec<LeftOut>,
    /// What comes of the request.
    pub outcome: Outcome,
    /// If no rule accepts the request: the one that came closest.
    pub nearest_miss: Option<Miss>,
    /// What would surprise the author of the rules, the gravest first.
    pub warnings: Vec<Warning>,
}

/// Something that is not in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumed {
    /// What it is.
    pub kind: AssumedKind,
    /// `namespace/name` of a Gateway, the full host of a service, a placeholder and what was filled in for it.
    pub name: String,
}

/// What is assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AssumedKind {
    /// A Gateway with plain HTTP on port 80.
    Gateway,
    /// A service.
    Service,
    /// A value that was filled in for a placeholder.
    Value,
}

impl Explanation {
    /// The status and the place that a redirect sends the client to.
    #[must_use]
    pub fn redirect(&self) -> Option<(u16, &str)> {
        let (status, location) = match &self.outcome {
            Outcome::Answer { status, location, .. } => ((*status)?, location.as_deref()?),
            Outcome::ToHttps { status, location } => (*status, location.as_deref()?),
            Outcome::Forward(_)
            | Outcome::NotFound { .. }
            | Outcome::Refused { .. }
            | Outcome::Unknown { .. }
            | Outcome::NoConnection { .. }
            | Outcome::Bytes { .. } => return None,
        };
        (300..400).contains(&status).then_some((status, location))
    }

    /// The rule that takes the request, as in `default/shop http[0].match[0]`.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Answer { winner, .. } => Some(&winner.rule),
            Outcome::Forward(forward) => Some(&forward.winner.rule),
            Outcome::ToHttps { .. }
            | Outcome::NotFound { .. }
            | Outcome::Refused { .. }
            | Outcome::Unknown { .. }
            | Outcome::NoConnection { .. }
            | Outcome::Bytes { .. } => None,
        }
    }
}

/// The request.
#[derive(Debug, Serialize)]
pub struct ExplainedRequest {
    /// In upper case.
    pub method: String,
    /// How the client speaks to the listener.
    pub scheme: Scheme,
    /// The `host` header, with the port if one is sent; none if the request has none.
    pub authority: Option<String>,
    /// The path with the query, as it is sent.
    pub path: String,
    /// The path that rules are held against, where the proxy has changed it.
    pub normalised: Option<String>,
    /// The other headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl ExplainedRequest {
    /// Its URL, with the host that is sent; the path alone where none is sent.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.authority {
            Some(host) => format!("{}://{host}{}", self.scheme.as_str(), self.path),
            None => self.path.clone(),
        }
    }

    /// The `host` header, empty where there is none.
    pub(crate) fn host(&self) -> &str {
        self.authority.as_deref().unwrap_or_default()
    }
}

/// The listener that takes the connection.
#[derive(Debug, Clone, Serialize)]
pub struct Listener {
    /// Envoy's name of it.
    pub name: String,
    /// The Gateway port.
    pub port: u32,
    /// The port that Envoy listens on.
    pub listen_port: u32,
    /// As in the Gateway.
    pub protocol: String,
    /// Why the request goes to this one.
    pub why: String,
}

/// The virtual host that answers.
#[derive(Debug, Serialize)]
pub struct Host {
    /// Its first domain.
    pub domain: String,
    /// How it comes to answer.
    pub kind: HostKind,
    /// The VirtualServices that it has rules of, as `namespace/name`.
    pub virtual_services: Vec<String>,
    /// Less specific hosts that match too, the most specific first.
    pub hidden: Vec<Hidden>,
}

/// How a virtual host comes to answer, or a filter chain to be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKind {
    /// It has the very name.
    Exact,
    /// Its domain begins with `*.`.
    Wildcard,
    /// Its domain is `*`.
    Any,
}

/// A virtual host that is not consulted.
#[derive(Debug, Serialize)]
pub struct Hidden {
    /// Its first domain.
    pub domain: String,
    /// The rule of it that would take the request.
    pub would_take: Option<Source>,
}

/// A rule, and where it is written.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// As in `default/shop http[0].match[0]`.
    pub rule: String,
    /// The same in parts: the root, then the delegate.
    pub rules: Vec<RuleStep>,
    /// The index of the match; `0-1` through a delegate.
    #[serde(rename = "match")]
    pub matched: Option<String>,
    /// The conditions of the match, in words.
    pub conditions: String,
    /// Where the match is written.
    #[serde(flatten)]
    pub place: Place,
}

/// A line of a file.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
}

/// A rule that was tried.
#[derive(Debug, Serialize)]
pub struct Tried {
    /// Its position in the virtual host, from 1.
    pub position: usize,
    /// The rule.
    #[serde(flatten)]
    pub source: Source,
    /// The first condition that failed; none for the winner.
    pub failed: Option<Failed>,
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// `path`, `method`, `authority`, `scheme`, `header` or `query parameter`.
    pub on: &'static str,
    /// Of the header or the parameter.
    pub name: Option<String>,
    /// The condition, as in `prefix /cart` or `header x-a = 1`.
    pub expected: String,
    /// What the request has; none if it has nothing of the kind.
    pub got: Option<String>,
    /// What is easily overlooked about it.
    pub hint: Option<String>,
    /// What would make the match accept the request, where that is one small change.
    pub fix: Option<String>,
}

/// A rule that accepts the request, behind the winner.
#[derive(Debug, Serialize)]
pub struct TooLate {
    /// Its position in the virtual host, from 1.
    pub position: usize,
    /// The rule.
    #[serde(flatten)]
    pub source: Source,
    /// The position of a rule that takes all that this one could take.
    pub shadowed_by: Option<usize>,
}

/// A match that would accept the request, and makes no route.
#[derive(Debug, Serialize)]
pub struct LeftOut {
    /// The match.
    #[serde(flatten)]
    pub source: Source,
    /// Why it makes no route.
    pub reason: String,
}

/// What comes of the request.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// A rule sends it on.
    Forward(Box<Forward>),
    /// A rule answers it.
    Answer {
        /// Which part of the rule answers.
        by: AnsweredBy,
        /// The rule.
        winner: Source,
        /// What the rule does.
        words: String,
        /// The status, where the model knows it.
        status: Option<u16>,
        /// Where a redirect sends the client.
        location: Option<String>,
        /// What the client gets, sorted.
        response_headers: Vec<(String, String)>,
        /// The body that the client gets.
        body: Option<String>,
        /// What else applies.
        policies: Vec<Policy>,
    },
    /// Plain text is redirected to HTTPS before any rule is tried.
    ToHttps {
        /// The status of the redirect.
        status: u16,
        /// Where it sends the client.
        location: Option<String>,
    },
    /// 404.
    NotFound {
        /// 404.
        status: u16,
        /// What was not found.
        message: String,
        /// What may be why.
        reasons: Vec<Reason>,
    },
    /// The proxy refuses it: before any rule is tried, or for the upgrade that it asks for.
    Refused {
        /// The status of the answer.
        status: u16,
        /// Why.
        message: String,
    },
    /// Only a running Envoy knows which rule takes it.
    Unknown {
        /// What it depends on.
        message: String,
    },
    /// No request gets through.
    NoConnection {
        /// What becomes of the connection.
        message: String,
        /// What may be why.
        reasons: Vec<Reason>,
    },
    /// The connection is passed on as it is: no rule of `http` has a part in it.
    Bytes {
        /// Where it goes, in words.
        destination: String,
        /// Where the route is written.
        #[serde(flatten)]
        place: Place,
    },
}

/// The part of a rule that answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// Its redirect or direct response.
    Rule,
    /// Its fault, which aborts every request.
    Fault,
    /// Its CORS policy, for the preflight request of a browser.
    Cors,
}

/// Requests that the rule's fault aborts: they reach no destination.
#[derive(Debug, Serialize)]
pub struct Abort {
    /// The share of the requests.
    pub percent: f64,
    /// The status that they get.
    pub status: u16,
}

/// Something that may be why.
#[derive(Debug, Serialize)]
pub struct Reason {
    /// What it is.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where it is written.
    #[serde(flatten)]
    pub place: Place,
}

/// Where a request goes.
#[derive(Debug, Serialize)]
pub struct Forward {
    /// The rule.
    pub winner: Source,
    /// Requests that a fault answers.
    pub abort: Option<Abort>,
    /// The rule's rewrite.
    pub rewrite: Option<Rewrite>,
    /// Where requests go, in the order of the rule.
    pub destinations: Vec<Destination>,
    /// What else applies: timeouts, retries and the like.
    pub policies: Vec<Policy>,
    /// Whether the rule's CORS policy allows the origin of the request; none without a policy or an origin.
    pub allows_origin: Option<bool>,
    /// Edits of the response.
    pub response_edits: Vec<Edit>,
}

/// What becomes of the path.
#[derive(Debug, Serialize)]
pub struct Rewrite {
    /// As in `/v1 -> /`.
    pub words: String,
    /// The path with the query, as it came.
    pub before: String,
    /// The path with the query, as it goes on.
    pub after: String,
}

/// One destination.
#[derive(Debug, Serialize)]
pub struct Destination {
    /// Envoy's name of the cluster.
    pub cluster: String,
    /// The full name of the host.
    pub host: String,
    /// The port of the service.
    pub port: u32,
    /// The subset, if it names one.
    pub subset: Option<String>,
    /// The labels of the subset.
    pub labels: BTreeMap<String, String>,
    /// As written.
    pub weight: u32,
    /// The share of the requests.
    pub percent: f64,
    /// The version of HTTP that the proxy speaks to it.
    #[serde(serialize_with = "as_text")]
    pub protocol: ClusterProtocol,
    /// The same in full, as in `HTTP/2 over TLS, with a client certificate`; none if there is no cluster.
    pub connection: Option<String>,
    /// The DestinationRule that applies.
    pub destination_rule: Option<DestinationRule>,
    /// Why requests get 503.
    pub missing: Option<Reason>,
    /// None if DNS has to find them, or if there is no cluster.
    pub endpoints: Option<Vec<EndpointShare>>,
    /// Edits of the request, in the order in which they are made.
    pub request_edits: Vec<Edit>,
    /// What the upstream receives, where the model knows.
    pub upstream: Option<Upstream>,
    /// Where the destination is written.
    #[serde(flatten)]
    pub place: Place,
}

/// One endpoint of a destination.
#[derive(Debug, Serialize)]
pub struct EndpointShare {
    /// As in `10.0.0.1:8080`.
    pub address: String,
    /// As in `region/zone`.
    pub locality: Option<String>,
    /// As Envoy has it.
    pub weight: u32,
    /// 0 comes first; others take over where too many endpoints before them fail.
    pub priority: u32,
    /// Of the requests to this destination while all endpoints are healthy.
    pub percent: f64,
}

/// The DestinationRule that counts.
#[derive(Debug, Serialize)]
pub struct DestinationRule {
    /// As `namespace/name`.
    pub name: String,
    /// The parts of its traffic policy that have an effect.
    pub traffic_policy: Vec<&'static str>,
    /// Where it is written.
    #[serde(flatten)]
    pub place: Place,
}

/// What the upstream receives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Upstream {
    /// The method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The `host`.
    pub authority: String,
    /// The other headers.
    pub headers: Vec<(String, String)>,
}

/// A policy.
#[derive(Debug, Clone, Serialize)]
pub struct Policy {
    /// As in `timeout`.
    pub name: &'static str,
    /// What it says, as in `5s`.
    pub words: String,
    /// Where it is written.
    #[serde(flatten)]
    pub place: Place,
}

/// An edit of a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// `set`, `add` or `remove`.
    pub verb: &'static str,
    /// The header.
    pub name: String,
    /// What it is set to, or what is added.
    pub value: Option<String>,
}

/// The rule that came closest.
#[derive(Debug, Serialize)]
pub struct Miss {
    /// Its position in the virtual host, from 1.
    pub position: usize,
    /// The rule.
    #[serde(flatten)]
    pub source: Source,
    /// All conditions that fail.
    pub failed: Vec<Failed>,
}

/// What would surprise.
#[derive(Debug, Serialize)]
pub struct Warning {
    /// What kind of warning it is.
    #[serde(serialize_with = "as_text")]
    pub code: Code,
    /// What would surprise.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

fn as_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Source {
    /// Of a route; none if it was made of no rule.
    pub(crate) fn of(route: &RouteSummary) -> Option<Self> {
        let rule = route.rule.as_ref()?;
        Some(Self::new(rule, &route.matches, route.span.as_ref()))
    }

    pub(crate) fn new(rule: &RuleRef, conditions: &str, span: Option<&Span>) -> Self {
        Self {
            rule: rule.to_string(),
            rules: rule.rules.clone(),
            matched: rule.matched.clone(),
            conditions: conditions.to_owned(),
            place: Place::new(span),
        }
    }
}

impl Failed {
    /// What the condition is about, as in `header x-a`.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.on),
            None => self.on.to_owned(),
        }
    }

    /// What the request has instead, as in `path is /b`.
    #[must_use]
    pub fn found(&self) -> String {
        let subject = self.subject();
        match self.got.as_deref() {
            None => format!("{subject} is missing"),
            Some("") => format!("{subject} is empty"),
            Some(value) => format!("{subject} is {value}"),
        }
    }
}

impl Place {
    pub(crate) fn new(span: Option<&Span>) -> Self {
        Self {
            file: span.map(|it| it.file.to_string()),
            line: span.map(|it| it.line),
            column: span.map(|it| it.column),
        }
    }
}

impl Policy {
    pub(crate) fn new(policy: &PolicyDetail) -> Self {
        Self {
            name: policy.name,
            words: policy.text.clone(),
            place: Place::new(policy.span.as_ref()),
        }
    }
}

impl Edit {
    pub(crate) fn new(edit: &HeaderEdit) -> Self {
        let (verb, name, value) = match edit {
            HeaderEdit::Set(name, value) => ("set", name, Some(value)),
            HeaderEdit::Add(name, value) => ("add", name, Some(value)),
            HeaderEdit::Remove(name) => ("remove", name, None),
        };
        Self {
            verb,
            name: name.clone(),
            value: value.cloned(),
        }
    }
}
