//! Messages on standard error: notes, findings, errors.
//!
//! The answer of a command comes first. So messages are kept from [`hold`] to [`release`], and then printed: notes, then
//! findings with their summary, then errors. Which messages a user wants is one setting of the process, as colours are.

use std::fmt::Display;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::screen;
use crate::style::{ERROR, NOTE, paint};

/// What becomes of messages.
struct Messages {
    verbosity: Verbosity,
    /// Those that are kept; none if they are printed at once.
    kept: Option<Vec<(Kind, String)>>,
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

static MESSAGES: Mutex<Messages> = Mutex::new(Messages {
    verbosity: Verbosity::Usual,
    kept: None,
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
            .map(|(_, text)| text.as_str())
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
    say(Kind::Error, format!("{}: {message}", paint(ERROR, "error")));
}

/// Says on standard error what is worth knowing and no reason to worry.
pub fn note(message: impl Display) {
    if verbosity() != Verbosity::Quiet {
        say(Kind::Note, format!("{}: {message}", paint(NOTE, "note")));
    }
}

/// Shows findings on standard error, as `findings` makes a screen of them.
pub fn show_findings(screen: &str) {
    if !screen.is_empty() {
        say(Kind::Finding, screen.trim_end_matches('\n').to_owned());
    }
}

/// Says on standard error at once what the command is about to do, as it takes long.
pub fn progress(message: impl Display) {
    if verbosity() != Verbosity::Quiet {
        print(&format!("{}: {message}", paint(NOTE, "note")));
    }
}

/// How many characters fit on a line of standard error, if it is a terminal.
pub fn width() -> Option<usize> {
    screen::width_of(&std::io::stderr())
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
        print(&text);
    }
}

/// If standard error is closed, there is no way to report it.
fn print(text: &str) {
    // In one piece: standard error keeps nothing back, and a text of many parts would be as many calls of the system.
    let _ = screen::stderr().write_all(format!("{text}\n").as_bytes());
}
