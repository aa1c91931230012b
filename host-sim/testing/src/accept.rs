//! `--accept`: writes what came of new tests into their files.
//!
//! Text is put in; nothing else of a file changes, neither comments nor order. Before it is written, the new text is
//! read: unless it holds the same tests, each new one with an expectation, the file stays as it is.

use std::fmt;
use std::path::{Path, PathBuf};

use fingerpost_resources::{Diagnostics, Source};

use crate::outcome::Found;
use crate::read;
use crate::suite::{Case, Slot};
use crate::test_file::ReadText;

/// What is to be written into a test file.
#[derive(Debug)]
pub struct Accepted {
    /// The file.
    pub file: PathBuf,
    /// The outcomes, in the order of its tests.
    pub outcomes: Vec<NewOutcome>,
}

/// The outcome of a test that expects nothing yet.
#[derive(Debug)]
pub struct NewOutcome {
    pub(crate) slot: Slot,
    pub(crate) found: Vec<Found>,
}

/// Why outcomes can't be written into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CannotAccept {
    /// The file is JSON.
    Json(PathBuf),
    /// The text has a form that nothing can be added to.
    Form(PathBuf),
}

impl fmt::Display for CannotAccept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(file) => write!(
                f,
                "{}: `--accept` writes YAML: write `expect` by hand, or give the tests a file such as routes.test.yaml",
                file.display()
            ),
            Self::Form(file) => write!(
                f,
                "{} is written in a way that `--accept` can't add to: write `expect` by hand",
                file.display()
            ),
        }
    }
}

impl std::error::Error for CannotAccept {}

impl Accepted {
    /// The text of the file with the outcomes in it. `text` is what the file holds now.
    ///
    /// # Errors
    /// The file is JSON, or the new text would not be the same tests with these expectations.
    pub fn insert_into(self, mut text: String, read_text: ReadText) -> Result<String, CannotAccept> {
        let Self { file, mut outcomes } = self;
        if file.extension().is_some_and(|it| it == "json") {
            return Err(CannotAccept::Json(file));
        }
        let before = cases(&file, &text, read_text);
        let count = outcomes.len();
        outcomes.sort_by_key(|it| it.slot.after());
        // An alias repeats tests that are written once.
        outcomes.dedup_by(|next, one| next.slot == one.slot && next.found == one.found);
        for outcome in outcomes.iter().rev() {
            put(&mut text, outcome);
        }
        let after = cases(&file, &text, read_text);
        let is_sound = match (&before, &after) {
            (Some(before), Some(after)) => {
                before.len() == after.len()
                    && before
                        .iter()
                        .zip(after)
                        .all(|(old, new)| old.name == new.name && old.request == new.request)
                    && before.iter().filter(|it| it.is_new()).count()
                        == after.iter().filter(|it| it.is_new()).count() + count
            }
            (Some(_), None) | (None, _) => false,
        };
        if is_sound {
            Ok(text)
        } else {
            Err(CannotAccept::Form(file))
        }
    }
}

fn cases(file: &Path, text: &str, read_text: ReadText) -> Option<Vec<Case>> {
    let source = Source::new(file.to_string_lossy(), text);
    read::read(file, &source, read_text, &mut Diagnostics::new()).map(|it| it.cases)
}

fn put(text: &mut String, outcome: &NewOutcome) {
    let fields = outcome
        .found
        .iter()
        .map(|it| format!("{}: {}", it.field, it.value));
    match outcome.slot {
        Slot::Flow { after } => {
            let fields: Vec<String> = fields.collect();
            text.insert_str(after, &format!(", expect: {{{}}}", fields.join(", ")));
        }
        Slot::Block { after, indent } => {
            let line = text.get(after..).and_then(|it| it.find('\n'));
            let margin = " ".repeat(indent);
            let fields: String = fields.map(|it| format!("\n{margin}  {it}")).collect();
            let at = line.map_or(text.len(), |it| after + it);
            text.insert_str(at, &format!("\n{margin}expect:{fields}"));
        }
    }
}
