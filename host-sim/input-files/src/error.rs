//! Why the input can't be read.

use std::fmt;

/// Why the input can't be read. The message names the file or the option.
#[derive(Debug)]
pub enum InputError {
    /// A file or an option will not do.
    Refused(String),
    /// A tool that has to render a folder is not installed, or can't be run.
    Tool(String),
}

impl InputError {
    /// A file or an option will not do.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(message) | Self::Tool(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for InputError {}
