//! Which of several proxies answers a request: the Gateways of one input may be for more than one.

use fingerpost_config_compiler::Compilation;

use crate::error::ExplainError;
use crate::explanation::{Explanation, Outcome};
use crate::trace::{Question, explain};

/// As [`explain`], for the first of the proxies that has a route for the request; if none has, the one that comes closest.
/// The index is that of the proxy.
///
/// # Errors
/// There is no proxy, or [`explain`] fails.
pub fn explain_each(
    proxies: &[Compilation],
    question: &Question<'_>,
) -> Result<(usize, Explanation), ExplainError> {
    let mut best: Option<(usize, Explanation)> = None;
    for (index, loaded) in proxies.iter().enumerate() {
        let told = explain(loaded, question)?;
        if best.as_ref().is_none_or(|(_, it)| distance(&told) < distance(it)) {
            best = Some((index, told));
        }
    }
    best.ok_or_else(|| ExplainError::unknown("there is no proxy"))
}

/// How far it is from an answer of a rule.
fn distance(told: &Explanation) -> u8 {
    match (&told.outcome, &told.host) {
        (
            Outcome::Forward(_)
            | Outcome::Answer { .. }
            | Outcome::ToHttps { .. }
            | Outcome::Unknown { .. }
            | Outcome::Bytes { .. },
            _,
        ) => 0,
        (Outcome::NotFound { .. }, Some(_)) => 1,
        (Outcome::NotFound { .. } | Outcome::Refused { .. }, None) | (Outcome::Refused { .. }, Some(_)) => 2,
        (Outcome::NoConnection { .. }, _) => 3,
    }
}
