//! A host for tests: answers from a script, and records the calls that it gets.

use crate::{HeaderBlock, Host, HostError, Level, MetricId};
use std::cell::RefCell;

/// A host with one request and one configuration.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    pub(crate) configuration: Vec<u8>,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) refuses: Option<&'static str>,
    pub(crate) done: RefCell<Vec<String>>,
    pub(crate) metrics: RefCell<Vec<(String, u64)>>,
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
    fn plugin_configuration(&self, start: usize) -> Result<Vec<u8>, HostError> {
        // Pieces of some bytes, so that a word may lie in two of them.
        let rest = self.configuration.get(start..).unwrap_or_default();
        Ok(rest.iter().take(7).copied().collect())
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

    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.act(
            "set_property",
            format!("property {name} = {}", value.escape_ascii()),
        )
    }

    fn random(&self) -> Result<u64, HostError> {
        Ok(0)
    }

    fn define_counter(&self, name: &str) -> Result<MetricId, HostError> {
        let mut metrics = self.metrics.borrow_mut();
        let known = metrics.iter().position(|(it, _)| it == name);
        let index = known.unwrap_or_else(|| {
            metrics.push((name.to_owned(), 0));
            metrics.len() - 1
        });
        Ok(MetricId::try_from(index).unwrap_or_default())
    }

    fn define_gauge(&self, name: &str) -> Result<MetricId, HostError> {
        self.define_counter(name)
    }

    fn increment_counter(&self, counter: MetricId) -> Result<(), HostError> {
        self.metrics.borrow_mut()[counter as usize].1 += 1;
        Ok(())
    }

    fn set_gauge(&self, gauge: MetricId, value: u64) -> Result<(), HostError> {
        self.metrics.borrow_mut()[gauge as usize].1 = value;
        Ok(())
    }

    fn log(&self, level: Level, message: &str) {
        self.done.borrow_mut().push(format!("{level:?} {message}"));
    }
}
