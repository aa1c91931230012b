//! The findings of several readings of one command: they are one list on its screen.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use fingerpost_resources::{Diagnostics, Source, Sources};

use super::{Detail, screen, wanted};
use crate::messages::{self, Verbosity, verbosity};

/// What was found since messages are kept.
#[derive(Default)]
struct Kept {
    /// Since when.
    round: usize,
    findings: Diagnostics,
    sources: Vec<Source>,
    ignored: usize,
    /// What was printed last.
    last: String,
}

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

/// Shows those of the findings that the user wants, on standard error. `ignored` others are counted. `detail` is for a
/// user who does not want all.
///
/// While messages are kept, all findings make one list: the tests of a run may have many inputs. Later, warnings that
/// were shown last are not shown again: files are read after each change.
pub fn show(findings: &Diagnostics, sources: &Sources, ignored: usize, detail: Detail) {
    let (detail, ignored) = match verbosity() {
        Verbosity::All => (Detail::All, ignored),
        Verbosity::Usual => (detail, ignored),
        Verbosity::Quiet => (detail, 0),
    };
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    let round = messages::round();
    if round.is_none() || round != Some(kept.round) {
        *kept = Kept {
            round: round.unwrap_or_default(),
            last: std::mem::take(&mut kept.last),
            ..Kept::default()
        };
    }
    kept.add(&wanted(findings), sources, ignored);
    let sources = Sources::new(kept.sources.clone());
    let screen = screen(&kept.findings, &sources, kept.ignored, detail, messages::width());
    if round.is_some() || kept.findings.has_errors() || kept.last != screen {
        kept.last.clone_from(&screen);
        messages::say_findings(screen);
    }
}

impl Kept {
    /// Adds what is new: several readings may be of the same files.
    fn add(&mut self, findings: &Diagnostics, sources: &Sources, ignored: usize) {
        let is_new = |source: &&Source| self.sources.iter().all(|it| it.name != source.name);
        let new: Vec<Source> = sources.iter().filter(is_new).cloned().collect();
        self.sources.extend(new);
        let mut known: HashSet<String> = self.findings.iter().map(|it| format!("{it:?}")).collect();
        let new = findings.iter().filter(|it| known.insert(format!("{it:?}")));
        self.findings.extend(new.cloned());
        self.ignored += ignored;
    }
}
