//! `--accept`: writes what came of new tests into their files.
//!
//! Text is put in; nothing else of a file changes, neither comments nor order. Before it is written, the new text is
//! read: unless it holds the same tests, each new one with an expectation, the file stays as it is.

use std::fs;
use std::path::Path;

use fingerpost_resources::{Diagnostics, Source};

use super::outcome::Found;
use super::read;
use super::suite::Slot;
use crate::failure::Failure;
use crate::output::replace;

/// What is to be written where.
pub(super) struct Entry {
    pub(super) slot: Slot,
    pub(super) found: Vec<Found>,
}

/// Writes the entries into a file.
pub(super) fn write(file: &Path, mut entries: Vec<Entry>) -> Result<(), Failure> {
    if file.extension().is_some_and(|it| it == "json") {
        return Err(Failure::refused(format!(
            "{}: `--accept` writes YAML: write `expect` by hand, or give the tests a file such as routes.test.yaml",
            file.display()
        )));
    }
    let unreadable = |error: std::io::Error| Failure::refused(format!("{}: {error}", file.display()));
    let mut text = fs::read_to_string(file).map_err(unreadable)?;
    let before = cases(file, &text);
    let count = entries.len();
    entries.sort_by_key(|it| it.slot.after());
    // An alias stands for several tests that are written once.
    entries.dedup_by(|next, one| next.slot == one.slot && next.found == one.found);
    for entry in entries.iter().rev() {
        put(&mut text, entry);
    }
    let after = cases(file, &text);
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
        _ => false,
    };
    if !is_sound {
        return Err(Failure::refused(format!(
            "{} is written in a way that `--accept` can't add to: write `expect` by hand",
            file.display()
        )));
    }
    replace(file, text.as_bytes())
}

fn cases(file: &Path, text: &str) -> Option<Vec<super::suite::Case>> {
    let source = Source::new(file.to_string_lossy(), text);
    read::read_any(file, &source, &mut Diagnostics::new()).map(|it| it.cases)
}

fn put(text: &mut String, entry: &Entry) {
    let fields = entry.found.iter().map(|it| format!("{}: {}", it.field, it.value));
    match entry.slot {
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
