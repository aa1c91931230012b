//! An explanation, as it is told: the JSON form has these fields, and the screen shows nothing else.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{HeaderEdit, PolicyDetail};
use fingerpost_resources::Span;
use fingerpost_routing_config::{RuleRef, RuleStep};
use fingerpost_simulated_proxy::Scheme;
use serde::Serialize;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    pub(super) version: u32,
    pub(super) request: Asked,
    pub(super) listener: Option<Listener>,
    pub(super) host: Option<Host>,
    /// The rules that were asked, in order; the last is the winner, if there is one.
    pub(super) tried: Vec<Tried>,
    /// How many stand behind the winner.
    pub(super) not_reached: usize,
    /// Those of them that accept the request too.
    pub(super) too_late: Vec<TooLate>,
    /// Matches that would accept the request, and make no route.
    pub(super) left_out: Vec<LeftOut>,
    pub(super) outcome: Outcome,
    pub(super) nearest_miss: Option<Miss>,
    pub(super) warnings: Vec<Warning>,
}

/// The request.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) scheme: Scheme,
    pub(super) authority: String,
    pub(super) path: String,
    /// The path that rules are held against, where the proxy has changed it.
    pub(super) normalised: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

/// The listener that takes the connection.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Listener {
    pub(super) name: String,
    pub(super) port: u32,
    pub(super) listen_port: u32,
    pub(super) protocol: String,
    pub(super) why: String,
}

/// The virtual host that answers.
#[derive(Debug, Serialize)]
pub(super) struct Host {
    pub(super) domain: String,
    pub(super) kind: HostKind,
    pub(super) virtual_services: Vec<String>,
    /// Others that would answer if it were not there, the closest first.
    pub(super) hidden: Vec<Hidden>,
}

/// How a virtual host comes to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HostKind {
    Exact,
    Wildcard,
    Any,
}

/// A virtual host that is not asked.
#[derive(Debug, Serialize)]
pub(super) struct Hidden {
    pub(super) domain: String,
    /// The rule of it that would take the request.
    pub(super) would_take: Option<Source>,
}

/// A rule, and where it is written.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Source {
    pub(super) rule: String,
    pub(super) rules: Vec<RuleStep>,
    #[serde(rename = "match")]
    pub(super) matched: Option<String>,
    pub(super) conditions: String,
    #[serde(flatten)]
    pub(super) place: Place,
}

/// A line of a file.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Place {
    pub(super) file: Option<String>,
    pub(super) line: Option<usize>,
}

/// A rule that was asked.
#[derive(Debug, Serialize)]
pub(super) struct Tried {
    pub(super) position: usize,
    #[serde(flatten)]
    pub(super) source: Source,
    /// The first condition that failed; none for the winner.
    pub(super) failed: Option<Failed>,
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Failed {
    /// `path`, `method`, `authority`, `scheme`, `header` or `query parameter`.
    pub(super) on: &'static str,
    /// Of the header or the parameter.
    pub(super) name: Option<String>,
    /// As in `must start with /cart`.
    pub(super) expected: String,
    /// What the request has; none if it has nothing of the kind.
    pub(super) got: Option<String>,
    /// What is easily overlooked about it.
    pub(super) hint: Option<String>,
}

/// A rule that accepts the request, behind the winner.
#[derive(Debug, Serialize)]
pub(super) struct TooLate {
    pub(super) position: usize,
    #[serde(flatten)]
    pub(super) source: Source,
    /// The position of a rule that takes all that this one could take.
    pub(super) shadowed_by: Option<usize>,
}

/// A match that would accept the request, and makes no route.
#[derive(Debug, Serialize)]
pub(super) struct LeftOut {
    #[serde(flatten)]
    pub(super) source: Source,
    pub(super) reason: String,
}

/// What comes of the request.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// A rule sends it on.
    Forward(Box<Forward>),
    /// A rule answers it.
    Answer {
        by: AnsweredBy,
        winner: Source,
        words: String,
        status: Option<u16>,
        location: Option<String>,
        /// What the client gets, sorted.
        response_headers: Vec<(String, String)>,
        body: Option<String>,
        policies: Vec<Policy>,
    },
    /// Plain text is sent to HTTPS before any rule is asked.
    ToHttps { status: u16, location: Option<String> },
    /// 404.
    NotFound {
        status: u16,
        message: String,
        reasons: Vec<Reason>,
    },
    /// The proxy refuses it before any rule is asked.
    Refused { status: u16, message: String },
    /// No request gets through.
    NoConnection { message: String, reasons: Vec<Reason> },
    /// The connection is passed on as it is: no rule of `http` has a part in it.
    Bytes {
        destination: String,
        #[serde(flatten)]
        place: Place,
    },
}

/// The part of a rule that answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AnsweredBy {
    /// Its redirect or direct response.
    Rule,
    /// Its fault, which aborts every request.
    Fault,
}

/// Requests that the rule's fault aborts: they reach no destination.
#[derive(Debug, Serialize)]
pub(super) struct Abort {
    pub(super) percent: f64,
    pub(super) status: u16,
}

/// Something that may be why.
#[derive(Debug, Serialize)]
pub(super) struct Reason {
    pub(super) message: String,
    pub(super) help: Option<String>,
    #[serde(flatten)]
    pub(super) place: Place,
}

/// Where a request goes.
#[derive(Debug, Serialize)]
pub(super) struct Forward {
    pub(super) winner: Source,
    pub(super) abort: Option<Abort>,
    pub(super) rewrite: Option<Rewrite>,
    pub(super) destinations: Vec<Destination>,
    pub(super) policies: Vec<Policy>,
    pub(super) response_edits: Vec<Edit>,
}

/// What becomes of the path.
#[derive(Debug, Serialize)]
pub(super) struct Rewrite {
    pub(super) words: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// One destination.
#[derive(Debug, Serialize)]
pub(super) struct Destination {
    pub(super) cluster: String,
    pub(super) host: String,
    pub(super) port: u32,
    pub(super) subset: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) weight: u32,
    pub(super) percent: f64,
    pub(super) destination_rule: Option<DestinationRule>,
    /// Why requests get 503.
    pub(super) missing: Option<Reason>,
    /// None if DNS has to find them, or if there is no cluster.
    pub(super) endpoints: Option<Vec<EndpointShare>>,
    pub(super) request_edits: Vec<Edit>,
    pub(super) upstream: Option<Upstream>,
    #[serde(flatten)]
    pub(super) place: Place,
}

/// One endpoint of a destination.
#[derive(Debug, Serialize)]
pub(super) struct EndpointShare {
    pub(super) address: String,
    pub(super) locality: Option<String>,
    pub(super) weight: u32,
    /// Of the requests to this destination.
    pub(super) percent: f64,
}

/// The DestinationRule that counts.
#[derive(Debug, Serialize)]
pub(super) struct DestinationRule {
    pub(super) name: String,
    pub(super) traffic_policy: Vec<&'static str>,
    #[serde(flatten)]
    pub(super) place: Place,
}

/// What the upstream receives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Upstream {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) authority: String,
    pub(super) headers: Vec<(String, String)>,
}

/// A policy.
#[derive(Debug, Serialize)]
pub(super) struct Policy {
    pub(super) name: &'static str,
    pub(super) words: String,
    #[serde(flatten)]
    pub(super) place: Place,
}

/// An edit of a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Edit {
    pub(super) verb: &'static str,
    pub(super) name: String,
    pub(super) value: Option<String>,
}

/// The rule that came closest.
#[derive(Debug, Serialize)]
pub(super) struct Miss {
    pub(super) position: usize,
    #[serde(flatten)]
    pub(super) source: Source,
    /// All conditions that fail.
    pub(super) failed: Vec<Failed>,
}

/// What would surprise.
#[derive(Debug, Serialize)]
pub(super) struct Warning {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Source {
    pub(super) fn new(rule: &RuleRef, conditions: &str, span: Option<&Span>) -> Self {
        Self {
            rule: rule.to_string(),
            rules: rule.rules.clone(),
            matched: rule.matched.clone(),
            conditions: conditions.to_owned(),
            place: Place::new(span),
        }
    }
}

impl Place {
    pub(super) fn new(span: Option<&Span>) -> Self {
        Self {
            file: span.map(|it| it.file.to_string()),
            line: span.map(|it| it.line),
        }
    }
}

impl Policy {
    pub(super) fn new(policy: &PolicyDetail) -> Self {
        Self {
            name: policy.name,
            words: policy.words.clone(),
            place: Place::new(policy.span.as_ref()),
        }
    }
}

impl Edit {
    pub(super) fn new(edit: &HeaderEdit) -> Self {
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
