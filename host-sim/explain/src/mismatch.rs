//! Which conditions a request fails, what they want and what the request has.
//!
//! `fingerpost-routing` decides whether a condition holds, and `fingerpost-config-compiler` describes conditions.

use fingerpost_config_compiler::{ClaimMatch, describe_path, describe_value};
use fingerpost_proxy_model::shown;
use fingerpost_routing::{
    Encoding, Finder, HeaderMatch, HeaderName, Mismatch, PathMatch, Pattern, QueryMatch, RequestHead,
    RouteMatch, StringMatch, ValueMatch,
};
use fingerpost_routing_config as written;
use fingerpost_simulated_proxy::host_of;

use crate::explanation::Failed;

/// A route's conditions.
#[derive(Clone, Copy)]
pub(crate) struct Conditions<'a> {
    pub(crate) matcher: &'a RouteMatch,
    pub(crate) encoding: Encoding,
    /// The conditions on claims, for which `matcher` has others that hold or fail in their place.
    pub(crate) claims: &'a [ClaimMatch],
}

impl Conditions<'_> {
    /// All that `head` fails, in the order in which they are checked.
    pub(crate) fn failed(&self, head: &RequestHead<'_>) -> Vec<Failed> {
        let path = head.path().map(text).unwrap_or_default();
        let claims: Vec<&ClaimMatch> = self.claims.iter().filter(|it| it.is_wanted).collect();
        let is_stand_in = |it: &HeaderMatch| {
            it.name == HeaderName::Method
                && matches!(it.want, ValueMatch::Present)
                && it.invert
                && !claims.is_empty()
        };
        let mut failed = Vec::new();
        let mut others = Vec::new();
        for mismatch in self.matcher.mismatches(head) {
            match mismatch {
                Mismatch::NoPath | Mismatch::Path(_) => failed.push(self.path(&path, head.query())),
                Mismatch::Header(header) if is_stand_in(header) => {}
                Mismatch::Header(header) => {
                    others.push(self.header(header, head));
                }
                Mismatch::Query(query) => {
                    others.push(self.query(query, first_value(head.query(), &query.name)));
                }
            }
        }
        failed.extend(claims.into_iter().map(claim));
        failed.extend(others);
        failed
    }

    fn path(&self, path: &str, query: Option<&[u8]>) -> Failed {
        let (condition, ignore_case) = match &self.matcher.path {
            PathMatch::Exact { path, ignore_case } => {
                (written::PathMatch::Exact(path.to_string()), *ignore_case)
            }
            PathMatch::Prefix { prefix, ignore_case } => {
                (written::PathMatch::Prefix(prefix.to_string()), *ignore_case)
            }
            PathMatch::Regex(pattern) => (written::PathMatch::Regex(pattern.to_string()), false),
        };
        let (hint, fix) = self.path_hint(path, query);
        Failed {
            on: "path",
            name: None,
            expected: describe_path(&condition, ignore_case),
            got: Some(path.to_owned()),
            hint,
            fix,
        }
    }

    /// What is easily overlooked about the path, and what would make the match accept it.
    fn path_hint(&self, path: &str, query: Option<&[u8]>) -> (Option<String>, Option<String>) {
        let (text, is_exact) = match &self.matcher.path {
            PathMatch::Exact { path, .. } => (&**path, true),
            PathMatch::Prefix { prefix, .. } => (&**prefix, false),
            PathMatch::Regex(pattern) => {
                let whole = format!("{path}?{}", query.map(text).unwrap_or_default());
                if query.is_some() && pattern.accepts(whole.as_bytes()) {
                    let hint = "the path is compared without its query: use `queryParams`";
                    return (Some(hint.to_owned()), None);
                }
                return (pattern_hint(pattern.as_str(), path, self.encoding), None);
            }
        };
        let start = path.get(..text.len());
        let (hint, fix) = if text.contains('?') {
            let before = text.split('?').next().unwrap_or_default();
            (
                "the path is compared without its query",
                format!("match `{before}`, and the query with `queryParams`"),
            )
        } else if (is_exact && path.strip_suffix('/') == Some(text)) || text.strip_suffix('/') == Some(path) {
            (
                "the slash at the end makes it another path",
                format!("add `- uri: {{exact: {path}}}` to its `match`"),
            )
        } else if is_exact && path.starts_with(text) {
            (
                "`exact` takes that one path and nothing below it",
                format!("write `uri: {{prefix: {text}}}`"),
            )
        } else if start.is_some_and(|it| it.eq_ignore_ascii_case(text))
            && (!is_exact || path.len() == text.len())
        {
            (
                "letter case counts",
                "set `ignoreUriCase: true` in the match".to_owned(),
            )
        } else {
            return (None, None);
        };
        (Some(hint.to_owned()), Some(fix))
    }

    /// A condition on a header, and what the request has.
    pub(crate) fn header(&self, header: &HeaderMatch, head: &RequestHead<'_>) -> Failed {
        let name = header.name.as_str();
        let values: Vec<String> = head.values(&header.name).map(text).collect();
        let known = values.clone();
        let values: Vec<String> = values.into_iter().map(|it| shown(name, it)).collect();
        let (on, name, subject) = match &header.name {
            HeaderName::Method => ("method", None, "method".to_owned()),
            HeaderName::Authority => ("authority", None, "authority".to_owned()),
            HeaderName::Scheme => ("scheme", None, "scheme".to_owned()),
            HeaderName::Path | HeaderName::Plain(_) => {
                ("header", Some(name.to_owned()), format!("header {name}"))
            }
        };
        let joined = values.join(", ");
        let got = (!values.is_empty()).then_some(joined);
        let hint = match (&header.want, got.as_deref()) {
            _ if header.invert => (header.missing_as_empty && got.is_none())
                .then(|| "a missing header counts as an empty one here".to_owned()),
            (_, None) => None,
            (ValueMatch::Text(_), Some(_)) if values != known => {
                Some("Envoy writes the value itself, whatever the client sends".to_owned())
            }
            (ValueMatch::Text(StringMatch::Exact(want)), Some(got)) if want.eq_ignore_ascii_case(got) => {
                Some("letter case counts in values".to_owned())
            }
            (ValueMatch::Text(StringMatch::Exact(want)), Some(got))
                if header.name == HeaderName::Authority && host_of(got) == &**want =>
            {
                Some("the port is part of the authority".to_owned())
            }
            (ValueMatch::Text(StringMatch::Regex(pattern)), Some(got))
                if header.name.as_str().eq_ignore_ascii_case("cookie")
                    && pattern.accepts(got.replace("; ", ";").as_bytes()) =>
            {
                Some("browsers put `; ` with a blank between cookies: write `;\\s*` for it".to_owned())
            }
            (ValueMatch::Text(StringMatch::Regex(pattern)), Some(got)) => {
                pattern_hint(pattern.as_str(), got, self.encoding)
            }
            (
                ValueMatch::Text(StringMatch::Exact(_) | StringMatch::Prefix(_)) | ValueMatch::Present,
                Some(_),
            ) => None,
        };
        Failed {
            on,
            name,
            expected: describe_value(&subject, &written_value(&header.want), header.invert),
            got,
            hint,
            fix: None,
        }
    }

    fn query(&self, query: &QueryMatch, got: Option<String>) -> Failed {
        let hint = match (&query.want, &got) {
            (ValueMatch::Text(StringMatch::Regex(pattern)), Some(got)) => {
                pattern_hint(pattern.as_str(), got, self.encoding)
            }
            (ValueMatch::Text(_) | ValueMatch::Present, _) => None,
        };
        Failed {
            on: "query parameter",
            name: Some(query.name.to_string()),
            expected: describe_value(
                &format!("query {}", query.name),
                &written_value(&query.want),
                false,
            ),
            got,
            hint,
            fix: None,
        }
    }
}

/// A condition on a claim. No request has claims, since nothing verifies its token.
fn claim(claim: &ClaimMatch) -> Failed {
    Failed {
        on: "claim",
        name: Some(claim.name.clone()),
        expected: claim.describe(),
        got: None,
        hint: Some("no token is verified here, so no request has claims".to_owned()),
        fix: None,
    }
}

/// The condition as the configuration of the filter has it.
fn written_value(want: &ValueMatch) -> written::ValueMatch {
    match want {
        ValueMatch::Present => written::ValueMatch::Present,
        ValueMatch::Text(StringMatch::Exact(text)) => written::ValueMatch::Exact(text.to_string()),
        ValueMatch::Text(StringMatch::Prefix(text)) => written::ValueMatch::Prefix(text.to_string()),
        ValueMatch::Text(StringMatch::Regex(pattern)) => written::ValueMatch::Regex(pattern.to_string()),
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
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
