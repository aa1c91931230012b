//! How Envoy reads the characters of a pattern, which depends on its release.

/// What a character is, in a pattern and in the values that it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A byte; case is folded for ASCII alone. Envoy from 1.40 on (`re2_use_latin1_mode`).
    Latin1,
    /// A code point; case is folded as Unicode does. Envoy up to 1.39.
    Utf8,
}

impl Encoding {
    pub(super) fn highest_rune(self) -> u32 {
        match self {
            Self::Latin1 => 0xFF,
            Self::Utf8 => u32::from(char::MAX),
        }
    }
}
