//! A condition on a header, as Envoy's `HeaderMatcher` has it, and what a request or an answer has under that name.
//!
//! Which conditions there are is said by the readers. A value that only a running Envoy knows is unknown here, and never
//! a pass.

use crate::check::{Check, CheckContext};
use crate::headers::{scheme, unknown_header};
use crate::want_foreign::{HeaderWant, Matcher, Side};

impl HeaderWant {
    /// Holds it against what came out.
    pub(crate) fn evaluate(&self, cx: &CheckContext<'_>) -> Check {
        let all = match self.side {
            Side::Request => request(cx),
            Side::Response => response(cx),
        };
        let all = match all {
            Ok(_) if let Some(error) = cx.outcome.error => {
                return self.verdict(false, format!("no answer: {error}"));
            }
            Ok(all) => all,
            Err(reason) => return Check::Unknown(reason),
        };
        if self.is_of_lines() {
            return self.evaluate_lines(&all);
        }
        if self.side == Side::Request && cx.outcome.upstream.is_none() && is_edited_at_the_edge(&self.name) {
            return Check::Unknown(format!(
                "no upstream is reached, so what `{}` would be is not known",
                self.name
            ));
        }
        let served = scheme(cx.sent);
        if matches!(self.name.as_str(), ":scheme" | "x-forwarded-proto")
            && self.https.is_some_and(|it| it != (served == "https"))
        {
            return Check::Unknown(format!("the host is served over {served} alone"));
        }
        let values: Vec<&str> = all
            .iter()
            .filter(|(name, _)| *name == self.name)
            .map(|(_, value)| value.as_str())
            .collect();
        let asks_for_value = !matches!(self.matcher, Matcher::Present(_));
        if let Some(reason) = unknown_header(&self.name, &values, asks_for_value) {
            return Check::Unknown(reason);
        }
        let actual = match values.as_slice() {
            [] => "absent".to_owned(),
            [one] => (*one).to_owned(),
            several => format!("[{}]", several.join(", ")),
        };
        self.verdict(self.accepts(&values), actual)
    }

    fn evaluate_lines(&self, all: &[(String, String)]) -> Check {
        let lines = || all.iter().map(|(name, value)| format!("{name}: {value}"));
        let found = lines().find(|it| self.is(it));
        if found.is_none()
            && let Some(reason) = self.line_of_a_run(all)
        {
            return Check::Unknown(reason);
        }
        let holds = found.is_some() != self.invert;
        self.verdict(holds, found.unwrap_or_else(|| "no such header".to_owned()))
    }

    /// Why a line that was not found may be there all the same.
    fn line_of_a_run(&self, all: &[(String, String)]) -> Option<String> {
        let wanted = match &self.matcher {
            Matcher::Line(line) => line.split_once(':').map(|(name, _)| name.to_ascii_lowercase()),
            _ => None,
        };
        let is_meant = |name: &str| wanted.as_ref().is_none_or(|it| it == name);
        let mut meant = all.iter().filter(|(name, _)| is_meant(name));
        meant.find_map(|(name, value)| unknown_header(name, &[value], true))
    }

    fn verdict(&self, holds: bool, actual: String) -> Check {
        if holds {
            Check::Holds(actual)
        } else {
            Check::Differs {
                expected: self.words(),
                actual,
            }
        }
    }

    fn is_of_lines(&self) -> bool {
        matches!(self.matcher, Matcher::Line(_) | Matcher::LineRegex(_))
    }

    fn accepts(&self, values: &[&str]) -> bool {
        if let Matcher::Present(wanted) = &self.matcher {
            return (values.is_empty() != *wanted) != self.invert;
        }
        if values.is_empty() {
            return self.missing_as_empty && self.is("") != self.invert;
        }
        let each = values.iter().any(|it| self.is(it)) && !matches!(self.matcher, Matcher::Whole(_));
        (each || self.is(&values.join(",")) || self.has_parts(values)) != self.invert
    }

    /// Whether the wanted text has these values as its parts, whatever blanks are between them. The model does not tell
    /// in which order it has repeated headers.
    fn has_parts(&self, values: &[&str]) -> bool {
        let (Matcher::Exact(text) | Matcher::Whole(text)) = &self.matcher else {
            return false;
        };
        let parts = |texts: &[&str]| {
            let all = texts.iter().flat_map(|it| it.split(','));
            let mut parts: Vec<String> = all.map(|it| it.trim().to_owned()).collect();
            parts.sort();
            parts
        };
        values.len() > 1 && parts(&[text.as_str()]) == parts(values)
    }

    /// Whether one value is as wanted, before it is turned round.
    fn is(&self, value: &str) -> bool {
        let fold = |text: &str| {
            if self.ignore_case {
                text.to_ascii_lowercase()
            } else {
                text.to_owned()
            }
        };
        let folded = fold(value);
        match &self.matcher {
            Matcher::Exact(text) | Matcher::Whole(text) => folded == fold(text),
            Matcher::Prefix(text) => folded.starts_with(&fold(text)),
            Matcher::Suffix(text) => folded.ends_with(&fold(text)),
            Matcher::Contains(text) => folded.contains(&fold(text)),
            Matcher::Regex(pattern) | Matcher::LineRegex(pattern) => pattern.accepts(value.as_bytes()),
            Matcher::Range(from, to) => value.parse::<i64>().is_ok_and(|it| (*from..*to).contains(&it)),
            Matcher::Present(wanted) => *wanted,
            Matcher::Line(line) => same_line(line, value),
        }
    }

    fn words(&self) -> String {
        let words = match &self.matcher {
            Matcher::Exact(text) if text.is_empty() && self.missing_as_empty => "absent".to_owned(),
            Matcher::Exact(text) | Matcher::Whole(text) | Matcher::Line(text) => text.clone(),
            Matcher::Prefix(text) => format!("{text}…"),
            Matcher::Suffix(text) => format!("…{text}"),
            Matcher::Contains(text) => format!("…{text}…"),
            Matcher::Regex(pattern) | Matcher::LineRegex(pattern) => format!("/{}/", pattern.as_str()),
            Matcher::Range(from, to) => format!("{from} to {}", to.saturating_sub(1)),
            Matcher::Present(true) => "present".to_owned(),
            Matcher::Present(false) => "absent".to_owned(),
        };
        match self.invert {
            true => format!("not {words}"),
            false => words,
        }
    }
}

/// Names of headers have no case.
fn same_line(one: &str, other: &str) -> bool {
    match (one.split_once(": "), other.split_once(": ")) {
        (Some((name, value)), Some((other_name, other_value))) => {
            name.eq_ignore_ascii_case(other_name) && value == other_value
        }
        _ => one == other,
    }
}

/// The request that the upstream receives, or the one that was sent if no upstream gets it.
fn request(cx: &CheckContext<'_>) -> Result<Vec<(String, String)>, String> {
    let sent = cx.sent;
    let (method, path, authority, others) = match &cx.outcome.upstream {
        Some(upstream) => (
            &upstream.method,
            &upstream.path,
            upstream.authority.as_str(),
            &upstream.headers,
        ),
        None if cx.forwards() => {
            return Err("the upstream is not asked, so what it would receive is not known".to_owned());
        }
        None => (&sent.method, &sent.path, sent.host(), &sent.headers),
    };
    let scheme = scheme(sent);
    let pseudo = [
        (":method", method.as_str()),
        (":path", path),
        (":authority", authority),
        (":scheme", scheme),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.to_owned()));
    // Envoy notes the scheme whatever the client says of it.
    let forwarded =
        (cx.outcome.upstream.is_none()).then(|| ("x-forwarded-proto".to_owned(), scheme.to_owned()));
    let others = others
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, _)| forwarded.is_none() || name != "x-forwarded-proto");
    Ok(pseudo
        .into_iter()
        .chain(others)
        .chain(forwarded.clone())
        .collect())
}

/// Whether Envoy may add, change or remove a header of this name before any rule sees the request.
fn is_edited_at_the_edge(name: &str) -> bool {
    (name.starts_with("x-forwarded-") && name != "x-forwarded-proto")
        || name.starts_with("x-envoy-")
        || name == "x-request-id"
}

/// The answer that the client receives.
fn response(cx: &CheckContext<'_>) -> Result<Vec<(String, String)>, String> {
    let outcome = cx.outcome;
    let mut all: Vec<(String, String)> = outcome
        .response_headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect();
    all.push((":status".to_owned(), outcome.status.to_string()));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(matcher: Matcher) -> HeaderWant {
        HeaderWant::new(Side::Request, "x-a", matcher)
    }

    #[test]
    fn a_missing_header_matches_nothing_unless_it_counts_as_empty() {
        let inverted = HeaderWant {
            invert: true,
            ..want(Matcher::Exact("1".to_owned()))
        };
        assert!(!inverted.accepts(&[]));
        let as_empty = HeaderWant {
            missing_as_empty: true,
            ..inverted
        };
        assert!(as_empty.accepts(&[]));
    }

    #[test]
    fn being_there_can_be_turned_round_twice() {
        for (present, invert, without, with) in [
            (true, false, false, true),
            (false, false, true, false),
            (true, true, true, false),
            (false, true, false, true),
        ] {
            let want = HeaderWant {
                invert,
                ..want(Matcher::Present(present))
            };
            assert_eq!((want.accepts(&[]), want.accepts(&["1"])), (without, with));
        }
    }

    #[test]
    fn several_values_count_each_or_as_one() {
        assert!(want(Matcher::Exact("b".to_owned())).accepts(&["a", "b"]));
        assert!(want(Matcher::Exact("a,b".to_owned())).accepts(&["a", "b"]));
        assert!(!want(Matcher::Whole("b".to_owned())).accepts(&["a", "b"]));
        assert!(want(Matcher::Whole("b, a".to_owned())).accepts(&["a", "b"]));
        assert!(!want(Matcher::Whole("b, a".to_owned())).accepts(&["a, b"]));
        assert!(want(Matcher::Range(1, 3)).accepts(&["2"]));
        assert!(!want(Matcher::Range(1, 3)).accepts(&["3"]));
    }
}
