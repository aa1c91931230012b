//! Why a chore stopped, as one sentence and an exit code.

use std::fmt;

/// Why a chore stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A check found something, or a test failed.
    Found(String),
    /// The command line says nothing that we know.
    Usage(String),
    /// Tests were to run, and none did.
    NoTests,
    /// Something around us is missing or in the way.
    Surroundings(String),
    /// The user has asked for the end.
    Interrupted,
}

impl Failure {
    /// The exit code, as the `fingerpost` command has them too.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Found(_) => 1,
            Self::Usage(_) => 2,
            Self::NoTests => 4,
            Self::Surroundings(_) => 5,
            Self::Interrupted => 130,
        }
    }

    /// A file that can't be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Surroundings(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(message) | Self::Usage(message) | Self::Surroundings(message) => f.write_str(message),
            Self::NoTests => f.write_str("no test ran"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}
