//! A request that takes a given route: for a `curl` line that can be pasted.
//!
//! Decides on one plausible request, not on whether it wins: the conditions of a route are met one by
//! one, and a route whose path an earlier one takes without further conditions gets no example.

use std::collections::HashSet;

use fingerpost_routing_config::{PathMatch, RouteMatch, ValueMatch};
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::matching::is_catch_all;
use crate::routes::route::Route;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleRequest {
    /// Its method.
    pub method: String,
    /// Its host.
    pub authority: String,
    /// Its path with the query.
    pub path: String,
    /// Headers that it needs.
    pub headers: Vec<(String, String)>,
}

/// The paths that some routes take without further conditions.
#[derive(Debug, Default)]
pub(crate) struct Taken<'r> {
    all: bool,
    exact: HashSet<&'r str>,
    prefixes: HashSet<&'r str>,
}

impl<'r> Taken<'r> {
    /// Adds what a route takes.
    pub(crate) fn add(&mut self, conditions: &'r RouteMatch) {
        if !conditions.headers.is_empty() || !conditions.query.is_empty() {
            return;
        }
        self.all |= is_catch_all(conditions);
        match &conditions.path {
            PathMatch::Exact(text) => self.exact.insert(text),
            PathMatch::Prefix(text) => self.prefixes.insert(text),
            PathMatch::Regex(_) => false,
        };
    }

    fn holds(&self, path: &str) -> bool {
        let mut prefixes = (0..=path.len()).filter_map(|end| path.get(..end));
        self.all || self.exact.contains(path) || prefixes.any(|it| self.prefixes.contains(it))
    }
}

/// A request for `domain` that meets the conditions of `route`, unless it is among what earlier routes have taken.
pub(crate) fn request(domain: &str, route: &Route<'_>, taken: &Taken<'_>) -> Option<ExampleRequest> {
    let conditions = &route.conditions;
    let mut request = ExampleRequest {
        method: "GET".to_owned(),
        authority: domain.strip_prefix('*').map_or_else(
            || domain.to_owned(),
            |tail| match tail {
                "" => "localhost".to_owned(),
                tail => format!("any{tail}"),
            },
        ),
        path: match &conditions.path {
            PathMatch::Exact(text) => text.clone(),
            PathMatch::Prefix(text) if text.starts_with('/') => text.clone(),
            PathMatch::Prefix(text) => format!("/{text}"),
            PathMatch::Regex(pattern) => text_for(pattern)?,
        },
        headers: Vec::new(),
    };
    if !request.path.starts_with('/') {
        return None;
    }
    if taken.holds(&request.path) {
        return None;
    }
    for header in conditions.headers.iter().filter(|header| !header.invert) {
        let value = value_for(&header.want)?;
        match header.name.as_str() {
            ":method" => request.method = value,
            ":authority" => request.authority = value,
            ":scheme" if value == "http" || value == "https" => {}
            name if name.starts_with(':') => return None,
            name => request.headers.push((name.to_owned(), value)),
        }
    }
    request.headers.shrink_to_fit();
    let query: Option<Vec<String>> = conditions
        .query
        .iter()
        .map(|parameter| Some(format!("{}={}", parameter.name, value_for(&parameter.want)?)))
        .collect();
    let query = query?.join("&");
    if !query.is_empty() {
        request.path = format!("{}?{query}", request.path);
    }
    Some(request)
}

fn value_for(want: &ValueMatch) -> Option<String> {
    match want {
        ValueMatch::Present => Some("1".to_owned()),
        ValueMatch::Exact(text) | ValueMatch::Prefix(text) => Some(text.clone()),
        ValueMatch::Regex(pattern) => text_for(pattern),
    }
}

/// A short text that the pattern accepts: the first of every choice, the fewest of every repetition.
fn text_for(pattern: &str) -> Option<String> {
    let tree = regex_syntax::ParserBuilder::new().build().parse(pattern).ok()?;
    let mut text = String::new();
    write_text(&tree, &mut text)?;
    Some(text)
}

fn write_text(tree: &Hir, text: &mut String) -> Option<()> {
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(printable(class)?),
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min {
                write_text(&repetition.sub, text)?;
            }
        }
        HirKind::Capture(capture) => write_text(&capture.sub, text)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write_text(part, text)?;
            }
        }
        HirKind::Alternation(choices) => write_text(choices.first()?, text)?,
    }
    Some(())
}

/// A character of the class that reads well in a command line.
fn printable(class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => class
            .iter()
            .map(|range| (char::from(range.start()), char::from(range.end())))
            .collect(),
    };
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_./~"
        .chars()
        .find(|it| ranges.iter().any(|(from, to)| from <= it && it <= to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_route_takes_the_paths_that_it_asks_nothing_else_of() {
        let with_header = json!({"path": {"prefix": "/v1"}, "headers": [{"name": "a", "exact": "1"}]});
        for (conditions, taken, free) in [
            (json!({"path": {"exact": "/v1"}}), "/v1", "/v1/"),
            (json!({"path": {"prefix": "/v1"}}), "/v1/x", "/v"),
            (json!({"path": {"prefix": "/é"}}), "/éa", "/è"),
            (json!({"path": {"regex": ".*"}}), "/v1", ""),
            (json!({"path": {"regex": "/v1"}}), "", "/v1"),
            (with_header, "", "/v1"),
        ] {
            let conditions: RouteMatch = serde_json::from_value(conditions).expect("conditions");
            let mut held = Taken::default();
            held.add(&conditions);
            assert!(taken.is_empty() || held.holds(taken), "{conditions:?} {taken}");
            assert!(free.is_empty() || !held.holds(free), "{conditions:?} {free}");
        }
    }
}
