//! The texts that resources are read from, and places in them.
//!
//! Opening files is the caller's work. A source whose bytes are not UTF-8 is kept, so that the
//! error about it can show the line.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// One text to read: a file, standard input, a test.
#[derive(Debug, Clone)]
pub struct Source {
    /// What diagnostics call it, as a rule the path as the user gave it.
    pub name: String,
    /// The text; with replacement characters where the bytes were not UTF-8.
    pub text: String,
    pub(crate) not_utf8: Option<NotUtf8>,
}

/// Where the bytes of a source stopped being UTF-8.
#[derive(Debug, Clone)]
pub(crate) struct NotUtf8 {
    /// Offset in the bytes as given, which is also the offset in `text`.
    pub(crate) offset: usize,
    pub(crate) byte: u8,
}

impl Source {
    /// A source from text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            not_utf8: None,
        }
    }

    /// A source from bytes as they lie in a file. Bytes that are not UTF-8 become an error when the source is read.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::new(name, text),
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let byte = bytes.get(offset).copied().unwrap_or(0);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Self {
                    name: name.into(),
                    text,
                    not_utf8: Some(NotUtf8 { offset, byte }),
                }
            }
        }
    }
}

/// All texts that were read, for showing source lines.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// These texts.
    pub fn new(sources: Vec<Source>) -> Self {
        Self(sources)
    }

    /// The text of the source with this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|source| source.name == name)
            .map(|source| source.text.as_str())
    }

    /// Every source, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}

/// A piece of a source. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The name of the source.
    pub file: Arc<str>,
    /// Line of the first character.
    pub line: usize,
    /// Column of the first character.
    pub column: usize,
    /// The bytes in the text of the source.
    pub bytes: Range<usize>,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A span without its file: what the nodes of a tree carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Place {
    /// With the name of the file it is a place of.
    pub fn in_file(self, file: &Arc<str>) -> Span {
        Span {
            file: Arc::clone(file),
            line: self.line as usize,
            column: self.column as usize,
            bytes: self.start as usize..self.end as usize,
        }
    }

    /// The place of the bytes from `start` to `end` of `text`.
    pub fn of_bytes(text: &str, start: usize, end: usize) -> Self {
        let start = floor_boundary(text, start);
        let before = &text[..start]; // a character boundary, by `floor_boundary`
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: small(before.matches('\n').count() + 1),
            column: small(
                before[line_start..]
                    .trim_start_matches('\u{feff}')
                    .chars()
                    .count()
                    + 1,
            ),
            start: small(start),
            end: small(floor_boundary(text, end).max(start)),
        }
    }
}

/// The last character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&it| text.is_char_boundary(it)).unwrap_or(0)
}

/// Positions are kept in 32 bits; `read` refuses longer sources, so nothing is cut.
pub(crate) fn small(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
