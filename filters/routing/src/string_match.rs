//! A condition on a text.

use crate::Pattern;
use alloc::boxed::Box;

/// A condition on a text that is there.
#[derive(Debug, PartialEq, Eq)]
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

    /// The text that it was written with.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text,
            Self::Regex(pattern) => pattern.as_str(),
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
#[derive(Debug, PartialEq, Eq)]
pub enum ValueMatch {
    /// It is there.
    Present,
    /// It is there and satisfies this.
    Text(StringMatch),
}

impl ValueMatch {
    /// The text that it was written with.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Present => "",
            Self::Text(want) => want.text(),
        }
    }

    /// The only value that satisfies it, where that is plain to see.
    pub(crate) fn literal(&self) -> Option<&[u8]> {
        match self {
            Self::Present => None,
            Self::Text(want) => want.literal(),
        }
    }
}
