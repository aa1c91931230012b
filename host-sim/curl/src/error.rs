//! What is wrong with a curl command line.

use std::fmt;

/// A command line that is no request: what is wrong with it, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurlError(String);

impl CurlError {
    /// An error with this message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for CurlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CurlError {}
