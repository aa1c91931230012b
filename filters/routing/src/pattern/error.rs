//! Why a text is not a pattern.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A text that is not a pattern, and where it stops being one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPattern {
    /// The place in the text, in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What makes a text not a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// `*`, `+`, `?` or `{n}` with nothing before it.
    NothingToRepeat,
    /// A repetition right after a repetition, as in `a**`.
    DoubleRepetition,
    /// `{n,m}` that is out of order, above the limit, or above it together with those around it.
    RepetitionTooLarge,
    /// `(` without `)`.
    MissingParenthesis,
    /// `)` without `(`.
    UnexpectedParenthesis,
    /// `[` without `]`.
    MissingBracket,
    /// A range whose end comes before its start.
    BadRange,
    /// `\p{…}` or `[:…:]` with a name that RE2 does not know.
    UnknownClass(String),
    /// An escape that RE2 does not know; back-references are among them.
    UnknownEscape(String),
    /// A lone `\` at the end.
    TrailingBackslash,
    /// `(?…` with flags that RE2 does not know; look-around is among them.
    UnknownGroup(String),
    /// `(?P<…` with a name that is empty, unclosed, or has something other than letters, digits and `_`.
    BadGroupName,
    /// More groups inside each other than Istio takes.
    TooDeep,
    /// A program that would take too much memory.
    TooLarge,
}

/// The highest count in one repetition, and the highest product of nested ones: RE2's own limit.
pub(super) const MAX_REPEAT: u32 = 1000;

/// The most operators inside each other: the limit of Go's regexp, by which Istio's webhook refuses a pattern.
pub(super) const MAX_DEPTH: u32 = 1000;

impl InvalidPattern {
    /// Turns an error about a text in which each character is a byte into one about the bytes.
    pub(super) fn in_bytes_of(self, characters: &str) -> Self {
        let before = characters.get(..self.offset).unwrap_or(characters);
        let reason = match self.reason {
            Reason::UnknownClass(text) => Reason::UnknownClass(as_bytes(&text)),
            Reason::UnknownEscape(text) => Reason::UnknownEscape(as_bytes(&text)),
            Reason::UnknownGroup(text) => Reason::UnknownGroup(as_bytes(&text)),
            other => other,
        };
        Self {
            offset: before.chars().count(),
            reason,
        }
    }
}

fn as_bytes(characters: &str) -> String {
    let bytes: Vec<u8> = characters
        .chars()
        .filter_map(|it| u8::try_from(u32::from(it)).ok())
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToRepeat => f.write_str("a repetition has nothing to repeat"),
            Self::DoubleRepetition => {
                f.write_str("a repetition follows a repetition; put the first one in `(?:…)`")
            }
            Self::RepetitionTooLarge => {
                write!(
                    f,
                    "a repetition is out of order or repeats more than {MAX_REPEAT} times, with those around it"
                )
            }
            Self::MissingParenthesis => f.write_str("`(` is not closed"),
            Self::UnexpectedParenthesis => f.write_str("`)` closes nothing"),
            Self::MissingBracket => f.write_str("`[` is not closed"),
            Self::BadRange => f.write_str("a range ends before it starts"),
            Self::UnknownClass(name) => write!(f, "RE2 has no class `{name}`"),
            Self::UnknownEscape(text) => write!(f, "RE2 has no escape `{text}`"),
            Self::TrailingBackslash => f.write_str("`\\` at the end escapes nothing"),
            Self::UnknownGroup(text) => write!(f, "RE2 has no group `{text}`"),
            Self::BadGroupName => {
                f.write_str("the name of a group is not of letters, digits and `_`, or not closed")
            }
            Self::TooDeep => write!(
                f,
                "more than {MAX_DEPTH} groups and repetitions inside each other"
            ),
            Self::TooLarge => f.write_str("the pattern takes too much memory"),
        }
    }
}

impl core::error::Error for InvalidPattern {}
