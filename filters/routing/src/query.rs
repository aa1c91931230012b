//! Conditions on a query parameter: Envoy's `QueryParameterMatcher`.
//!
//! As in Envoy's `QueryParamsMulti`, names and values are compared as they were sent, without decoding, and of
//! a repeated parameter only the first value counts. `?k` and `?k=` both give `k` the empty value.

use crate::ValueMatch;
use alloc::boxed::Box;

/// A condition on the first value of one parameter.
#[derive(Debug, PartialEq, Eq)]
pub struct QueryMatch {
    /// Which parameter; its case counts.
    pub name: Box<str>,
    /// What its value must be.
    pub want: ValueMatch,
}

impl QueryMatch {
    /// Whether a query, the text after the `?`, satisfies it.
    pub fn accepts(&self, query: Option<&[u8]>) -> bool {
        let value = query.and_then(|query| first_value(query, self.name.as_bytes()));
        match &self.want {
            ValueMatch::Present => value.is_some(),
            ValueMatch::Text(want) => value.is_some_and(|value| want.accepts(value)),
        }
    }
}

fn first_value<'q>(query: &'q [u8], name: &[u8]) -> Option<&'q [u8]> {
    parameters(query)
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Names and values, in order and with repetitions.
pub(crate) fn parameters(query: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    query.split(|it| *it == b'&').map(|parameter| {
        let mut halves = parameter.splitn(2, |it| *it == b'=');
        (
            halves.next().unwrap_or_default(),
            halves.next().unwrap_or_default(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::QueryMatch;
    use crate::{StringMatch, ValueMatch};

    #[track_caller]
    fn check(want: ValueMatch, yes: &[&str], no: &[&str]) {
        let want = QueryMatch {
            name: "k".into(),
            want,
        };
        for query in yes {
            assert!(
                want.accepts(Some(query.as_bytes())),
                "{want:?} should accept ?{query}"
            );
        }
        for query in no {
            assert!(
                !want.accepts(Some(query.as_bytes())),
                "{want:?} should not accept ?{query}"
            );
        }
        assert!(
            !want.accepts(None),
            "{want:?} should not accept a path without query"
        );
    }

    fn exact(text: &str) -> ValueMatch {
        ValueMatch::Text(StringMatch::Exact(text.into()))
    }

    #[test]
    fn the_first_value_counts() {
        check(
            exact("1"),
            &["k=1", "a=2&k=1", "k=1&k=2"],
            &["k=2&k=1", "K=1", "k=1;", "xk=1", "k"],
        );
    }

    #[test]
    fn a_parameter_without_value_is_empty() {
        check(exact(""), &["k", "k=", "&k&"], &["k=1", "", "k=1&k"]);
        check(ValueMatch::Present, &["k", "k=", "k=1"], &["", "&", "kk"]);
    }

    #[test]
    fn nothing_is_decoded() {
        check(exact("a b"), &["k=a b"], &["k=a%20b", "k=a+b", "%6b=a b"]);
        check(exact("a=b"), &["k=a=b"], &[]);
    }
}
