//! Runs suites: every case is sent to what is compiled for its suite, and judged.

use std::path::Path;

use fingerpost_resources::{Diagnostics, Sources};

use super::accept::{self, Entry};
use super::coverage::Coverage;
use super::judge::{Verdict, judge, why};
use super::names::Names;
use super::outcome;
use super::report::{Report, Status, Summary, Tested};
use super::source;
use super::suite::{Case, Inputs, Suite};
use super::world::World;
use crate::args::RuntimeName;
use crate::failure::Failure;
use crate::load::show;

/// How to run them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'o> {
    /// Who runs the filter.
    pub(super) runner: RuntimeName,
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
    let is_wanted = |it: &&Case| order.filter.is_none_or(|text| it.name.contains(text));
    let wanted_of = |suite: &'_ Suite| suite.cases.iter().filter(is_wanted).count();
    let left_out = suites.iter().map(|it| it.cases.len() - wanted_of(it)).sum();
    for suite in suites.iter().filter(|it| wanted_of(it) > 0) {
        let inputs = inputs(suite);
        if worlds.iter().all(|(it, _)| *it != inputs) {
            let world = World::new(&inputs, order.runner)?;
            coverage.count(&world);
            worlds.push((inputs, world));
        }
    }
    check_names(suites, &worlds, is_wanted)?;
    for suite in suites {
        let inputs = inputs(suite);
        let Some((_, world)) = worlds.iter_mut().find(|(it, _)| *it == inputs) else {
            continue; // none of its cases is wanted
        };
        let wanted = suite.cases.iter().filter(is_wanted);
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

/// Reports names that are nowhere in the input, of all cases that are to run, before one does.
fn check_names(
    suites: &[Suite],
    worlds: &[(Inputs, World)],
    is_wanted: impl Fn(&&Case) -> bool,
) -> Result<(), Failure> {
    let mut diagnostics = Diagnostics::new();
    let mut sources = Vec::new();
    for (inputs, world) in worlds {
        let names = Names::of(world);
        for suite in suites.iter().filter(|it| self::inputs(it) == *inputs) {
            let before = diagnostics.len();
            let cases = suite.cases.iter().filter(&is_wanted);
            for case in cases.filter(|it| it.skip.is_none()) {
                names.check(case, &mut diagnostics);
            }
            if diagnostics.len() > before {
                sources.push(source(&suite.file)?);
            }
        }
    }
    show(&diagnostics, &Sources::new(sources));
    match diagnostics.has_errors() {
        true => Err(Failure::Diagnosed),
        false => Ok(()),
    }
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
