//! Why a command fails, and its exit code.

use std::io::{self, Write};

use fingerpost_explain::ExplainError;
use fingerpost_input_files::InputError;
use fingerpost_local_server::error::LocalError;
use fingerpost_resources::Diagnostics;
use fingerpost_simulated_proxy::{InvalidPort, ProxyError};
use fingerpost_terminal::findings::only_findings;
use fingerpost_terminal::screen::json_stdout;
use serde_json::Value;

/// Why a command failed. Every kind has its own exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An expectation was not met, or a Secret was left out; the command has said which. Code 1.
    Findings,
    /// The input is refused because of these findings, which have been shown. Code 2.
    Diagnosed(Diagnostics),
    /// The command line or a file will not do. Code 2.
    Refused(String),
    /// No test to run. Code 4.
    NoTests(String),
    /// The machine does not give what is needed: a port, a permission, Envoy. Code 5.
    Surroundings(String),
    /// The user stopped it before it was done. Code 130, as shells have it.
    Interrupted,
    /// The output can't be printed: code 5, or code 0 if its reader has closed it.
    Output(io::Error),
}

impl Failure {
    /// The command line or a file will not do.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    /// The machine does not give what is needed.
    pub(crate) fn surroundings(message: impl Into<String>) -> Self {
        Self::Surroundings(message.into())
    }

    /// The process's exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Findings => 1,
            Self::Diagnosed(_) | Self::Refused(_) => 2,
            Self::NoTests(_) => 4,
            Self::Surroundings(_) => 5,
            Self::Interrupted => 130,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 5,
        }
    }

    /// What is still to be said.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Findings | Self::Diagnosed(_) | Self::Interrupted => None,
            Self::Refused(message) | Self::NoTests(message) | Self::Surroundings(message) => {
                Some(message.clone())
            }
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Output(error) => Some(format!("the output can't be written: {error}")),
        }
    }
}

/// If the input is refused, prints the findings as the JSON answer.
pub(crate) fn answered_in_json(result: Result<(), Failure>) -> Result<(), Failure> {
    if let Err(Failure::Diagnosed(findings)) = &result {
        print_json(&only_findings(findings))?;
    }
    result
}

/// Prints the answer of a command.
pub(crate) fn print_json(answer: &Value) -> Result<(), Failure> {
    let mut out = json_stdout();
    writeln!(out, "{answer:#}")?;
    Ok(out.flush()?)
}

/// Every `io::Error` that `?` passes on comes from printing; those of files name their paths.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<ProxyError> for Failure {
    fn from(error: ProxyError) -> Self {
        match error {
            ProxyError::Model(_) => Self::Refused(error.to_string()),
            ProxyError::Filter(_) => Self::Surroundings(error.to_string()),
        }
    }
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Self {
        match error {
            LocalError::Refused(message) => Self::Refused(message),
            LocalError::Surroundings(message) => Self::Surroundings(message),
            LocalError::Output(error) => Self::Output(error),
            LocalError::Proxy(error) => error.into(),
        }
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        match error {
            InputError::Refused(message) => Self::Refused(message),
            InputError::Tool(message) => Self::Surroundings(message),
        }
    }
}

impl From<ExplainError> for Failure {
    fn from(error: ExplainError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<InvalidPort> for Failure {
    fn from(error: InvalidPort) -> Self {
        Self::Refused(error.to_string())
    }
}
