//! Why a listener on this machine can't be opened or go on.

use std::{fmt, io};

use fingerpost_simulated_proxy::ProxyError;

/// Why a listener on this machine can't be opened or go on.
#[derive(Debug)]
pub enum LocalError {
    /// The command line can't be followed.
    Refused(String),
    /// The machine does not give what is needed: a port, a permission.
    Surroundings(String),
    /// The screen can't be written.
    Output(io::Error),
    /// The configuration can't be simulated.
    Proxy(ProxyError),
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(message) | Self::Surroundings(message) => f.write_str(message),
            Self::Output(error) => write!(f, "the output can't be written: {error}"),
            Self::Proxy(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LocalError {}

impl From<ProxyError> for LocalError {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}
