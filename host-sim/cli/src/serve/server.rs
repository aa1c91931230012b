//! What all connections share: the proxy as it was read last, and the screen.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use fingerpost_config_compiler::Compilation;
use fingerpost_envoy_runner::Echo;
use fingerpost_simulated_proxy::{FilterRuntime, SimulatedProxy};

use super::upstreams::Upstreams;
use crate::failure::Failure;
use crate::journal::{Entry, Journal};
use crate::local::Echoes;

/// What was read, and the proxy that follows from it.
pub(super) struct Generation {
    pub(super) loaded: Compilation,
    pub(super) proxy: SimulatedProxy,
    pub(super) upstreams: Upstreams,
}

/// What all connections share.
pub(super) struct Server {
    generation: RefCell<Rc<Generation>>,
    journal: RefCell<Journal>,
    /// Why the screen can't be written any more.
    unwritten: RefCell<Option<io::Error>>,
}

impl Generation {
    pub(super) fn new(
        loaded: Compilation,
        runtime: FilterRuntime,
        echoes: Echoes,
        echo: &Echo,
    ) -> Result<Self, Failure> {
        Ok(Self {
            proxy: SimulatedProxy::new(&loaded.compiled, runtime)?,
            upstreams: Upstreams::of(&loaded.compiled.summary.clusters, echoes, echo)?,
            loaded,
        })
    }
}

impl Server {
    pub(super) fn new(generation: Generation) -> Self {
        Self {
            journal: RefCell::new(Journal::of(&generation.loaded.compiled.summary)),
            generation: RefCell::new(Rc::new(generation)),
            unwritten: RefCell::default(),
        }
    }

    /// What answers requests from now on.
    pub(super) fn generation(&self) -> Rc<Generation> {
        Rc::clone(&self.generation.borrow())
    }

    /// Lets another one answer the requests to come.
    pub(super) fn replace(&self, generation: Generation) {
        *self.journal.borrow_mut() = Journal::of(&generation.loaded.compiled.summary);
        *self.generation.borrow_mut() = Rc::new(generation);
    }

    /// Shows a request.
    pub(super) fn show(&self, entry: &Entry) {
        let line = self.journal.borrow_mut().lines(entry);
        let mut out = fingerpost_terminal::screen::stdout();
        if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
            self.unwritten.borrow_mut().get_or_insert(error);
        }
    }

    /// An error, if the screen can't be written any more.
    pub(super) fn check_screen(&self) -> Result<(), Failure> {
        self.unwritten.take().map_or(Ok(()), |error| Err(error.into()))
    }
}
