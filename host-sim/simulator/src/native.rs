//! Our own filters without Wasm: the port of `filter-kit` over a header list.
//!
//! For callers that need only the decision: no VM, no limits, no failure policy. Given the same headers and
//! the same seed, a filter leaves the same headers here as its module does in the [`crate::Simulator`].

use crate::dice::Dice;
use crate::headers::Headers;
use crate::world::{LogLevel, LogLine};
use fingerpost_filter_kit::{HeaderBlock, Host, HostError, Level};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A proxy for one event of one filter.
#[derive(Debug, Default)]
pub struct NativeHost {
    configuration: Vec<u8>,
    headers: RefCell<Headers>,
    dice: Cell<Dice>,
    log: RefCell<Vec<LogLine>>,
    properties: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl NativeHost {
    /// For `on_configure`.
    pub fn configuring(configuration: impl Into<Vec<u8>>) -> Self {
        Self {
            configuration: configuration.into(),
            ..Self::default()
        }
    }

    /// For `on_request_headers`; the dice roll as those of a simulator with this seed, or with [`Dice::Fixed`].
    pub fn request(headers: Headers, dice: impl Into<Dice>) -> Self {
        Self {
            headers: RefCell::new(headers),
            dice: Cell::new(dice.into()),
            ..Self::default()
        }
    }

    /// A property that the filter gave the request.
    pub fn property(&self, name: &str) -> Option<Vec<u8>> {
        self.properties.borrow().get(name.as_bytes()).cloned()
    }

    /// The headers as the filter left them, and what it logged.
    pub fn into_parts(self) -> (Headers, Vec<LogLine>) {
        (self.headers.into_inner(), self.log.into_inner())
    }
}

impl Host for NativeHost {
    fn plugin_configuration(&self, start: usize) -> Result<Vec<u8>, HostError> {
        Ok(self.configuration.get(start..).unwrap_or_default().to_vec())
    }

    fn request_headers(&self) -> Result<HeaderBlock, HostError> {
        let headers = self.headers.borrow();
        let pairs = headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()));
        Ok(HeaderBlock::from_pairs(pairs))
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.headers.borrow_mut().set(name.as_bytes(), value);
        Ok(())
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        self.headers.borrow_mut().remove(name.as_bytes());
        Ok(())
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        let mut properties = self.properties.borrow_mut();
        properties.insert(name.as_bytes().to_vec(), value.to_vec());
        Ok(())
    }

    fn random(&self) -> Result<u64, HostError> {
        let mut dice = self.dice.get();
        let rolled = dice.roll();
        self.dice.set(dice);
        Ok(rolled)
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.log.borrow_mut().push(LogLine {
            level,
            prefix: String::new(),
            message: message.to_owned(),
        });
    }
}
