//! Compares an answer with what the corpus expects, field by field.

use std::net::IpAddr;

use fingerpost_envoy_http::{CLIENT_ADDRESS, MILLISECONDS, NOW, RANDOM_ID, is_about_the_connection};

use crate::case::{Outcome, Upstream};
use crate::recorded::{is_any_answers, is_any_proxys};

/// One field that came out otherwise.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The field's name in the corpus.
    pub field: String,
    /// What the corpus says.
    pub expected: String,
    /// What the engine said.
    pub got: String,
}

impl Difference {
    /// A difference in `field`.
    #[must_use]
    pub fn new(field: &str, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            expected: expected.into(),
            got: got.into(),
        }
    }
}

/// What distinguishes `got` from the recorded outcome it is nearest to. Empty if it is one of them. What a case does not
/// record is left out.
#[must_use]
pub fn differences(outcomes: &[Outcome], got: &Outcome) -> Vec<Difference> {
    let outcomes: Vec<Outcome> = outcomes.iter().map(reduced).collect();
    differences_in_full(&outcomes, &reduced(got))
}

/// What distinguishes `got` from the outcome it is nearest to, in every header. An expected value may hold a placeholder
/// for what only a running Envoy knows.
#[must_use]
pub fn differences_in_full(outcomes: &[Outcome], got: &Outcome) -> Vec<Difference> {
    let all = outcomes.iter().map(|expected| between(expected, got));
    all.min_by_key(Vec::len).unwrap_or_else(|| {
        vec![Difference::new(
            "expect",
            "at least one outcome",
            "a case without any",
        )]
    })
}

/// Without what a case does not record.
fn reduced(outcome: &Outcome) -> Outcome {
    let mut outcome = outcome.clone();
    if let Some(upstream) = &mut outcome.upstream {
        upstream.headers.retain(|(name, _)| !is_any_proxys(name));
    }
    outcome.response_headers.retain(|(name, _)| !is_any_answers(name));
    if is_the_echos(&outcome) {
        outcome.body = None;
    }
    outcome
}

/// Whether the body could be an echo server's.
fn is_the_echos(outcome: &Outcome) -> bool {
    outcome.status == 200 && outcome.body.as_deref() == Some("ok")
}

fn between(expected: &Outcome, got: &Outcome) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    found.field("status", &expected.status.to_string(), &got.status.to_string());
    found.field("error", text(expected.error.as_ref()), text(got.error.as_ref()));
    found.field("rule", &rule(expected), &rule(got));
    found.field(
        "cluster",
        text(expected.cluster.as_ref()),
        text(got.cluster.as_ref()),
    );
    match (&expected.upstream, &got.upstream) {
        (Some(expected), Some(got)) => found.upstream(expected, got),
        (None, None) => {}
        (expected, got) => found.field("upstream", seen(expected.as_ref()), seen(got.as_ref())),
    }
    found.field(
        "attempts",
        &expected.attempts.to_string(),
        &got.attempts.to_string(),
    );
    found.field("mirrors", &expected.mirrors.join(", "), &got.mirrors.join(", "));
    found.field("hits", &expected.hits.join(", "), &got.hits.join(", "));
    found.field("body", text(expected.body.as_ref()), text(got.body.as_ref()));
    found.headers(
        "response_headers",
        &expected.response_headers,
        &got.response_headers,
    );
    if got.at_least_ms < expected.at_least_ms {
        let (least, took) = (expected.at_least_ms, got.at_least_ms);
        found.0.push(Difference::new(
            "at_least_ms",
            least.to_string(),
            took.to_string(),
        ));
    }
    found.0
}

struct Found(Vec<Difference>);

impl Found {
    fn field(&mut self, field: &str, expected: &str, got: &str) {
        if expected != got {
            self.0.push(Difference::new(field, expected, got));
        }
    }

    fn upstream(&mut self, expected: &Upstream, got: &Upstream) {
        self.field("upstream.method", &expected.method, &got.method);
        self.field("upstream.path", &expected.path, &got.path);
        self.field("upstream.authority", &expected.authority, &got.authority);
        self.headers("upstream.headers", &expected.headers, &got.headers);
        self.field(
            "upstream.timeout_ms",
            text(expected.timeout_ms.as_ref()),
            text(got.timeout_ms.as_ref()),
        );
    }

    /// Shows only the headers that are not in both.
    fn headers(&mut self, field: &str, expected: &[(String, String)], got: &[(String, String)]) {
        let is_compared = |it: &&(String, String)| !is_about_the_connection(&it.0);
        let mut spare: Vec<&(String, String)> = got.iter().filter(is_compared).collect();
        let mut missing = Vec::new();
        for header in expected.iter().filter(is_compared) {
            match spare
                .iter()
                .position(|it| it.0 == header.0 && says(&header.1, &it.1))
            {
                Some(found) => drop(spare.remove(found)),
                None => missing.push(header),
            }
        }
        self.field(field, &lines(&missing), &lines(&spare));
    }
}

fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

fn rule(outcome: &Outcome) -> String {
    outcome.rule.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn seen(upstream: Option<&Upstream>) -> &'static str {
    if upstream.is_some() {
        "an echo server was asked"
    } else {
        "no upstream was reached"
    }
}

fn lines(headers: &[&(String, String)]) -> String {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}"));
    lines.collect::<Vec<_>>().join(", ")
}

type Fits = fn(&str) -> bool;

/// Whether a value is the expected one, or has something fitting in the place of a placeholder.
fn says(expected: &str, got: &str) -> bool {
    let fits: [(&str, Fits); 4] = [
        (CLIENT_ADDRESS, |it| it.parse::<IpAddr>().is_ok()),
        (RANDOM_ID, |it| it.len() == 36 && it.matches('-').count() == 4),
        (NOW, |it| it.ends_with(" GMT")),
        (MILLISECONDS, |it| it.parse::<u64>().is_ok()),
    ];
    let placed = fits.iter().find_map(|(placeholder, fits)| {
        let (before, after) = expected.split_once(placeholder)?;
        let inside = got.strip_prefix(before)?.strip_suffix(after)?;
        Some(fits(inside))
    });
    placed.unwrap_or(expected == got)
}

#[cfg(test)]
mod tests {
    use super::{differences, says};
    use crate::case::Outcome;

    fn outcome(status: u16, cluster: &str) -> Outcome {
        Outcome {
            status,
            cluster: Some(cluster.to_owned()),
            attempts: 1,
            ..Outcome::default()
        }
    }

    fn header(name: &str) -> (String, String) {
        (name.to_owned(), "1".to_owned())
    }

    #[test]
    fn an_answer_may_equal_any_of_the_outcomes() {
        let outcomes = [outcome(200, "v1"), outcome(200, "v2")];
        assert!(differences(&outcomes, &outcome(200, "v2")).is_empty());
    }

    #[test]
    fn otherwise_the_nearest_outcome_is_shown() {
        let outcomes = [outcome(503, "v1"), outcome(200, "v2")];
        let fields: Vec<_> = differences(&outcomes, &outcome(404, "v2"))
            .into_iter()
            .map(|it| it.field)
            .collect();
        assert_eq!(fields, ["status"]);
    }

    #[test]
    fn a_header_counts_as_often_as_it_occurs() {
        let of = |headers: &[&str]| Outcome {
            response_headers: headers.iter().map(|it| header(it)).collect(),
            ..outcome(200, "v1")
        };
        let found = differences(&[of(&["a", "a", "b"])], &of(&["a"]));
        let expected: Vec<_> = found.iter().map(|it| it.expected.as_str()).collect();
        assert_eq!(expected, ["a: 1, b: 1"]);
    }

    #[test]
    fn a_placeholder_takes_what_fits_in_its_place() {
        for (expected, got, same) in [
            ("1.1.1.1,<client address>", "1.1.1.1,192.0.2.7", true),
            ("<client address>", "somewhere", false),
            ("<random id>", "58054a50-a9b4-4ac0-9c2f-8a6f8bd2a9b1", true),
            ("<random id>", "mine", false),
            ("<now>", "Sat, 28 Nov 2026 17:40:02 GMT", true),
            ("<milliseconds>", "12", true),
            ("1", "2", false),
        ] {
            assert_eq!(says(expected, got), same, "{expected} {got}");
        }
    }

    #[test]
    fn a_case_without_outcomes_does_not_pass() {
        assert_eq!(differences(&[], &outcome(200, "v1")).len(), 1);
    }
}
