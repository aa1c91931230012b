//! What can be wanted of an outcome.
//!
//! Only the words; `judge` holds them against what came out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fingerpost_proxy_model::Failure;
use fingerpost_routing::Pattern;

use crate::rule_name::RuleName;
use crate::want_foreign::{HeaderWant, RouteLookup, RuleBlock};

/// One thing that is wanted.
#[derive(Debug, Clone)]
pub(crate) enum Want {
    /// A rule applies, and it is this one.
    Rule(RuleName),
    /// No rule applies.
    NoRule,
    /// The virtual host that answers has this domain: `shop.example.com`, `*.example.com`, `*`.
    Domain(Text),
    /// The status of the answer.
    Status(Statuses),
    /// No answer, for this reason.
    NoAnswer(Failure),
    /// Envoy's name of the cluster that receives the request.
    Cluster(Text),
    /// No cluster receives the request.
    NoCluster,
    /// The host of the destination: its full name, or the first labels of it.
    Host(String),
    /// The subset of the destination; empty: none.
    Subset(String),
    /// The port of the destination.
    Port(u32),
    /// The method that the upstream receives.
    Method(Text),
    /// The path with the query that the upstream receives.
    Path(Text),
    /// The `host` that the upstream receives.
    Authority(Text),
    /// A header that the upstream receives, by its name in lower case. Several values count as one, joined by commas.
    RequestHeader(String, Text),
    /// A header that the client receives, likewise.
    ResponseHeader(String, Text),
    /// Where the client is sent to: the `location` of a redirect.
    Location(Text),
    /// The body that the client receives.
    Body(Text),
    /// The clusters that receive a copy, each by its cluster, subset or host.
    Mirrors(Vec<String>),
    /// How long the upstream may take; none: as long as it likes.
    Timeout(Option<Duration>),
    /// How long the proxy holds the request back.
    Delay(Duration),
    /// The shares of the destinations, each by its cluster, subset or host. Proportions count, not sums.
    Weights(Vec<(String, u32)>),
    /// A block of the rule that applies equals the same block here: the files of istio-config-validator. Its own
    /// `compare` holds it against the rule.
    RuleBlock(Box<RuleBlock>),
    /// What a route table has for the request: the files of router_check_tool. Its own `look` judges it.
    RouteLookup(Box<RouteLookup>),
    /// A condition on a header with all that other tools can say of it. Its own `look` judges it.
    Header(Box<HeaderWant>),
    /// Something that cannot be checked here, for this reason.
    Unsupported(String),
}

/// Statuses that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statuses {
    /// Any of these.
    OneOf(Vec<u16>),
    /// Those that begin with this digit.
    Class(u16),
}

/// What a text must be.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    /// This very text.
    Exact(String),
    /// Begins so.
    Prefix(String),
    /// Ends so.
    Suffix(String),
    /// Holds this.
    Contains(String),
    /// The whole of it matches, in RE2's syntax.
    Regex(Arc<Pattern>),
    /// There is one, whatever it is.
    Present,
    /// There is none.
    Absent,
    /// These values of a repeated header, in this order.
    Values(Vec<String>),
}

impl Text {
    /// Whether these values will do.
    pub(crate) fn accepts(&self, values: &[&str]) -> bool {
        match self {
            Self::Present => !values.is_empty(),
            Self::Absent => values.is_empty(),
            Self::Values(wanted) => wanted == values,
            _ if values.is_empty() => false,
            _ => self.accepts_one(&values.join(",")),
        }
    }

    fn accepts_one(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => value == text,
            Self::Prefix(text) => value.starts_with(text.as_str()),
            Self::Suffix(text) => value.ends_with(text.as_str()),
            Self::Contains(text) => value.contains(text.as_str()),
            Self::Regex(pattern) => pattern.accepts(value.as_bytes()),
            Self::Present => true,
            Self::Absent => false,
            Self::Values(wanted) => wanted.join(",") == value,
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => f.write_str(text),
            Self::Prefix(text) => write!(f, "{text}…"),
            Self::Suffix(text) => write!(f, "…{text}"),
            Self::Contains(text) => write!(f, "…{text}…"),
            Self::Regex(pattern) => write!(f, "/{}/", pattern.as_str()),
            Self::Present => f.write_str("present"),
            Self::Absent => f.write_str("absent"),
            Self::Values(values) => write!(f, "[{}]", values.join(", ")),
        }
    }
}

impl Statuses {
    /// Whether a status is among them.
    pub(crate) fn accept(&self, status: u16) -> bool {
        match self {
            Self::OneOf(statuses) => statuses.contains(&status),
            Self::Class(digit) => status / 100 == *digit,
        }
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(statuses) => {
                let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
                f.write_str(&statuses.join(" or "))
            }
            Self::Class(digit) => write!(f, "{digit}xx"),
        }
    }
}
