//! A bootstrap that the model can't read.

use std::fmt;

/// What the model does not understand, and where. It refuses rather than ignore what could matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError {
    places: Vec<String>,
    reason: String,
}

impl ModelError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self {
            places: Vec::new(),
            reason: reason.to_string(),
        }
    }

    /// The same, seen from further out.
    #[must_use]
    pub(crate) fn within(mut self, place: impl Into<String>) -> Self {
        self.places.insert(0, place.into());
        self
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in &self.places {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ModelError {}

impl From<serde_json::Error> for ModelError {
    fn from(error: serde_json::Error) -> Self {
        Self::new(error)
    }
}
