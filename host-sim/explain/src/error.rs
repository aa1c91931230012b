//! Why a request cannot be explained.

use std::fmt;

use fingerpost_simulated_proxy::InvalidPort;

/// Why a request can't be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExplainError {
    /// The request would go to a port that no connection can have.
    Port(InvalidPort),
    /// The model or the filter's configuration fails, for this reason.
    Unknown(String),
}

impl ExplainError {
    /// The model or the filter's configuration fails.
    pub(crate) fn unknown(reason: impl fmt::Display) -> Self {
        Self::Unknown(reason.to_string())
    }
}

impl fmt::Display for ExplainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(error) => error.fmt(f),
            Self::Unknown(reason) => write!(f, "this can't be explained: {reason}"),
        }
    }
}

impl std::error::Error for ExplainError {}

impl From<InvalidPort> for ExplainError {
    fn from(error: InvalidPort) -> Self {
        Self::Port(error)
    }
}
