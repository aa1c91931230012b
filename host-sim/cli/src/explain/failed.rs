//! Which conditions a request fails, what they want and what the request has.
//!
//! Whether a condition holds is `fingerpost-routing`'s answer; here it is put into words.

use fingerpost_routing::{Encoding, Finder, Pattern, RequestHead, RouteMatch as Matcher};
use fingerpost_routing_config::{HeaderMatch, PathMatch, QueryMatch, RouteMatch, ValueMatch};

use super::story::Failed;

/// A route's conditions, as they are written and as they run. Both lists stand in one order.
#[derive(Clone, Copy)]
pub(super) struct Conditions<'a> {
    pub(super) written: &'a RouteMatch,
    pub(super) running: &'a Matcher,
    pub(super) encoding: Encoding,
}

impl Conditions<'_> {
    /// All that `head` fails, in the order in which they are asked.
    pub(super) fn failed(&self, head: &RequestHead<'_>) -> Vec<Failed> {
        let mut failed = Vec::new();
        let path = head.path().map(text).unwrap_or_default();
        if !head.path().is_some_and(|it| self.running.path.accepts(it)) {
            failed.push(self.path(&path));
        }
        for (written, running) in self.written.headers.iter().zip(&self.running.headers) {
            if !running.accepts(head) {
                let values: Vec<String> = head.values(&running.name).map(text).collect();
                failed.push(self.header(written, &values));
            }
        }
        for (written, running) in self.written.query.iter().zip(&self.running.query) {
            if !running.accepts(head.query()) {
                failed.push(self.query(written, first_value(head.query(), &written.name)));
            }
        }
        failed
    }

    fn path(&self, path: &str) -> Failed {
        let folds = if self.written.ignore_case {
            ", in any case"
        } else {
            ""
        };
        let expected = match &self.written.path {
            PathMatch::Exact(text) => format!("must be {text}{folds}"),
            PathMatch::Prefix(text) => format!("must start with {text}{folds}"),
            PathMatch::Regex(text) => format!("must match {text}"),
        };
        Failed {
            on: "path",
            name: None,
            expected,
            got: Some(path.to_owned()),
            hint: self.path_hint(path),
        }
    }

    fn path_hint(&self, path: &str) -> Option<String> {
        let hint = match &self.written.path {
            PathMatch::Exact(text) | PathMatch::Prefix(text) if text.contains('?') => {
                "the path is compared without its query"
            }
            PathMatch::Exact(text) if path.strip_suffix('/') == Some(text) => {
                "the slash at the end makes it another path"
            }
            PathMatch::Exact(text) | PathMatch::Prefix(text) if text.strip_suffix('/') == Some(path) => {
                "the slash at the end makes it another path"
            }
            PathMatch::Exact(text) if path.starts_with(text.as_str()) => {
                "`exact` takes that one path and nothing below it"
            }
            PathMatch::Exact(text) if path.eq_ignore_ascii_case(text) => "letter case counts",
            PathMatch::Prefix(text)
                if path
                    .get(..text.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(text)) =>
            {
                "letter case counts"
            }
            PathMatch::Regex(pattern) => return pattern_hint(pattern, path, self.encoding),
            PathMatch::Exact(_) | PathMatch::Prefix(_) => return None,
        };
        Some(hint.to_owned())
    }

    fn header(&self, header: &HeaderMatch, values: &[String]) -> Failed {
        let name = header.name.to_ascii_lowercase();
        let (on, shown) = match name.as_str() {
            ":method" => ("method", None),
            ":authority" | "host" => ("authority", None),
            ":scheme" => ("scheme", None),
            _ => ("header", Some(name.clone())),
        };
        let joined = values.join(", ");
        let got = (!values.is_empty()).then(|| joined.clone());
        let hint = match (&header.want, got.as_deref()) {
            _ if header.invert => (header.missing_as_empty && got.is_none())
                .then(|| "a missing header counts as an empty one here".to_owned()),
            (_, None) => None,
            (ValueMatch::Exact(want), Some(got)) if want.eq_ignore_ascii_case(got) => {
                Some("letter case counts in values".to_owned())
            }
            (ValueMatch::Exact(want), Some(got))
                if on == "authority" && crate::asked::host_of(got) == want =>
            {
                Some("the port is part of the authority".to_owned())
            }
            (ValueMatch::Regex(pattern), Some(got)) => pattern_hint(pattern, got, self.encoding),
            (ValueMatch::Exact(_) | ValueMatch::Prefix(_) | ValueMatch::Present, Some(_)) => None,
        };
        Failed {
            on,
            name: shown,
            expected: wanted(&header.want, header.invert),
            got,
            hint,
        }
    }

    fn query(&self, query: &QueryMatch, got: Option<String>) -> Failed {
        let hint = match (&query.want, &got) {
            (ValueMatch::Regex(pattern), Some(got)) => pattern_hint(pattern, got, self.encoding),
            _ => None,
        };
        Failed {
            on: "query parameter",
            name: Some(query.name.clone()),
            expected: wanted(&query.want, false),
            got,
            hint,
        }
    }
}

fn wanted(want: &ValueMatch, invert: bool) -> String {
    let must = if invert { "must not" } else { "must" };
    match want {
        ValueMatch::Present => format!("{must} be there"),
        ValueMatch::Exact(text) if text.is_empty() => format!("{must} be empty"),
        ValueMatch::Exact(text) => format!("{must} be {text}"),
        ValueMatch::Prefix(text) => format!("{must} start with {text}"),
        ValueMatch::Regex(text) => format!("{must} match {text}"),
    }
}

/// What people coming from other engines overlook.
fn pattern_hint(pattern: &str, value: &str, encoding: Encoding) -> Option<String> {
    let folded = Pattern::parse_as(&format!("(?i){pattern}"), encoding);
    if folded.is_ok_and(|it| it.accepts(value.as_bytes())) {
        return Some("letter case counts: `(?i)` at the start folds it".to_owned());
    }
    let found = Finder::parse_as(pattern, encoding).ok()?;
    found
        .find(value.as_bytes(), 0)
        .map(|_| "the pattern must match the whole value, not a part of it".to_owned())
}

/// The first value of a parameter, as it was sent.
fn first_value(query: Option<&[u8]>, name: &str) -> Option<String> {
    let query = text(query?);
    let mut parameters = query.split('&').map(|it| it.split_once('=').unwrap_or((it, "")));
    let found = parameters.find(|(key, _)| *key == name);
    found.map(|(_, value)| value.to_owned())
}

/// Bytes as a person reads them.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
