//! What came of a request.

use crate::error::Failure;
use crate::message::{Request, Response};
use crate::trace::Event;
use crate::warning::Warning;
use crate::world::{LogLevel, LogLine};
use std::collections::BTreeMap;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client has a whole response.
    Complete,
    /// The stream was reset: the client has no response, or half of one.
    Reset,
    /// A filter holds the stream, and nothing is under way that could make it go on.
    Held,
}

/// What came of a request: what either side got, and what the filters did meanwhile.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What the client received. Envoy adds `date` and `server`.
    pub response: Option<Response>,
    /// The request that reached the upstream, if any. Envoy's router adds more headers.
    pub upstream: Option<Request>,
    /// Response code details, where a filter set them.
    pub details: Option<String>,
    /// How often the route cache was cleared: a write to request headers does, whatever it writes.
    pub route_cache_cleared: u32,
    /// Properties that guests set, by path; parts are separated by zero bytes.
    pub filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Filter state objects that guests set by `set_envoy_filter_state`.
    pub filter_objects: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What was logged since the last outcome.
    pub log: Vec<LogLine>,
    /// VMs that failed since the last outcome.
    pub failures: Vec<Failure>,
    /// What Envoy let through since the last outcome although its receiver will not read it as it was meant.
    pub warnings: Vec<Warning>,
    /// What it cost.
    pub cost: Cost,
    /// Every callback and hostcall since the last outcome, where tracing is on.
    pub trace: Vec<Event>,
    /// How many steps behind those are left out: a trace keeps 64 MiB.
    pub trace_left_out: u64,
}

/// What guests used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// About one unit for each instruction; host functions cost a base price, and more by the byte that they handle.
    pub fuel: u64,
    /// Calls of guests to the host.
    pub hostcalls: u64,
}

impl Outcome {
    /// The status that the client received; 0 without a response.
    pub fn status(&self) -> u16 {
        self.response.as_ref().map_or(0, Response::status)
    }

    /// A header of the response, as text.
    pub fn response_header(&self, name: &str) -> Option<&str> {
        self.response.as_ref()?.headers.text(name)
    }

    /// A header that the upstream received, as text.
    pub fn upstream_header(&self, name: &str) -> Option<&str> {
        self.upstream.as_ref()?.headers.text(name)
    }

    /// The body that the client received; bytes that are not UTF-8 are replaced.
    pub fn body(&self) -> String {
        let bytes = self
            .response
            .as_ref()
            .map(Response::body_bytes)
            .unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether a line of this level, or a more important one, contains `text`.
    pub fn logged(&self, level: LogLevel, text: &str) -> bool {
        self.log
            .iter()
            .any(|line| line.level >= level && line.message.contains(text))
    }
}
