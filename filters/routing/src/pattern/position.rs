//! Positions in a value, as far as anchors and word boundaries distinguish them, and the part that a search goes through.

use regex_automata::util::look::Look;

/// What precedes a position in a value, as far as anchors and word boundaries distinguish positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing = 0,
    LineFeed = 1,
    Word = 2,
    Other = 3,
}

impl Before {
    /// What precedes a position.
    pub(super) fn at(value: &[u8], position: usize) -> Self {
        let byte = position.checked_sub(1).and_then(|before| value.get(before));
        byte.map_or(Self::Nothing, |&byte| Self::of(byte))
    }

    pub(super) fn of(byte: u8) -> Self {
        match byte {
            b'\n' => Self::LineFeed,
            _ if is_word(byte) => Self::Word,
            _ => Self::Other,
        }
    }

    /// The reading of two bits.
    pub(super) fn read(bits: u16) -> Self {
        match bits {
            0 => Self::Nothing,
            1 => Self::LineFeed,
            2 => Self::Word,
            _ => Self::Other,
        }
    }
}

/// A part of a value that a search goes through.
#[derive(Clone, Copy)]
pub(super) struct Section<'v> {
    pub(super) value: &'v [u8],
    pub(super) from: usize,
    /// Whether a match must begin at `from`.
    pub(super) is_anchored: bool,
}

impl Section<'_> {
    pub(super) fn before(&self) -> Before {
        Before::at(self.value, self.from)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The parser makes no other conditions on a place than these.
pub(super) fn holds(look: Look, before: Before, after: Option<u8>) -> bool {
    let at_boundary = || matches!(before, Before::Word) != after.is_some_and(is_word);
    match look {
        Look::Start => matches!(before, Before::Nothing),
        Look::End => after.is_none(),
        Look::StartLF => matches!(before, Before::Nothing | Before::LineFeed),
        Look::EndLF => matches!(after, None | Some(b'\n')),
        Look::WordAscii => at_boundary(),
        Look::WordAsciiNegate => !at_boundary(),
        _ => false,
    }
}
