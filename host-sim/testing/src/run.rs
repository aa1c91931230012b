//! Runs suites: every case is sent to what is compiled for its suite, and judged.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use fingerpost_config_compiler::Compilation;
use fingerpost_proxy_model::Outcome;
use fingerpost_resources::Diagnostics;
use fingerpost_simulated_proxy::{FilterRuntime, InvalidPort, ProxyError};

use crate::accept::{Accepted, NewOutcome};
use crate::compiled_proxy::CompiledProxy;
use crate::coverage::Coverage;
use crate::judge::{Verdict, judge, why};
use crate::names::Names;
use crate::nearest::advice;
use crate::outcome;
use crate::report::{Report, Status, Summary, Tested};
use crate::suite::{Case, Inputs, Suite};

/// How to run tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions<'o> {
    /// Only cases whose name holds this.
    pub filter: Option<&'o str>,
    /// Whether it is noted what is reached.
    pub coverage: bool,
    /// Whether the outcomes of new cases are to be written into their files.
    pub accept: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Run {
    /// What came of each test.
    pub report: Report,
    /// The outcomes to write into test files, a file each.
    pub accepted: Vec<Accepted>,
}

/// Why tests could not be run.
#[derive(Debug)]
pub enum RunError {
    /// Test files name what the input does not have. The findings say where.
    UnknownNames(Diagnostics),
    /// The proxy can't be simulated, or the filter failed.
    Proxy(ProxyError),
    /// A request would go to a port that no connection can have.
    Port(InvalidPort),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownNames(findings) => {
                write!(f, "{} names in tests are nowhere in the input", findings.len())
            }
            Self::Proxy(error) => error.fmt(f),
            Self::Port(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RunError {}

impl From<ProxyError> for RunError {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}

impl From<InvalidPort> for RunError {
    fn from(error: InvalidPort) -> Self {
        Self::Port(error)
    }
}

impl RunOptions<'_> {
    fn wants(&self, case: &Case) -> bool {
        self.filter.is_none_or(|text| case.name.contains(text))
    }

    fn wanted<'s>(&self, suite: &'s Suite) -> impl Iterator<Item = &'s Case> {
        suite.cases.iter().filter(|it| self.wants(it))
    }
}

/// What has to be compiled to run the wanted cases, each once.
#[must_use]
pub fn wanted_inputs(suites: &[Suite], options: &RunOptions<'_>) -> Vec<Inputs> {
    let mut all: Vec<Inputs> = Vec::new();
    for suite in suites.iter().filter(|it| options.wanted(it).next().is_some()) {
        let inputs = inputs(suite);
        if !all.contains(&inputs) {
            all.push(inputs);
        }
    }
    all
}

/// Runs the wanted cases. `compiled` has what [`wanted_inputs`] names; a suite without its compilation is passed over.
///
/// # Errors
/// A test names what is nowhere in the input, or the proxy can't be simulated. Then no test has a result.
pub fn run(
    suites: &[Suite],
    compiled: Vec<(Inputs, Compilation)>,
    runtime: &FilterRuntime,
    options: &RunOptions<'_>,
) -> Result<Run, RunError> {
    let mut proxies: Vec<(Inputs, CompiledProxy)> = Vec::new();
    let mut coverage = Coverage::default();
    for (inputs, compilation) in compiled {
        let proxy = CompiledProxy::new(compilation, runtime.clone())?;
        coverage.count(&proxy);
        proxies.push((inputs, proxy));
    }
    check_names(suites, &proxies, options)?;
    let mut tests = Vec::new();
    let mut accepted = Vec::new();
    for suite in suites {
        let inputs = inputs(suite);
        let Some((_, proxy)) = proxies.iter_mut().find(|(it, _)| *it == inputs) else {
            continue; // none of its cases is wanted
        };
        let mut outcomes = Vec::new();
        for case in options.wanted(suite) {
            let start = Instant::now();
            let mut tested = test(suite, case, proxy, &mut coverage)?;
            tested.seconds = start.elapsed().as_secs_f64();
            if options.accept
                && tested.status == Status::New
                && let Some(slot) = case.slot
            {
                tested.status = Status::Accepted;
                let found = tested.found.clone();
                outcomes.push(NewOutcome { slot, found });
            }
            tests.push(tested);
        }
        if !outcomes.is_empty() {
            let file = suite.file.clone();
            accepted.push(Accepted { file, outcomes });
        }
    }
    let count = |status: Status| tests.iter().filter(|it| it.status == status).count();
    let unwanted = |it: &Suite| it.cases.iter().filter(|it| !options.wants(it)).count();
    let report = Report {
        version: 1,
        summary: Summary {
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            new: count(Status::New),
            accepted: count(Status::Accepted),
            skipped: count(Status::Skipped),
            left_out: suites.iter().map(unwanted).sum(),
        },
        tests,
        coverage: options.coverage.then(|| coverage.report()),
    };
    Ok(Run { report, accepted })
}

/// Reports names that are nowhere in the input, of all cases that are to run, before one does.
fn check_names(
    suites: &[Suite],
    proxies: &[(Inputs, CompiledProxy)],
    options: &RunOptions<'_>,
) -> Result<(), RunError> {
    let mut diagnostics = Diagnostics::new();
    for (inputs, proxy) in proxies {
        let names = Names::of(proxy);
        for suite in suites.iter().filter(|it| self::inputs(it) == *inputs) {
            for case in options.wanted(suite).filter(|it| it.skip.is_none()) {
                names.check(case, &mut diagnostics);
            }
        }
    }
    if diagnostics.has_errors() {
        return Err(RunError::UnknownNames(diagnostics));
    }
    Ok(())
}

/// What the suite names, or the folder that it is in.
#[must_use]
pub fn inputs(suite: &Suite) -> Inputs {
    let mut inputs = suite.inputs.clone();
    if inputs.resources.is_empty() {
        let folder = suite.file.parent().filter(|it| !it.as_os_str().is_empty());
        inputs.resources = vec![folder.unwrap_or(Path::new(".")).to_owned()];
    }
    inputs
}

/// Whether neither a rule nor a chain of bytes takes the request.
fn is_untaken(outcome: &Outcome) -> bool {
    outcome.rule.is_none() && outcome.cluster.is_none() && (outcome.error.is_some() || outcome.status == 404)
}

fn test(
    suite: &Suite,
    case: &Case,
    proxy: &mut CompiledProxy,
    coverage: &mut Coverage,
) -> Result<Tested, RunError> {
    let mut tested = Tested {
        file: suite.file.display().to_string(),
        line: case.at.line,
        name: case.name.clone(),
        format: suite.format,
        status: Status::Passed,
        why: None,
        advice: Vec::new(),
        reasons: Vec::new(),
        differences: Vec::new(),
        found: Vec::new(),
        request: format!(
            "{} {}{}",
            case.request.method, case.request.authority, case.request.path
        ),
        seconds: 0.0,
    };
    if let Some(reason) = &case.skip {
        tested.status = Status::Skipped;
        tested.reasons.push(reason.clone());
        return Ok(tested);
    }
    let sent = proxy.sent(&case.request)?;
    let outcomes = proxy.answer(case, &sent)?;
    let known = || outcomes.iter().filter_map(|it| it.outcome.as_ref().ok());
    for rule in known().filter_map(|it| it.rule.as_ref()) {
        coverage.reach(rule, proxy);
    }
    tested.why = known().next().map(|it| why(it, &sent, proxy));
    let is_untaken = known().next().is_some_and(is_untaken);
    if case.is_new() {
        match outcome::found(&outcomes, &sent, proxy) {
            Ok(found) => {
                tested.status = Status::New;
                tested.found = found;
                if is_untaken {
                    tested.advice = advice(&sent, proxy);
                }
            }
            Err(reason) => {
                tested.status = Status::Skipped;
                tested.reasons.push(reason);
            }
        }
        return Ok(tested);
    }
    match judge(case, &sent, &outcomes, proxy) {
        Verdict::Passed => {}
        Verdict::Failed(differences, reasons) => {
            tested.reasons = reasons;
            tested.status = Status::Failed;
            tested.differences = differences;
            if is_untaken {
                tested.advice = advice(&sent, proxy);
            }
        }
        Verdict::Skipped(reasons) => {
            tested.status = Status::Skipped;
            tested.reasons = reasons;
        }
    }
    Ok(tested)
}
