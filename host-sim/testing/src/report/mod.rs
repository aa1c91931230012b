//! What came of all tests, as data; and in the formats of CI systems, each in its own file.
//!
//! Every format says the same. The JSON form is [`Report`] itself.

mod github;
mod junit;
mod tap;

pub use github::print as print_github;
pub use junit::print as print_junit;
pub use tap::print as print_tap;

use fingerpost_resources::visible;
use serde::Serialize;

use crate::coverage;
use crate::judge::Difference;
use crate::outcome::Found;

/// What came of all tests.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The version of the JSON form.
    pub version: u32,
    /// How many there were of each kind.
    pub summary: Summary,
    /// The tests, in the order of the files.
    pub tests: Vec<Tested>,
    /// What was reached, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<coverage::Report>,
}

/// How many there were of each.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// All that is expected holds.
    pub passed: usize,
    /// Something does not hold.
    pub failed: usize,
    /// They expect nothing yet.
    pub new: usize,
    /// What came of them is to be written into their files.
    pub accepted: usize,
    /// It could not be decided.
    pub skipped: usize,
    /// Passed over by the filter.
    pub left_out: usize,
}

/// What came of one test.
#[derive(Debug, Serialize)]
pub struct Tested {
    /// The test file.
    pub file: String,
    /// The line of the test.
    pub line: usize,
    /// Its name; need not be unique.
    pub name: String,
    /// The format of the file, as in `istio-config-validator`.
    pub format: &'static str,
    /// How it ended.
    pub status: Status,
    /// What took the request, and where that is written.
    pub why: Option<String>,
    /// Where nothing takes the request of a failed or new test: the rule that comes closest, and what to change.
    pub advice: Vec<String>,
    /// Why it was skipped.
    pub reasons: Vec<String>,
    /// What is not as expected.
    pub differences: Vec<Difference>,
    /// Of a new test: what came of it.
    pub found: Vec<Found>,
    /// `GET shop.example.com/cart`
    pub request: String,
    /// How long it took.
    pub seconds: f64,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All that is expected holds.
    Passed,
    /// Something does not hold.
    Failed,
    /// It expects nothing yet.
    New,
    /// What came of it was written into its file.
    Accepted,
    /// It could not be decided.
    Skipped,
}

impl Report {
    /// The tests of each file, in order.
    pub fn by_file(&self) -> impl Iterator<Item = (&str, &[Tested])> {
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
            lines.push(format!("{}  {}:{}:{}", it.field, self.file, it.line, it.column));
            lines.push(format!("  expected  {}", it.expected));
            lines.push(format!("  found     {}", it.actual));
            lines.extend(it.when.iter().map(|when| format!("  when      {when}")));
        }
        lines.extend(self.found.iter().map(|it| format!("{}: {}", it.field, it.value)));
        lines.extend(self.why.clone());
        lines.extend(self.advice.iter().map(|it| format!("  {it}")));
        lines
            .iter()
            .map(|line| visible(line))
            .collect::<Vec<_>>()
            .join("\n")
    }
}
