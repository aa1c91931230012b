//! What the command prints passes through here: only our own styles reach a terminal as control sequences.
//!
//! Text of our own and text of others are one string by then. They can be told apart because our styles are written
//! with `MARK` in place of ESC, and the mark is secret: each process chooses a new one. So a control
//! character that arrives here is foreign, and is shown as an escape, with colours on or off. A line break is not
//! told apart: where foreign text may hold one, the screen that shows it calls `visible`, as [`paint`] does.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::AutoStream;
use anstyle::Style;
use fingerpost_resources::{visible, visible_json, visible_lines};

const ESC: char = '\u{1b}';

/// What replaces ESC in our own style sequences until they are printed.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let number = RandomState::new().hash_one("mark");
    format!("\u{fdd0}{number:016x}\u{fdd1}") // noncharacters, which no other text has a use for
});

/// `text` in `style`, on one line.
pub fn paint(style: Style, text: impl Display) -> String {
    ours(&format!("{style}")) + &visible(&text.to_string()) + &ours(&format!("{style:#}"))
}

/// A text of which every control sequence is a style of ours.
pub fn ours(text: &str) -> String {
    text.replace(ESC, &MARK)
}

/// Whether anything was printed to standard output.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Whether anything was printed to standard output.
pub(crate) fn is_printed() -> bool {
    PRINTED.load(Ordering::Relaxed)
}

/// How many characters fit on a line, if the stream is a terminal that knows.
pub(crate) fn width_of(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The text without our styles, as it is printed where no colours are wanted.
pub fn unstyled(text: &str) -> String {
    anstream::adapter::strip_str(&shown(text)).to_string()
}

/// As a terminal gets it.
fn shown(text: &str) -> String {
    let pieces = text.split(MARK.as_str()).map(visible_lines);
    pieces.collect::<Vec<_>>().join("\u{1b}")
}

/// Standard output or standard error. It is written line by line, so that no character and no mark is cut in two.
pub struct Screen<W> {
    /// Takes the styles out where they are not wanted.
    stream: W,
    kept: Vec<u8>,
    form: Form,
    is_stdout: bool,
}

/// What is printed.
enum Form {
    Text,
    Json,
}

/// Text for a person, or for a program that reads lines.
pub fn stdout() -> Screen<AutoStream<io::Stdout>> {
    Screen::new(anstream::stdout(), Form::Text, true)
}

/// JSON, which stays JSON.
pub fn json_stdout() -> Screen<AutoStream<io::Stdout>> {
    Screen::new(anstream::stdout(), Form::Json, true)
}

/// Messages.
pub fn stderr() -> Screen<AutoStream<io::Stderr>> {
    Screen::new(anstream::stderr(), Form::Text, false)
}

impl<W: Write> Screen<W> {
    fn new(stream: W, form: Form, is_stdout: bool) -> Self {
        Self {
            stream,
            kept: Vec::new(),
            form,
            is_stdout,
        }
    }

    /// Prints the first bytes of what is kept.
    fn print(&mut self, length: usize) -> io::Result<()> {
        let bytes: Vec<u8> = self.kept.drain(..length).collect();
        let text = String::from_utf8_lossy(&bytes);
        if self.is_stdout && !bytes.is_empty() {
            PRINTED.store(true, Ordering::Relaxed);
        }
        match self.form {
            Form::Text => self.stream.write_all(shown(&text).as_bytes()),
            Form::Json => self.stream.write_all(visible_json(&text).as_bytes()),
        }
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.kept.extend_from_slice(bytes);
        if let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') {
            self.print(self.kept.len() - bytes.len() + last + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.print(self.kept.len())?;
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;

    use super::*;

    #[test]
    fn our_styles_are_kept_and_those_of_others_are_shown() {
        let red = AnsiColor::Red.on_default();
        let text = format!("{} /a\u{1b}[31m", paint(red, "b\u{1b}[31m\u{202e}"));
        assert_eq!(
            shown(&text),
            "\u{1b}[31mb\\u{1b}[31m\\u{202e}\u{1b}[0m /a\\u{1b}[31m"
        );
        assert_eq!(unstyled(&text), "b\\u{1b}[31m\\u{202e} /a\\u{1b}[31m");
    }
}
