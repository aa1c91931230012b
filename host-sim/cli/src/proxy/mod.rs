//! The compiled proxy on this machine, without an Envoy: the model around, the filter inside.
//!
//! `request`, `test` and `serve` ask it. What a request comes to is decided by the crates below; nothing here knows a
//! rule about routing.

mod filters;

use clap::ValueEnum;
use fingerpost_proxy_model::{Model, Outcome, Request, Skipped};

use self::filters::{Filters, chance};
use crate::failure::Failure;
use crate::load::Loaded;

/// Who runs the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runner {
    /// The module that Envoy loads, in the simulator
    Wasm,
    /// The same code, natively
    Core,
}

/// The proxy as a model, with the filter in it.
pub(crate) struct Proxy {
    model: Model,
    filters: Filters,
}

impl Proxy {
    /// The proxy of what was compiled; one declared port a listener.
    pub(crate) fn new(loaded: &Loaded, runner: Runner) -> Result<Self, Failure> {
        let refused = |error| Failure::refused(format!("the model can't stand for this: {error}"));
        let mut model = Model::new(&loaded.compiled.bootstrap).map_err(refused)?;
        for listener in &loaded.compiled.plan.listeners {
            if let Ok(port) = u16::try_from(listener.port) {
                model = model.with_declared_port(port, listener.name.clone());
            }
        }
        let filters = match runner {
            Runner::Wasm => Filters::wasm()?,
            Runner::Core => Filters::core(),
        };
        Ok(Self { model, filters })
    }

    /// What comes of a request, as far as the model knows.
    pub(crate) fn answer(&mut self, sent: &Request) -> Result<Result<Outcome, Skipped>, Failure> {
        let outcome = self.model.answer(sent, &mut self.filters, &mut chance());
        self.filters.fault().map_or(Ok(outcome), Err)
    }
}
