//! The rules that were tried, one a line. Those for other paths are counted, unless all are wanted.

use std::collections::HashSet;

use anstyle::Style;
use fingerpost_explain::{Explanation, Failed, Outcome, Source, Tried};

use crate::rows::{PLAIN, RuleRow, Screen, place};
use crate::style::{BAD, BOLD, DIM, GOOD, ODD};
use crate::{count, list};

/// As many rules behind the winner are shown.
const FEW: usize = 12;
/// As many paths of rules that are not shown are named.
const MOST_PATHS: usize = 6;

impl Screen {
    /// The rules.
    pub(super) fn rules(&mut self, told: &Explanation, all: bool) {
        if told.tried.is_empty() && told.too_late.is_empty() {
            return;
        }
        self.gap();
        let nearest = told.nearest_miss.as_ref().map(|it| it.position);
        let is_folded = |tried: &Tried| {
            let on_path = tried.failed.as_ref().is_some_and(|it| it.on == "path");
            !all && on_path && nearest != Some(tried.position)
        };
        for group in told
            .tried
            .chunk_by(|one, other| is_folded(one) && is_folded(other))
        {
            match group {
                [several @ .., last] if !several.is_empty() && is_folded(last) => {
                    self.text(&folded(group), DIM);
                }
                _ => group.iter().for_each(|tried| self.tried(told, tried, nearest)),
            }
        }
        for late in told.too_late.iter().take(FEW) {
            let (remark, style) = match late.shadowed_by {
                Some(position) => (
                    format!("never reached: {} wins", rule_at(told, position, &late.source)),
                    ODD,
                ),
                None => ("would match, but comes later".to_owned(), DIM),
            };
            let conditions = late.source.conditions.clone();
            self.rule(
                ("·", DIM),
                late.position,
                &late.source,
                (conditions, DIM),
                (remark, style),
            );
        }
        let silent = told.not_reached.saturating_sub(told.too_late.len().min(FEW));
        if silent > 0 {
            self.text(&format!("{} not reached", count(silent, "more rule")), DIM);
        }
    }

    fn tried(&mut self, told: &Explanation, tried: &Tried, nearest: Option<usize>) {
        match &tried.failed {
            Some(failed) => {
                let found = (failed.found(), ODD);
                let condition = (failed.expected.clone(), PLAIN);
                let mark = match (&told.outcome, told.tried.last()) {
                    (Outcome::Unknown { .. }, Some(last)) if last.position == tried.position => ("?", ODD),
                    _ => ("✗", BAD),
                };
                self.rule(mark, tried.position, &tried.source, condition, found);
                // The answer has that of the nearest rule.
                if let Some(hint) = failed.hint.as_ref().filter(|_| nearest != Some(tried.position)) {
                    self.text(&format!("  {hint}"), DIM);
                }
            }
            None => {
                let conditions = (tried.source.conditions.clone(), BOLD);
                let takes = ("takes it".to_owned(), GOOD);
                self.rule(("✓", GOOD), tried.position, &tried.source, conditions, takes);
            }
        }
    }

    fn rule(
        &mut self,
        (mark, style): (&'static str, Style),
        position: usize,
        source: &Source,
        condition: (String, Style),
        remark: (String, Style),
    ) {
        self.rule_row(RuleRow {
            mark,
            style,
            position,
            cells: [(source.rule.clone(), PLAIN), condition, remark],
            place: (place(&source.place), DIM),
        });
    }

    /// A condition that fails, and what the request has.
    pub(super) fn failed(&mut self, failed: &Failed) {
        self.text(&format!("{}, not {}", failed.found(), failed.expected), PLAIN);
        if let Some(hint) = &failed.hint {
            self.text(hint, DIM);
        }
    }
}

/// Rules for other paths, and which paths these are.
fn folded(rules: &[Tried]) -> String {
    let paths = rules
        .iter()
        .filter_map(|it| Some(it.failed.as_ref()?.expected.as_str()));
    let mut known = HashSet::new();
    let paths: Vec<&str> = paths.filter(|it| known.insert(*it)).collect();
    let number = count(rules.len(), "rule");
    format!("… {number} for other paths: {} (--all)", list(&paths, MOST_PATHS))
}

/// The name of a rule that the trace numbers, beside another rule: without their VirtualService if it is one.
fn rule_at(told: &Explanation, position: usize, beside: &Source) -> String {
    let tried = told.tried.iter().map(|it| (it.position, &it.source));
    let late = told.too_late.iter().map(|it| (it.position, &it.source));
    let Some((_, source)) = tried.chain(late).find(|(number, _)| *number == position) else {
        return format!("rule {position}");
    };
    match (source.rule.split_once(' '), beside.rule.split_once(' ')) {
        (Some((one, rule)), Some((other, _))) if one == other => rule.to_owned(),
        _ => source.rule.clone(),
    }
}
