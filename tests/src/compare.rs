//! Compares an answer with what the corpus expects, field by field.

use std::collections::BTreeMap;

use crate::case::{Outcome, Upstream};

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

/// What distinguishes `got` from the outcome it is nearest to. Empty if it is one of them.
#[must_use]
pub fn differences(outcomes: &[Outcome], got: &Outcome) -> Vec<Difference> {
    let all = outcomes.iter().map(|expected| between(expected, got));
    all.min_by_key(Vec::len).unwrap_or_else(|| {
        vec![Difference::new(
            "expect",
            "at least one outcome",
            "a case without any",
        )]
    })
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
        self.field(field, &only_in(expected, got), &only_in(got, expected));
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
        "nobody was asked"
    }
}

fn only_in(these: &[(String, String)], those: &[(String, String)]) -> String {
    let mut spare = BTreeMap::new();
    for header in those {
        *spare.entry(header).or_insert(0_usize) += 1;
    }
    let missing = these.iter().filter(|header| match spare.get_mut(header) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    missing
        .map(|(name, value)| format!("{name}: {value}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::{differences, only_in};
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
        assert_eq!(
            only_in(&[header("a"), header("a"), header("b")], &[header("a")]),
            "a: 1, b: 1"
        );
    }

    #[test]
    fn a_case_without_outcomes_does_not_pass() {
        assert_eq!(differences(&[], &outcome(200, "v1")).len(), 1);
    }
}
