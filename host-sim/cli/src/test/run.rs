//! Runs suites: every case is sent to what is compiled for its suite, and judged.

use std::path::Path;

use super::coverage::Coverage;
use super::judge::{Verdict, judge, why};
use super::report::{Report, Status, Summary, Tested};
use super::suite::{Case, Inputs, Suite};
use super::world::World;
use crate::failure::Failure;
use crate::proxy::Runner;

/// Runs the cases whose name holds `filter`.
pub(super) fn run(
    suites: &[Suite],
    runner: Runner,
    filter: Option<&str>,
    covers: bool,
) -> Result<Report, Failure> {
    let mut worlds: Vec<(Inputs, World)> = Vec::new();
    let mut coverage = Coverage::default();
    let mut tests = Vec::new();
    let mut left_out = 0;
    for suite in suites {
        let (wanted, others): (Vec<&Case>, Vec<&Case>) = suite
            .cases
            .iter()
            .partition(|it| filter.is_none_or(|text| it.name.contains(text)));
        left_out += others.len();
        if wanted.is_empty() {
            continue;
        }
        let inputs = inputs(suite);
        let at = match worlds.iter().position(|(it, _)| *it == inputs) {
            Some(at) => at,
            None => {
                let world = World::new(&inputs, runner)?;
                coverage.count(&world);
                worlds.push((inputs, world));
                worlds.len() - 1
            }
        };
        let world = &mut worlds[at].1; // it was found or made just now
        for case in wanted {
            tests.push(test(suite, case, world, &mut coverage)?);
        }
    }
    let count = |status: Status| tests.iter().filter(|it| it.status == status).count();
    Ok(Report {
        version: 1,
        summary: Summary {
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            skipped: count(Status::Skipped),
            left_out,
        },
        tests,
        coverage: covers.then(|| coverage.report()),
    })
}

/// What the suite names, or the folder that it is in.
fn inputs(suite: &Suite) -> Inputs {
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
    match judge(case, &sent, &ways, world) {
        Verdict::Passed => {}
        Verdict::Failed(differences) => {
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
