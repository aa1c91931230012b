//! What came of all tests, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::coverage;
use super::judge::Difference;
use crate::style::{BAD, BOLD, DIM, GOOD, ODD, paint};

/// What came of all tests.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) version: u32,
    pub(super) summary: Summary,
    pub(super) tests: Vec<Tested>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) coverage: Option<coverage::Report>,
}

/// How many there were of each.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) left_out: usize,
}

/// What came of one test.
#[derive(Debug, Serialize)]
pub(super) struct Tested {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) format: &'static str,
    pub(super) status: Status,
    /// What took the request, and where that is written.
    pub(super) why: Option<String>,
    /// Why it was skipped.
    pub(super) reasons: Vec<String>,
    pub(super) differences: Vec<Difference>,
    #[serde(skip)]
    pub(super) request: String,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Passed,
    Failed,
    Skipped,
}

impl Report {
    /// Prints it for a person.
    pub(super) fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let mut file = "";
        for test in &self.tests {
            if test.file != file {
                let blank = if file.is_empty() { "" } else { "\n" };
                file = &test.file;
                writeln!(out, "{blank}{}", paint(BOLD, file))?;
            }
            test.show(out)?;
        }
        if let Some(coverage) = &self.coverage {
            show_coverage(coverage, out)?;
        }
        let Summary {
            passed,
            failed,
            skipped,
            left_out,
        } = &self.summary;
        let mut parts = vec![paint(GOOD, format_args!("{passed} passed"))];
        if *failed > 0 {
            parts.push(paint(BAD, format_args!("{failed} failed")));
        }
        if *skipped > 0 {
            parts.push(paint(ODD, format_args!("{skipped} skipped")));
        }
        if *left_out > 0 {
            parts.push(paint(DIM, format_args!("{left_out} left out by --filter")));
        }
        writeln!(out, "\n{}", parts.join(", "))
    }
}

impl Tested {
    fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let (colour, word) = match self.status {
            Status::Passed => (GOOD, "PASS"),
            Status::Failed => (BAD, "FAIL"),
            Status::Skipped => (ODD, "SKIP"),
        };
        writeln!(out, "  {}  {}", paint(colour, word), self.name)?;
        for reason in &self.reasons {
            writeln!(out, "        {}", paint(DIM, reason))?;
        }
        if self.status != Status::Failed {
            return Ok(());
        }
        writeln!(out, "        {}", paint(DIM, &self.request))?;
        for difference in &self.differences {
            let Difference {
                field,
                expected,
                actual,
                when,
                line,
                ..
            } = difference;
            let place = paint(DIM, format_args!("{}:{line}", self.file));
            writeln!(out, "        {}  {place}", paint(BOLD, field))?;
            writeln!(out, "          expected  {}", paint(GOOD, expected))?;
            writeln!(out, "          found     {}", paint(BAD, actual))?;
            if let Some(when) = when {
                writeln!(out, "          when      {when}")?;
            }
        }
        match &self.why {
            Some(why) => writeln!(out, "        {why}"),
            None => Ok(()),
        }
    }
}

fn show_coverage(coverage: &coverage::Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{}  {} of {} matches ({} %), {} of {} rules",
        paint(BOLD, "coverage"),
        coverage.matches_reached,
        coverage.matches,
        coverage.percent,
        coverage.rules_reached,
        coverage.rules
    )?;
    for missing in &coverage.missing {
        let place = paint(DIM, format_args!("{}:{}", missing.file, missing.line));
        writeln!(
            out,
            "  {}  {}  {}  {place}",
            paint(ODD, "never reached"),
            missing.rule,
            missing.conditions
        )?;
    }
    Ok(())
}
