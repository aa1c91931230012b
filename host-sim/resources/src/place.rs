//! Places in the texts that resources are read from.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

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
