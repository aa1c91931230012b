//! What only the test files of other tools can want of an outcome: conditions with more to them than those of our own
//! files.
//!
//! Only the words; the files of the same names in `foreign` hold them against what came out.

use std::sync::Arc;
use std::time::Duration;

use fingerpost_resources::HttpRoute;
use fingerpost_routing::Pattern;

/// A block, and what is wanted of it.
#[derive(Debug, Clone)]
pub(crate) struct RuleBlock {
    pub(crate) block: Block,
    /// The rule that has this block, and others that the test names.
    pub(crate) rule: HttpRoute,
    /// The block as the test has it, in a line.
    pub(crate) written: String,
    /// Whether the test names a `route`: the original then looks behind a delegate for the other blocks too.
    pub(crate) names_route: bool,
}

/// A block of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    /// Of the rule that applies, behind its delegate if it has one.
    Route,
    /// Likewise.
    Redirect,
    /// Likewise.
    Rewrite,
    /// Likewise.
    Fault,
    /// Likewise.
    Headers,
    /// Of the first rule: the one that delegates.
    Delegate,
}

/// One thing that the tool checks, and where its dice fall.
#[derive(Debug, Clone)]
pub(crate) struct RouteLookup {
    pub(crate) field: Field,
    pub(crate) roll: u64,
    /// Whether the client is said to speak TLS.
    pub(crate) ssl: bool,
}

/// A field of `validate`; an empty text for what is not there.
#[derive(Debug, Clone)]
pub(crate) enum Field {
    Cluster(String),
    VirtualHost(String),
    VirtualCluster(String),
    Path(String),
    Host(String),
    Redirect(String),
    RedirectCode(u32),
    Timeout(Duration),
    /// Some cluster receives the request.
    GoesOn,
}

/// What a header must be.
#[derive(Debug, Clone)]
pub(crate) struct HeaderWant {
    pub(crate) side: Side,
    /// In lower case; also `:path` and the like.
    pub(crate) name: String,
    pub(crate) matcher: Matcher,
    /// Whether it must be otherwise.
    pub(crate) invert: bool,
    /// Whether one that is missing counts as empty. Otherwise nothing is true of it but that it is missing.
    pub(crate) missing_as_empty: bool,
    pub(crate) ignore_case: bool,
    /// Whether the client is said to speak TLS; none where nothing is said.
    pub(crate) https: Option<bool>,
}

/// Whose header it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The request that the upstream receives; where none is reached, the request as it was sent.
    Request,
    /// The answer that the client receives.
    Response,
}

/// What a value must be.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    /// This text; several values count each, and joined by commas.
    Exact(String),
    /// This text; several values count as one, joined by commas.
    Whole(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    /// The whole of it, in RE2's syntax.
    Regex(Arc<Pattern>),
    /// A number from the first to the second, without the second.
    Range(i64, i64),
    /// Whether there is one.
    Present(bool),
    /// A line `name: value` is this text.
    Line(String),
    /// A line `name: value` matches as a whole.
    LineRegex(Arc<Pattern>),
}

impl HeaderWant {
    /// A condition without the finer points.
    pub(crate) fn new(side: Side, name: &str, matcher: Matcher) -> Self {
        Self {
            side,
            name: name.to_ascii_lowercase(),
            matcher,
            invert: false,
            missing_as_empty: false,
            ignore_case: false,
            https: None,
        }
    }
}

impl Block {
    /// The field of the rule.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Redirect => "redirect",
            Self::Rewrite => "rewrite",
            Self::Fault => "fault",
            Self::Headers => "headers",
            Self::Delegate => "delegate",
        }
    }
}
