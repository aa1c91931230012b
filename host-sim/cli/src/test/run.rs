//! Runs suites: every case is sent to what is compiled for its suite, and judged.

use std::path::Path;

use super::accept::{self, Entry};
use super::coverage::Coverage;
use super::judge::{Verdict, judge, why};
use super::outcome;
use super::report::{Report, Status, Summary, Tested};
use super::suite::{Case, Inputs, Suite};
use super::world::World;
use crate::failure::Failure;
use crate::proxy::Runner;

/// How to run them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'o> {
    /// Who runs the filter.
    pub(super) runner: Runner,
    /// Only cases whose name holds this.
    pub(super) filter: Option<&'o str>,
    /// Whether it is noted what is reached.
    pub(super) covers: bool,
    /// Whether the outcomes of new cases are written into their files.
    pub(super) accepts: bool,
}

/// Runs the cases that are wanted.
pub(super) fn run(suites: &[Suite], order: Order<'_>) -> Result<Report, Failure> {
    let mut worlds: Vec<(Inputs, World)> = Vec::new();
    let mut coverage = Coverage::default();
    let mut tests = Vec::new();
    let mut left_out = 0;
    for suite in suites {
        let (wanted, others): (Vec<&Case>, Vec<&Case>) = suite
            .cases
            .iter()
            .partition(|it| order.filter.is_none_or(|text| it.name.contains(text)));
        left_out += others.len();
        if wanted.is_empty() {
            continue;
        }
        let inputs = inputs(suite);
        let at = match worlds.iter().position(|(it, _)| *it == inputs) {
            Some(at) => at,
            None => {
                let world = World::new(&inputs, order.runner)?;
                coverage.count(&world);
                worlds.push((inputs, world));
                worlds.len() - 1
            }
        };
        let world = &mut worlds[at].1; // it was found or made just now
        let mut entries = Vec::new();
        for case in wanted {
            let mut tested = test(suite, case, world, &mut coverage)?;
            if order.accepts
                && tested.status == Status::New
                && let Some(slot) = case.slot
            {
                tested.status = Status::Accepted;
                let found = tested.found.clone();
                entries.push(Entry { slot, found });
            }
            tests.push(tested);
        }
        if !entries.is_empty() {
            accept::write(&suite.file, entries)?;
        }
    }
    let count = |status: Status| tests.iter().filter(|it| it.status == status).count();
    Ok(Report {
        version: 1,
        summary: Summary {
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            new: count(Status::New),
            accepted: count(Status::Accepted),
            skipped: count(Status::Skipped),
            left_out,
        },
        tests,
        coverage: order.covers.then(|| coverage.report()),
    })
}

/// What the suite names, or the folder that it is in.
pub(super) fn inputs(suite: &Suite) -> Inputs {
    let mut inputs = suite.inputs.clone();
    if inputs.resources.is_empty() {
        let folder = suite.file.parent().filter(|it| !it.as_os_str().is_empty());
        inputs.resources = vec![folder.unwrap_or(Path::new(".")).to_owned()];
    }
    inputs
}

fn test(suite: &Suite, case: &Case, world: &mut World, coverage: &mut Coverage) -> Result<Tested, Failure> {
    let mut tested = Tested {
        file: suite.file.display().to_string(),
        line: case.at.line,
        name: case.name.clone(),
        format: suite.format,
        status: Status::Passed,
        why: None,
        reasons: Vec::new(),
        differences: Vec::new(),
        found: Vec::new(),
        request: format!(
            "{} {}{}",
            case.request.method, case.request.authority, case.request.path
        ),
    };
    if let Some(reason) = &case.skip {
        tested.status = Status::Skipped;
        tested.reasons.push(reason.clone());
        return Ok(tested);
    }
    let sent = world.sent(&case.request)?;
    let ways = world.answer(case, &sent)?;
    let outcomes = || ways.iter().filter_map(|it| it.outcome.as_ref().ok());
    for rule in outcomes().filter_map(|it| it.rule.as_ref()) {
        coverage.reach(rule, world);
    }
    tested.why = outcomes().next().map(|it| why(it, &sent, world));
    if case.is_new() {
        match outcome::found(&ways, &sent, world) {
            Ok(found) => {
                tested.status = Status::New;
                tested.found = found;
            }
            Err(reason) => {
                tested.status = Status::Skipped;
                tested.reasons.push(reason);
            }
        }
        return Ok(tested);
    }
    match judge(case, &sent, &ways, world) {
        Verdict::Passed => {}
        Verdict::Failed(differences, reasons) => {
            tested.reasons = reasons;
            tested.status = Status::Failed;
            tested.differences = differences;
        }
        Verdict::Skipped(reasons) => {
            tested.status = Status::Skipped;
            tested.reasons = reasons;
        }
    }
    Ok(tested)
}
