//! Holds what came of a request against what a test expects.
//!
//! An expectation must hold for every possible outcome. What can't be decided is never a pass.

use fingerpost_proxy_model::{Outcome, Request};
use serde::Serialize;

use crate::check::{Check, CheckContext};
use crate::compiled_proxy::{CompiledProxy, PossibleOutcome};
use crate::evaluate::evaluate;
use crate::suite::{Case, Expectation};

/// What became of a case.
#[derive(Debug)]
pub(super) enum Verdict {
    /// All that is expected holds.
    Passed,
    /// Something does not; and what else could not be decided.
    Failed(Vec<Difference>, Vec<String>),
    /// It could not be decided, for these reasons.
    Skipped(Vec<String>),
}

/// Something that is not as expected.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// The field, as the file has it.
    pub field: String,
    /// What was expected of it.
    pub expected: String,
    /// What it was.
    pub actual: String,
    /// In which of several outcomes to come out, if there are several.
    pub when: Option<String>,
    /// Where the expectation is written: the line.
    pub line: usize,
    /// And the column.
    pub column: usize,
}

/// Judges a case by all outcomes in which its request can come out.
pub(super) fn judge(
    case: &Case,
    sent: &Request,
    outcomes: &[PossibleOutcome],
    proxy: &CompiledProxy,
) -> Verdict {
    let mut differences: Vec<Difference> = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    let mut remember = |reason: String| {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    };
    for possible in outcomes {
        let outcome = match &possible.outcome {
            Ok(outcome) => outcome,
            Err(reason) => {
                remember(reason.clone());
                continue;
            }
        };
        let cx = CheckContext::new(outcome, sent, proxy);
        for expectation in &case.expectations {
            if differences.iter().any(|it| it.field == expectation.field) {
                continue; // once is enough
            }
            match evaluate(&expectation.want, &cx) {
                Check::Unknown(reason) => remember(format!("{}: {reason}", expectation.field)),
                Check::Holds(_) if !expectation.not => {}
                Check::Differs { .. } if expectation.not => {}
                Check::Holds(actual) => {
                    let expected = format!("not {actual}");
                    differences.push(difference(expectation, expected, actual, outcomes, &cx));
                }
                Check::Differs { expected, actual } => {
                    differences.push(difference(expectation, expected, actual, outcomes, &cx));
                }
            }
        }
    }
    // In the order of the file, however the dice fell.
    let place = |it: &Difference| case.expectations.iter().position(|other| other.field == it.field);
    differences.sort_by_key(place);
    if !differences.is_empty() {
        Verdict::Failed(differences, reasons)
    } else if !reasons.is_empty() {
        Verdict::Skipped(reasons)
    } else {
        Verdict::Passed
    }
}

fn difference(
    expectation: &Expectation,
    expected: String,
    actual: String,
    outcomes: &[PossibleOutcome],
    cx: &CheckContext<'_>,
) -> Difference {
    Difference {
        field: expectation.field.clone(),
        expected,
        actual,
        when: (outcomes.len() > 1).then(|| words(cx)),
        line: expectation.at.line,
        column: expectation.at.column,
    }
}

/// Which of the possible outcomes it is: what the weights, the fault and the mirrors of the rule did.
fn words(cx: &CheckContext<'_>) -> String {
    let mut parts = Vec::new();
    match (&cx.outcome.cluster, cx.share()) {
        (Some(cluster), Some(share)) if cx.shares().len() > 1 => {
            let total: u64 = cx.shares().iter().map(|it| u64::from(it.weight)).sum();
            let percent = 100.0 * f64::from(share.weight) / total.max(1) as f64;
            parts.push(format!(
                "the weights choose {cluster}, as for {percent:.0} % of requests"
            ));
        }
        // Bytes: the summary does not know their weights.
        (Some(cluster), None) => parts.push(format!("the weights choose {cluster}")),
        (Some(_) | None, _) => {}
    }
    if let Some(abort) = cx.abort().filter(|it| it.percent < 100.0) {
        let is_aborted = cx.outcome.cluster.is_none() && cx.outcome.status == abort.status;
        parts.push(if is_aborted {
            format!("the fault aborts the request, as {} % of requests", abort.percent)
        } else {
            "the fault does not abort the request".to_owned()
        });
    }
    if cx.outcome.delay_ms > 0 {
        parts.push("the fault delays the request".to_owned());
    }
    if parts.is_empty() && !cx.outcome.mirrors.is_empty() {
        parts.push(format!("a copy goes to {}", cx.outcome.mirrors.join(", ")));
    }
    if parts.is_empty() {
        parts.push("no fault and no mirror takes the request".to_owned());
    }
    parts.join("; ")
}

/// Which rule took the request, with its place; and if none did, what answered.
pub(super) fn why(outcome: &Outcome, sent: &Request, proxy: &CompiledProxy) -> String {
    if let Some(found) = &outcome.rule {
        let route = proxy.route(found);
        let place = route.and_then(|it| it.span.as_ref());
        let place = place.map(|it| format!("  {it}"));
        let details = route.and_then(|it| it.detail.as_ref());
        let lost = details.into_iter().flat_map(|it| &it.shares).filter(|it| {
            let is_it = outcome
                .cluster
                .as_ref()
                .is_none_or(|cluster| *cluster == it.destination.cluster);
            outcome.status == 503 && is_it
        });
        let reason = lost.filter_map(|it| it.destination.missing.as_ref()).next();
        let reason = reason.map(|it| format!(": 503, {}", it.message));
        return format!(
            "{found} took it{}{}",
            reason.unwrap_or_default(),
            place.unwrap_or_default()
        );
    }
    if let Some(error) = outcome.error {
        return format!("no answer: {error}");
    }
    match proxy.virtual_host(sent) {
        Some(host) => format!(
            "no rule of virtual host {} took it: {}",
            host.domains.join(", "),
            outcome.status
        ),
        None => format!("no virtual host has this name: {}", outcome.status),
    }
}
