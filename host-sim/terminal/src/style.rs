//! The few colours there are. What is printed passes through `screen`.

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
/// The word `error`.
pub(crate) const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
/// The word `warning`.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// The word `note`.
pub(crate) const NOTE: Style = AnsiColor::BrightGreen.on_default().bold();
