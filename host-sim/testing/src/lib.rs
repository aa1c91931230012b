//! `fingerpost test` as a library: tests of routing, their formats, the runner, the judge, coverage and reports.
//!
//! ```text
//! read(path, source)       a test file of any format -> Suite          read, foreign
//! inputs(suites)           what has to be compiled for them            run
//! run(suites, compiled)    every request is sent to what is compiled   run, compiled_proxy
//!                          and held against what is expected           judge, evaluate
//!                          -> Run: a Report, and what to accept        report, coverage, accept
//! ```
//! The caller finds and reads the files, compiles the resources and shows what came of it: nothing here opens a file or
//! prints. Routing is decided in the crates below.

mod accept;
mod check;
mod check_file;
mod compiled_proxy;
mod contents;
mod coverage;
mod downstream;
mod evaluate;
mod foreign;
mod headers;
mod judge;
mod names;
mod nearest;
mod outcome;
mod read;
mod report;
mod rule_name;
mod run;
mod suite;
mod test_file;
mod want;
mod want_foreign;

pub use accept::{Accepted, CannotAccept, NewOutcome};
pub use check_file::{CheckFile, CheckedRequest, ExpectedOutcome, FileCheck};
pub use compiled_proxy::IGNORED_CODES;
pub use contents::{has_only_tests, has_resources};
pub use coverage::{Missing, Report as CoverageReport};
pub use foreign::is_test_file;
pub use judge::Difference;
pub use outcome::Found;
pub use read::read;
pub use report::{Report, Status, Summary, Tested, print_github, print_junit, print_tap};
pub use run::{Run, RunError, RunOptions, inputs, run, wanted_inputs};
pub use suite::{Inputs, Suite};
pub use test_file::ReadText;

/// The JSON Schema of our own test files, for editors.
pub const SCHEMA: &str = include_str!("../routes.test.schema.json");
