//! What would have to change for a request that nothing takes, as sentences: the rule that comes closest, and its fix.
//!
//! For screens that have a few lines for it. `explain` shows the same at length.

use crate::explanation::{Explanation, Outcome, Place};

/// As many reasons are given.
const MOST: usize = 4;

/// The advice, a sentence each. Empty if the analysis has none.
#[must_use]
pub fn advice(told: &Explanation) -> Vec<String> {
    let (Outcome::NotFound { reasons, .. } | Outcome::NoConnection { reasons, .. }) = &told.outcome else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    if let Some(miss) = &told.nearest_miss {
        let source = &miss.source;
        lines.push(format!(
            "closest   {}  {}{}",
            source.rule,
            source.conditions,
            written(&source.place)
        ));
        match miss.failed.as_slice() {
            [only] => lines.push(format!("only the {} differs: {}", only.subject(), only.found())),
            several => lines.extend(
                several
                    .iter()
                    .map(|it| format!("{}, not {}", it.found(), it.expected)),
            ),
        }
        lines.extend(miss.failed.iter().filter_map(|it| it.hint.clone()));
        lines.extend(
            miss.failed
                .iter()
                .filter_map(|it| it.fix.as_ref())
                .map(|it| format!("fix       {it}")),
        );
    }
    for reason in reasons.iter().take(MOST) {
        lines.push(format!("{}{}", reason.message, written(&reason.place)));
        lines.extend(reason.help.as_ref().map(|it| format!("fix       {it}")));
    }
    lines
}

fn written(place: &Place) -> String {
    match (&place.file, place.line, place.column) {
        (Some(file), Some(line), Some(column)) => format!("  {file}:{line}:{column}"),
        (Some(_) | None, _, _) => String::new(),
    }
}
