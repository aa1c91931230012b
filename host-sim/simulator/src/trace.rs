//! What happened between host and guests, call by call, for whoever asks.

use std::fmt;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The host calls a guest.
    Callback {
        /// The plugin's name.
        plugin: String,
        /// The function and its arguments.
        call: String,
        /// What it returned; nothing where it returns nothing or failed.
        returned: Option<u64>,
    },
    /// A guest calls the host.
    Hostcall {
        /// The function and its arguments, texts behind pointers as texts.
        call: String,
        /// `Ok`, or the status.
        status: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Callback {
                plugin,
                call,
                returned: Some(returned),
            } => write!(f, "{plugin} <- {call} = {returned}"),
            Self::Callback { plugin, call, .. } => write!(f, "{plugin} <- {call}"),
            Self::Hostcall { call, status } => write!(f, "    {call} = {status}"),
        }
    }
}

/// The steps so far, if anyone wants them.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) on: bool,
    pub(crate) events: Vec<Event>,
    /// What the host function that runs now has found behind its pointers.
    pub(crate) said: Vec<String>,
}
