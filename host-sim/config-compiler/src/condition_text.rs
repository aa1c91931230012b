//! Conditions of a match in words: `prefix /v1`, `header x-user = jason`.
//!
//! Every table, finding and explanation uses these texts. Decides nothing.

use fingerpost_resources::StringMatch;
use fingerpost_routing_config::{HeaderMatch, PathMatch, RouteMatch, ValueMatch};

use crate::matching::ClaimMatch;

/// The conditions of a route: `prefix /v1, header x-user = jason`.
pub(crate) fn describe_conditions(matches: &RouteMatch, claims: &[ClaimMatch]) -> String {
    let is_claim = |header: &&HeaderMatch| claims.iter().any(|it| it.is_stand_in(header));
    let headers = matches
        .headers
        .iter()
        .filter(|header| !is_claim(header))
        .map(|header| match header.name.strip_prefix(':') {
            Some(name) => describe_value(name, &header.want, header.invert),
            None => describe_value(&format!("header {}", header.name), &header.want, header.invert),
        });
    let query = matches
        .query
        .iter()
        .map(|it| describe_value(&format!("query {}", it.name), &it.want, false));
    std::iter::once(describe_path(&matches.path, matches.ignore_case))
        .chain(headers)
        .chain(claims.iter().map(ClaimMatch::describe))
        .chain(query)
        .collect::<Vec<_>>()
        .join(", ")
}

/// A condition on the path: `exact /v1`, `prefix /v1 (any case)`, `regex /v[0-9]`.
#[must_use]
pub fn describe_path(path: &PathMatch, ignore_case: bool) -> String {
    let folds = if ignore_case { " (any case)" } else { "" };
    match path {
        PathMatch::Exact(text) => format!("exact {text}{folds}"),
        PathMatch::Prefix(text) => format!("prefix {text}{folds}"),
        PathMatch::Regex(text) => format!("regex {text}"),
    }
}

/// A condition on the value of `subject`, such as `header x-user`: `header x-user != jason` if it is inverted.
#[must_use]
pub fn describe_value(subject: &str, want: &ValueMatch, invert: bool) -> String {
    let (verb, text) = match (want, invert) {
        (ValueMatch::Present, false) => return format!("{subject} present"),
        (ValueMatch::Present, true) => return format!("{subject} absent"),
        (ValueMatch::Exact(text), false) => ("=", text),
        (ValueMatch::Exact(text), true) => ("!=", text),
        (ValueMatch::Prefix(text), false) => ("starts with", text),
        (ValueMatch::Prefix(text), true) => ("does not start with", text),
        (ValueMatch::Regex(text), false) => ("~", text),
        (ValueMatch::Regex(text), true) => ("!~", text),
    };
    let text = if text.is_empty() { "\"\"" } else { text };
    format!("{subject} {verb} {text}")
}

/// A condition as it is written: `prefix /api`.
pub(crate) fn describe_written(condition: &StringMatch) -> String {
    match condition {
        StringMatch::Present => "{}".to_owned(),
        StringMatch::Exact(text) => format!("exact {text}"),
        StringMatch::Prefix(text) => format!("prefix {text}"),
        StringMatch::Regex(text) => format!("regex {text}"),
    }
}

impl ClaimMatch {
    /// The condition in words: `claim groups = admin`.
    #[must_use]
    pub fn describe(&self) -> String {
        describe_value(&format!("claim {}", self.name), &self.want, !self.is_wanted)
    }
}
