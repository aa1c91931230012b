//! A host for tests: answers from a script, and records the calls that it gets.

use crate::{HeaderBlock, Host, HostError, Level};
use std::cell::RefCell;

/// A host with one request and one configuration.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    pub(crate) configuration: Vec<u8>,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) refuses: Option<&'static str>,
    pub(crate) done: RefCell<Vec<String>>,
}

impl Scripted {
    fn act(&self, call: &'static str, what: String) -> Result<(), HostError> {
        if self.refuses.is_some_and(|it| what.contains(it)) {
            return Err(HostError { call, status: 10 });
        }
        self.done.borrow_mut().push(what);
        Ok(())
    }
}

impl Host for Scripted {
    fn plugin_configuration(&self) -> Result<Vec<u8>, HostError> {
        Ok(self.configuration.clone())
    }

    fn request_headers(&self) -> Result<HeaderBlock, HostError> {
        Ok(HeaderBlock::from_pairs(
            self.headers
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
        ))
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.act("set", format!("{name} = {}", value.escape_ascii()))
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        self.act("remove", format!("{name} removed"))
    }

    fn random(&self) -> Result<u64, HostError> {
        Ok(0)
    }

    fn log(&self, level: Level, message: &str) {
        self.done.borrow_mut().push(format!("{level:?} {message}"));
    }
}
