//! `fingerpost test`: tests of routing, next to the resources.
//!
//! A test is a request and what is to become of it. Files of `istio-config-validator`, of Envoy's `router_check_tool` and
//! of Google's plugin tester are read as they are; the rest has our own format: `tests`, each with `name`, `request` and `expect` (and `cases`, a table of requests).
//!
//! With `--format json` one object is printed:
//! ```json
//! {"version": 1,
//!  "summary": {"passed": 1, "failed": 1, "new": 0, "accepted": 0, "skipped": 0, "left_out": 0},
//!  "tests": [{"file": "routes.test.yaml", "line": 7, "name": "…", "format": "fingerpost", "status": "failed",
//!             "request": "GET shop.example.com/cart",
//!             "why": "default/shop http[0] took it  shop.yaml:12:5", "advice": [], "reasons": [],
//!             "differences": [{"field": "subset", "expected": "v2", "actual": "v1", "when": null, "line": 9, "column": 13}],
//!             "found": []}],
//!  "coverage": {"matches": 2, "matches_reached": 1, "rules": 2, "rules_reached": 1, "percent": 50.0,
//!               "missing": [{"file": "shop.yaml", "line": 20, "column": 5, "rule": "default/shop http[1]", "conditions": "…"}]},
//!  "findings": […], "notes": […]}
//! ```
//! `status` is `passed`, `failed`, `new`, `accepted` or `skipped`; `reasons` say why a test was skipped; `advice` is there where nothing
//! takes the request: the rule that comes closest, and what to change; `found` has what
//! came of a test that expects nothing yet, as `{"field": "status", "value": "200"}`; `left_out` counts what `--filter`
//! passed over; `coverage` is there with `--coverage`.
//! `assumed` lists Gateways and services that are taken to exist, as in `explain`, if there are some.

mod find;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fingerpost_config_compiler::Assumptions;
use fingerpost_curl::quote;
use fingerpost_input_files::{Wake, Watch, read_file, read_text, watched_paths};
use fingerpost_resources::{Diagnostics, Source, Sources};
use fingerpost_terminal::findings::{self, with_findings};
use fingerpost_terminal::messages::{self, error, note};
use fingerpost_terminal::test_report;
use fingerpost_testing::{
    Accepted, IGNORED_CODES, Report, RunError, RunOptions, Suite, has_only_tests, has_resources, inputs,
    print_github, print_junit, print_tap, read, run, wanted_inputs,
};

use crate::args::RuntimeName;
use crate::assumed;
use crate::caller::Caller;
use crate::failure::{Failure, answered_in_json};
use crate::ignored::Ignored;
use crate::load::{LoadOptions, load_with};
use crate::output::replace;
use crate::render_args::RenderArgs;
use crate::signals::Stop;

/// Who reads the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A person
    #[value(alias = "human")]
    Text,
    /// One JSON object
    Json,
    /// JUnit's XML, as most CI systems take it
    Junit,
    /// The Test Anything Protocol, version 14
    Tap,
    /// Annotations of GitHub's workflows
    Github,
}

/// Test files that were read.
struct TestFiles {
    suites: Vec<Suite>,
    /// Their texts, to show what is wrong with them.
    sources: Sources,
    /// What is odd about them.
    findings: Diagnostics,
}

/// Run routing tests
///
/// Needs no Envoy. If weights or faults make the outcome random, expectations must hold for every possible outcome.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fingerpost test k8s/
  fingerpost test routes.test.yaml -f k8s/ --coverage --fail-under 90
  fingerpost test vs_test.yaml -f virtual-services/ --no-gateway

A test file:
  resources: ../k8s
  tests:
  - name: the cart goes to v2
    request: GET http://shop.example.com/cart
    expect: {rule: shop, subset: v2, path: /cart}

Exit codes: 0 all passed; 1 a test failed, or coverage is too low; 2 usage error or invalid input; 4 no test to run.")]
pub(crate) struct Test {
    /// Test files; in a directory those named *.test.yaml or *_test.yaml (or .yml), and those of other tools
    #[arg(value_name = "FILE|DIR", required = true)]
    names: Vec<PathBuf>,

    /// What is tested [default: `resources` in the test file, else its folder]
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE|DIR|-",
        help_heading = "Input"
    )]
    files: Vec<PathBuf>,

    /// Namespace of resources that name none [default: `namespace` in the test file, else default]
    #[arg(short = 'n', long, value_name = "NS", value_parser = fingerpost_settings::namespace, help_heading = "Input")]
    namespace: Option<String>,

    /// The input is the whole cluster: assume no Gateways, services or labels that it does not have
    #[arg(long, conflicts_with = "no_gateway", help_heading = "Input")]
    complete: bool,

    /// List the files of a directory that are not read, and why
    #[arg(long, help_heading = "Input")]
    list_skipped: bool,

    #[command(flatten)]
    render: RenderArgs,

    #[command(flatten)]
    ignored: Ignored,

    /// Bind every VirtualService to an implied Gateway for all hosts on port 80
    #[arg(long, help_heading = "Input")]
    no_gateway: bool,

    /// Run only tests whose name contains this text
    #[arg(long, value_name = "TEXT", help_heading = "Run")]
    filter: Option<String>,

    /// How to run the filter
    #[arg(long, value_enum, default_value = "wasm", help_heading = "Run")]
    filter_runtime: RuntimeName,

    /// Write the outcome of tests without `expect` into their files
    #[arg(long, help_heading = "Run")]
    accept: bool,

    /// Test again whenever a file changes
    #[arg(long, conflicts_with = "accept", help_heading = "Run")]
    watch: bool,

    /// How to print the results
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: Format,

    /// Report rules and matches that no test reaches
    #[arg(long, help_heading = "Output")]
    coverage: bool,

    /// Fail if tests reach less than this percentage of the matches; implies --coverage
    #[arg(long, value_name = "PCT", value_parser = percent, help_heading = "Output")]
    fail_under: Option<f64>,
}

impl Test {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        if !self.watch {
            return self.in_its_format(
                self.test_files()
                    .and_then(|it| self.test(&it))
                    .and_then(|it| self.verdict(&it)),
            );
        }
        let stop = Stop::listen()
            .map_err(|error| Failure::surroundings(format!("signals can't be listened for: {error}")))?;
        loop {
            let mut watch = self.round()?;
            messages::release();
            note("waiting for a change; Ctrl-C ends it");
            if watch.wait(|| stop.is_wanted()) == Wake::Stopped {
                return Ok(());
            }
        }
    }

    /// What was tested; where the tests could not run, the reason as JSON if that is the format.
    fn in_its_format(&self, tested: Result<(), Failure>) -> Result<(), Failure> {
        match self.format {
            Format::Json => answered_in_json(tested),
            Format::Text | Format::Junit | Format::Tap | Format::Github => tested,
        }
    }

    /// Tests once, tells what is wrong, and returns what tells of the next change.
    fn round(&self) -> Result<Watch, Failure> {
        messages::hold();
        let files = self.test_files();
        let mut paths: Vec<PathBuf> = self.names.iter().chain(&self.files).cloned().collect();
        for suite in files.iter().flat_map(|it| &it.suites) {
            paths.extend(inputs(suite).resources);
        }
        let mut paths = watched_paths(&paths, &self.render.render(), None);
        paths.dedup();
        let watch = Watch::start(&paths);
        let tested = files
            .and_then(|it| self.test(&it))
            .and_then(|it| self.verdict(&it));
        let tested = self.in_its_format(tested);
        match tested {
            Ok(()) | Err(Failure::Findings | Failure::Diagnosed(_)) => {}
            Err(failure @ (Failure::Refused(_) | Failure::NoTests(_))) => {
                if let Some(message) = failure.message() {
                    error(message);
                }
            }
            Err(failure) => return Err(failure),
        }
        Ok(watch)
    }

    /// The tests that are named.
    fn test_files(&self) -> Result<TestFiles, Failure> {
        let files = find::find(&self.names)?;
        if files.is_empty() {
            let names: Vec<_> = self.names.iter().map(|it| it.display().to_string()).collect();
            return Err(Failure::NoTests(format!(
                "no tests in {}: expected files such as routes.test.yaml",
                names.join(", ")
            )));
        }
        let mut files = TestFiles::read(&files)?;
        for suite in &mut files.suites {
            if !self.files.is_empty() {
                suite.inputs.resources.clone_from(&self.files);
            }
            if self.namespace.is_some() {
                suite.inputs.namespace.clone_from(&self.namespace);
            }
            suite.inputs.no_gateway |= self.no_gateway;
        }
        Ok(files)
    }

    /// Runs them, and prints what came of it.
    fn test(&self, files: &TestFiles) -> Result<Report, Failure> {
        let options = RunOptions {
            filter: self.filter.as_deref(),
            coverage: self.coverage || self.fail_under.is_some(),
            accept: self.accept,
        };
        let mut compiled = Vec::new();
        let mut found = files.findings.clone();
        let mut assumed = Vec::new();
        for inputs in wanted_inputs(&files.suites, &options) {
            let reading = LoadOptions {
                caller: Caller::Test,
                labels_are_given: inputs.labels.is_some(),
                complete: self.complete,
                namespace: inputs.namespace.as_deref(),
                list_skipped: self.list_skipped,
                files: &inputs.resources,
                strict: inputs.strict,
                implies_gateway: inputs.no_gateway,
                ignored_codes: IGNORED_CODES,
                render: &self.render,
                ignored: &self.ignored,
            };
            let compilation = load_with(&reading, inputs.options())?;
            found.extend(compilation.findings.iter().cloned());
            assumed.push(compilation.assumed.clone());
            compiled.push((inputs, compilation));
        }
        let run = match run(&files.suites, compiled, &self.filter_runtime.load()?, &options) {
            Ok(run) => run,
            Err(RunError::UnknownNames(findings)) => {
                findings::show(&findings, &files.sources, 0, Caller::Test.detail());
                return Err(Failure::Diagnosed(findings));
            }
            Err(RunError::Proxy(error)) => return Err(error.into()),
            Err(RunError::Port(error)) => return Err(error.into()),
        };
        run.accepted.into_iter().try_for_each(accept)?;
        let report = run.report;
        if report.tests.is_empty() {
            return Err(Failure::NoTests(match &self.filter {
                Some(filter) => format!("no test has a name with `{filter}` in it"),
                None => "these files have no tests".to_owned(),
            }));
        }
        let mut out = BufWriter::new(match self.format {
            Format::Json => fingerpost_terminal::screen::json_stdout(),
            Format::Text | Format::Junit | Format::Tap | Format::Github => {
                fingerpost_terminal::screen::stdout()
            }
        });
        let beside = Beside {
            found: &found,
            assumed: &assumed,
        };
        print(&report, &beside, self.format, &mut out)?;
        out.flush()?;
        Ok(report)
    }

    fn verdict(&self, report: &Report) -> Result<(), Failure> {
        let covered = report.coverage.as_ref().map_or(100.0, |it| it.percent);
        let too_few = self.fail_under.filter(|it| covered < *it);
        if let Some(wanted) = too_few {
            error(format_args!(
                "{covered} % of the matches are reached, but --fail-under asks for {wanted} %"
            ));
        }
        if report.summary.failed + report.summary.new > 0 || too_few.is_some() {
            return Err(Failure::Findings);
        }
        Ok(())
    }
}

impl TestFiles {
    /// Reads all test files; errors in any of them are reported before a test runs.
    fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut suites = Vec::new();
        let mut diagnostics = Diagnostics::new();
        let mut sources = Vec::new();
        for file in files {
            let source = source(file)?;
            if has_resources(&source.text) && !has_only_tests(&source.text) {
                let file = quote(&file.to_string_lossy());
                return Err(Failure::refused(format!(
                    "{file} has resources, not tests: give it by `-f {file}`, behind the file or folder with the tests"
                )));
            }
            suites.extend(read(file, &source, read_text, &mut diagnostics));
            sources.push(source);
        }
        let sources = Sources::new(sources);
        findings::show(&diagnostics, &sources, 0, Caller::Test.detail());
        if diagnostics.has_errors() {
            return Err(Failure::Diagnosed(diagnostics));
        }
        Ok(Self {
            suites,
            sources,
            findings: diagnostics,
        })
    }
}

/// `--accept`: writes the outcomes of new tests into their file.
fn accept(accepted: Accepted) -> Result<(), Failure> {
    let file = accepted.file.clone();
    let text = fs::read_to_string(&file)
        .map_err(|error| Failure::refused(format!("{}: {error}", file.display())))?;
    let text = accepted
        .insert_into(text, read_text)
        .map_err(|error| Failure::refused(error.to_string()))?;
    replace(&file, text.as_bytes())
}

/// What is known beside the results.
struct Beside<'a> {
    found: &'a Diagnostics,
    /// Of each compilation.
    assumed: &'a [Assumptions],
}

/// Prints the results for whom they are for.
fn print(report: &Report, beside: &Beside<'_>, format: Format, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Text => test_report::print(report, out),
        Format::Json => {
            let mut report = with_findings(serde_json::to_value(report)?, beside.found);
            let assumed = assumed::as_json(beside.assumed.iter());
            if !assumed.is_empty() {
                report["assumed"] = assumed.into();
            }
            writeln!(out, "{report:#}")
        }
        Format::Junit => print_junit(report, out),
        Format::Tap => print_tap(report, out),
        Format::Github => {
            print_github(report, out)?;
            test_report::print_summary(report, out)
        }
    }
}

fn source(file: &Path) -> Result<Source, Failure> {
    let bytes = read_file(file)
        .map_err(|error| Failure::refused(format!("{} can't be read: {error}", file.display())))?;
    Ok(Source::from_bytes(file.to_string_lossy(), bytes))
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|it| (0.0..=100.0).contains(it));
    number.ok_or_else(|| "expected a number from 0 to 100".to_owned())
}
