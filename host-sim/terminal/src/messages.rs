//! Messages on standard error: notes, findings, errors.
//!
//! The answer of a command comes first. So messages are kept from [`hold`] to [`release`], and then printed: notes, then
//! findings with their summary, then errors. Which messages a user wants is one setting of the process, as colours are.

use std::collections::HashSet;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use fingerpost_resources::brief;

use crate::list;
use crate::prose;
use crate::screen;
use crate::style::{ERROR, NOTE, paint};
use crate::table;

/// A note names so many things, unless the user wants all.
const MOST_NAMES: usize = 5;

/// What becomes of messages.
struct Messages {
    verbosity: Verbosity,
    /// Those that are kept; none if they are printed at once.
    kept: Option<Vec<(Kind, String)>>,
    /// How often they were kept.
    rounds: usize,
}

/// Which messages the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Everything, long lists by their first entries.
    Usual,
    /// Everything.
    All,
}

/// In the order in which they are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Note,
    Finding,
    Error,
}

impl Kind {
    /// As it is printed.
    fn line(self, text: &str) -> String {
        let (name, style) = match self {
            Self::Note => ("note", NOTE),
            Self::Finding => return text.to_owned(), // wrapped already
            Self::Error => ("error", ERROR),
        };
        let text = prose::hanging(&brief(text), name.len() + ": ".len(), width());
        format!("{}: {text}", paint(style, name))
    }
}

static MESSAGES: Mutex<Messages> = Mutex::new(Messages {
    verbosity: Verbosity::Usual,
    kept: None,
    rounds: 0,
});

fn with<T>(change: impl FnOnce(&mut Messages) -> T) -> T {
    change(&mut MESSAGES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Decides it for the whole process.
pub fn set_verbosity(verbosity: Verbosity) {
    with(|it| it.verbosity = verbosity);
}

/// What [`set_verbosity`] decided.
pub fn verbosity() -> Verbosity {
    with(|it| it.verbosity)
}

/// From now on, messages are kept until [`release`].
pub fn hold() {
    with(|it| {
        it.kept.get_or_insert_default();
        it.rounds += 1;
    });
}

/// Prints what was kept, behind an empty line if there is something on standard output. From now on, messages are
/// printed at once.
pub fn release() {
    let kept = with(|it| it.kept.take()).unwrap_or_default();
    if kept.is_empty() {
        return;
    }
    let all_of = |wanted| {
        let texts = kept.iter().filter(|(kind, _)| *kind == wanted);
        texts
            .map(|(kind, text)| kind.line(text))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let mut parts = [Kind::Note, Kind::Finding, Kind::Error].map(all_of).to_vec();
    parts.retain(|it| !it.is_empty());
    if screen::is_printed() {
        print("");
    }
    print(&parts.join("\n\n"));
}

/// Says on standard error what is wrong.
pub fn error(message: impl Display) {
    say(Kind::Error, message.to_string());
}

/// Says on standard error what is worth knowing and no reason to worry.
pub fn note(message: impl Display) {
    if verbosity() != Verbosity::Quiet {
        say(Kind::Note, message.to_string());
    }
}

/// As [`note`], unless it was said before: a folder is walked again for each test and after each change.
pub fn note_once(text: String) {
    static NOTED: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    if noted.get_or_insert_default().insert(text.clone()) {
        note(text);
    }
}

/// Says on standard error what `findings` shows, in place of what is kept of it.
pub(crate) fn say_findings(mut screen: String) {
    with(|it| {
        if let Some(kept) = &mut it.kept {
            kept.retain(|(kind, _)| *kind != Kind::Finding);
        }
    });
    if !screen.is_empty() {
        screen.truncate(screen.trim_end_matches('\n').len());
        say(Kind::Finding, screen);
    }
}

/// Which one it is of the times that messages are kept; none if they are printed at once.
pub(crate) fn round() -> Option<usize> {
    with(|it| it.kept.is_some().then_some(it.rounds))
}

/// The notes that are kept.
pub(crate) fn notes() -> Vec<String> {
    let is_note = |(kind, _): &&(Kind, String)| *kind == Kind::Note;
    with(|it| {
        let kept = it.kept.iter().flatten();
        kept.filter(is_note).map(|(_, text)| text.clone()).collect()
    })
}

/// Names on one line, no more of them than the user wants.
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let most = match verbosity() {
        Verbosity::All => usize::MAX,
        Verbosity::Quiet | Verbosity::Usual => MOST_NAMES,
    };
    let shown = list(names, most);
    if names.len() > most {
        format!("{shown}: --all names them")
    } else {
        shown
    }
}

/// Says on standard error at once what the command is about to do, as it takes long.
pub fn progress(message: impl Display) {
    if verbosity() != Verbosity::Quiet {
        print(&Kind::Note.line(&message.to_string()));
    }
}

/// How many characters a line of standard error may have: as many as the terminal shows, or as `COLUMNS` says.
pub fn width() -> Option<usize> {
    screen::width_of(&std::io::stderr()).or_else(table::wanted_width)
}

/// Prints to standard error, whatever the user wants and whatever is kept.
pub fn say_now(text: impl Display) {
    print(&text.to_string());
}

fn say(kind: Kind, text: String) {
    let now = with(|it| match &mut it.kept {
        Some(kept) => {
            kept.push((kind, text));
            None
        }
        None => Some(text),
    });
    if let Some(text) = now {
        print(&kind.line(&text));
    }
}

/// If standard error is closed, there is no way to report it.
fn print(text: &str) {
    // In one piece: standard error keeps nothing back, and a text of many parts would be as many calls of the system.
    let _ = screen::stderr().write_all(format!("{text}\n").as_bytes());
}
