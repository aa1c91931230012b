//! Why an Envoy did not start, told in its own words where it said any.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::log;
use crate::process::Exit;

/// Why an Envoy did not start.
#[derive(Debug)]
pub enum StartError {
    /// Another process listens on an address that the bootstrap wants.
    PortBusy(String),
    /// An address that the bootstrap wants can't be had for another reason, such as a port that needs privileges.
    CannotBind {
        /// The address.
        address: String,
        /// The system's reason.
        reason: String,
    },
    /// Envoy, or a filter in it, refused its configuration.
    ConfigRejected(Vec<String>),
    /// Envoy ended for another reason.
    Crashed(Exit),
    /// Envoy runs and did not become ready.
    NotReadyInTime {
        /// How long it was given.
        waited: Duration,
        /// What it last answered when asked whether it is ready; empty if it never answered.
        state: String,
        /// The errors in its log.
        errors: Vec<String>,
    },
    /// The file was found before and can't be run now.
    DoesNotRun(PathBuf, io::Error),
    /// A file in the working folder can't be written or read.
    File(PathBuf, io::Error),
}

impl StartError {
    /// Reads the log of an Envoy that ended before it was ready.
    pub(crate) fn of_exit(exit: Exit, log: &str) -> Self {
        let errors = log::errors(log);
        if let Some((address, reason)) = errors.iter().find_map(|error| log::cannot_bind(error)) {
            return match reason.as_str() {
                "Address already in use" => Self::PortBusy(address),
                _ => Self::CannotBind { address, reason },
            };
        }
        match exit.code {
            Some(_) if !errors.is_empty() => Self::ConfigRejected(errors),
            _ => Self::Crashed(exit),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortBusy(address) => write!(f, "another program already listens on {address}"),
            Self::CannotBind { address, reason } => write!(f, "Envoy can't listen on {address}: {reason}"),
            Self::ConfigRejected(reasons) => {
                write!(f, "Envoy refused its configuration: {}", reasons.join("; "))
            }
            Self::Crashed(exit) => exit.fmt(f),
            Self::NotReadyInTime {
                waited,
                state,
                errors,
            } => {
                write!(f, "Envoy was not ready after {:.1} s", waited.as_secs_f64())?;
                match state.as_str() {
                    "" => f.write_str(": its admin interface does not answer")?,
                    "PRE_INITIALIZING" => f.write_str(": it still waits for the endpoints of a cluster")?,
                    "INITIALIZING" => f.write_str(": it still waits for something a listener needs")?,
                    other => write!(f, ": it is {other}")?,
                }
                errors.iter().try_for_each(|error| write!(f, "; {error}"))
            }
            Self::DoesNotRun(path, error) => write!(f, "{} does not run: {error}", path.display()),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for StartError {}
