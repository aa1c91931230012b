//! The few colours there are, and messages on standard error. What is printed passes through `screen`.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};

pub use crate::screen::paint;

/// The one thing of a block that is read first.
pub const BOLD: Style = Style::new().bold();
/// Labels, places, and what is rarely needed.
pub const DIM: Style = Style::new().dimmed();
/// What works.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What may be a mistake.
pub const ODD: Style = AnsiColor::Yellow.on_default();
/// What fails.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Where requests go: clusters, addresses.
pub const NAME: Style = AnsiColor::Cyan.on_default();
const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const NOTE: Style = AnsiColor::BrightGreen.on_default().bold();

/// Prints to standard error. If that is closed, there is no way to report it.
pub fn say(text: impl Display) {
    // In one piece: standard error keeps nothing back, and a text of many parts would be as many calls of the system.
    let text = format!("{text}\n");
    let _ = crate::screen::stderr().write_all(text.as_bytes());
}

/// Says on standard error what is wrong.
pub fn error(message: impl Display) {
    say(format_args!("{}: {message}", paint(ERROR, "error")));
}

/// Says on standard error what is worth knowing and no reason to worry.
pub fn note(message: impl Display) {
    say(format_args!("{}: {message}", paint(NOTE, "note")));
}
