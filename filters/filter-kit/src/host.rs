//! The port: the few things that a filter asks of the proxy.

use crate::{HeaderBlock, MetricId};
use std::fmt;

/// A proxy, as a filter sees it while it handles one event. All values are bytes.
pub trait Host {
    /// The plugin's configuration from a byte on: a piece of any length, which is empty at the end only.
    fn plugin_configuration(&self, start: usize) -> Result<Vec<u8>, HostError>;

    /// The plugin's name. Where there is one plugin only, it needs none.
    fn plugin_name(&self) -> Result<Vec<u8>, HostError> {
        Ok(Vec::new())
    }

    /// All headers of the request, pseudo headers among them, in one call.
    fn request_headers(&self) -> Result<HeaderBlock, HostError>;

    /// Gives a header of the request this value and no other.
    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError>;

    /// Takes every value of a header away from the request.
    fn remove_request_header(&self, name: &str) -> Result<(), HostError>;

    /// Gives the request a property, for access logs.
    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), HostError>;

    /// A random number.
    fn random(&self) -> Result<u64, HostError>;

    /// A counter of this name, which starts at 0. Without metrics, as here, nothing is counted.
    fn define_counter(&self, _name: &str) -> Result<MetricId, HostError> {
        Ok(0)
    }

    /// A gauge of this name.
    fn define_gauge(&self, _name: &str) -> Result<MetricId, HostError> {
        Ok(0)
    }

    /// Adds 1 to a counter.
    fn increment_counter(&self, _counter: MetricId) -> Result<(), HostError> {
        Ok(())
    }

    /// Gives a gauge this value.
    fn set_gauge(&self, _gauge: MetricId, _value: u64) -> Result<(), HostError> {
        Ok(())
    }

    /// Tells the proxy's log.
    fn log(&self, level: Level, message: &str);
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Of use when something is being searched for.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is wrong, and the proxy goes on.
    Warn,
    /// Something cannot be done.
    Error,
}

/// The proxy refused a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostError {
    /// The function that was called.
    pub call: &'static str,
    /// The status it returned, as proxy-wasm numbers them.
    pub status: u32,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy answered {} with status {}", self.call, self.status)
    }
}

impl std::error::Error for HostError {}
