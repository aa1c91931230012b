//! What happened between host and guests, call by call.

use crate::limits;
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
    events: Vec<Event>,
    bytes: usize,
    left_out: u64,
}

impl Trace {
    /// Adds a step, unless the trace is full. Says where it is.
    pub(crate) fn push(&mut self, event: Event) -> usize {
        let (Event::Callback { call, .. } | Event::Hostcall { call, .. }) = &event;
        let bytes = call.len() + limits::ENTRY_BYTES;
        if self.bytes + bytes > limits::TRACE_BYTES {
            self.left_out += 1;
            return usize::MAX;
        }
        self.bytes += bytes;
        self.events.push(event);
        self.events.len() - 1
    }

    /// Adds what a callback returned to its step.
    pub(crate) fn returned(&mut self, step: usize, number: Option<u64>) {
        if let Some(Event::Callback { returned, .. }) = self.events.get_mut(step) {
            *returned = number;
        }
    }

    /// Takes the steps so far, and how many were left out behind them.
    pub(crate) fn take(&mut self) -> (Vec<Event>, u64) {
        self.bytes = 0;
        (
            std::mem::take(&mut self.events),
            std::mem::take(&mut self.left_out),
        )
    }
}
