//! A condition on a text.

use crate::Pattern;
use alloc::boxed::Box;

/// A condition on a text that is there.
#[derive(Debug)]
pub enum StringMatch {
    /// The whole text.
    Exact(Box<str>),
    /// Its beginning.
    Prefix(Box<str>),
    /// The whole text, as a pattern.
    Regex(Pattern),
}

impl StringMatch {
    /// Whether `value` satisfies it.
    pub fn accepts(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(text) => value == text.as_bytes(),
            Self::Prefix(text) => value.starts_with(text.as_bytes()),
            Self::Regex(pattern) => pattern.accepts(value),
        }
    }

    /// The only text that satisfies it, where that is plain to see.
    pub(crate) fn literal(&self) -> Option<&[u8]> {
        match self {
            Self::Exact(text) => Some(text.as_bytes()),
            Self::Prefix(_) => None,
            Self::Regex(pattern) => pattern.literal(),
        }
    }
}

/// A condition on a value that may be missing.
#[derive(Debug)]
pub enum ValueMatch {
    /// It is there.
    Present,
    /// It is there and satisfies this.
    Text(StringMatch),
}

impl ValueMatch {
    /// The only value that satisfies it, where that is plain to see.
    pub(crate) fn literal(&self) -> Option<&[u8]> {
        match self {
            Self::Present => None,
            Self::Text(want) => want.literal(),
        }
    }
}
