//! What came of all tests, for people and for programs.
//!
//! What is told is the same in every format; how, is said in the format's own file.

mod github;
mod human;
mod junit;
mod tap;

use std::io::{self, Write};

use clap::ValueEnum;
use fingerpost_resources::visible;
use serde::Serialize;

use super::coverage;
use super::judge::Difference;
use super::outcome::Found;

/// Who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A person
    Human,
    /// One JSON object
    Json,
    /// JUnit's XML, as most CI systems take it
    Junit,
    /// The Test Anything Protocol, version 14
    Tap,
    /// Annotations of GitHub's workflows
    Github,
}

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
    pub(super) new: usize,
    pub(super) accepted: usize,
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
    /// Of a new test: what came of it.
    pub(super) found: Vec<Found>,
    /// `GET shop.example.com/cart`
    pub(super) request: String,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Passed,
    Failed,
    /// It expects nothing yet.
    New,
    /// What came of it was written into its file.
    Accepted,
    Skipped,
}

impl Report {
    /// Prints it for whom it is for.
    pub(super) fn print(&self, format: Format, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Human => human::print(self, out),
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, self)?;
                writeln!(out)
            }
            Format::Junit => junit::print(self, out),
            Format::Tap => tap::print(self, out),
            Format::Github => github::print(self, out),
        }
    }

    /// The tests of each file, in order.
    fn by_file(&self) -> impl Iterator<Item = (&str, &[Tested])> {
        let files = self.tests.chunk_by(|one, next| one.file == next.file);
        files.map(|tests| (tests.first().map_or("", |it| &it.file), tests))
    }
}

impl Tested {
    /// What is wrong, in a line.
    fn headline(&self) -> String {
        match self.status {
            Status::Passed | Status::Accepted => String::new(),
            Status::Failed => {
                let wrong = self.differences.iter();
                let wrong =
                    wrong.map(|it| format!("{}: expected {}, found {}", it.field, it.expected, it.actual));
                wrong.collect::<Vec<_>>().join("; ")
            }
            Status::New => {
                let found = self.found.iter().map(|it| format!("{}: {}", it.field, it.value));
                format!(
                    "it expects nothing yet; found {}",
                    found.collect::<Vec<_>>().join(", ")
                )
            }
            Status::Skipped => self.reasons.join("; "),
        }
    }

    /// What is wrong, with the request and what took it.
    fn details(&self) -> String {
        let mut lines = vec![self.request.clone()];
        for it in &self.differences {
            lines.push(format!("{}  {}:{}", it.field, self.file, it.line));
            lines.push(format!("  expected  {}", it.expected));
            lines.push(format!("  found     {}", it.actual));
            lines.extend(it.when.iter().map(|when| format!("  when      {when}")));
        }
        lines.extend(self.found.iter().map(|it| format!("{}: {}", it.field, it.value)));
        lines.extend(self.why.clone());
        lines
            .iter()
            .map(|line| visible(line))
            .collect::<Vec<_>>()
            .join("\n")
    }
}
