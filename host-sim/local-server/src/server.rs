//! What all connections share: the proxy as it was read last, and the screen.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use fingerpost_config_compiler::Compilation;
use fingerpost_envoy_runner::Echo;
use fingerpost_simulated_proxy::{FilterRuntime, SimulatedProxy};

use crate::error::LocalError;
use crate::explain_command::ExplainCommand;
use crate::journal::{Entry, Journal};
use crate::local::Echoes;
use crate::upstreams::Upstreams;

/// What was read, and the proxy that follows from it.
pub struct Generation {
    /// What was read.
    pub loaded: Compilation,
    /// The proxy that routes by it.
    pub proxy: SimulatedProxy,
    pub(crate) upstreams: Upstreams,
}

/// What all connections share.
pub struct Server {
    generation: RefCell<Rc<Generation>>,
    journal: RefCell<Journal>,
    explain: ExplainCommand,
    /// Why the screen can't be written any more.
    unwritten: RefCell<Option<io::Error>>,
}

impl Generation {
    /// Starts the proxy, and an echo server for each cluster that `echoes` names.
    ///
    /// # Errors
    ///
    /// The configuration cannot be simulated, or an echo server finds no port.
    pub fn new(
        loaded: Compilation,
        runtime: FilterRuntime,
        echoes: Echoes,
        echo: &Echo,
    ) -> Result<Self, LocalError> {
        Ok(Self {
            proxy: SimulatedProxy::new(&loaded.compiled, runtime)?,
            upstreams: Upstreams::of(&loaded.compiled.summary.clusters, echoes, echo)?,
            loaded,
        })
    }

    /// How many clusters an echo server replaces.
    pub fn echoes(&self) -> usize {
        self.upstreams.echoes
    }
}

impl Server {
    /// A server that answers by `generation`; `explain` says how its requests are explained.
    pub fn new(generation: Generation, explain: ExplainCommand) -> Self {
        Self {
            journal: RefCell::new(Journal::of(&generation.loaded.compiled.summary, explain.clone())),
            explain,
            generation: RefCell::new(Rc::new(generation)),
            unwritten: RefCell::default(),
        }
    }

    /// What answers requests from now on.
    pub fn generation(&self) -> Rc<Generation> {
        Rc::clone(&self.generation.borrow())
    }

    /// Lets another one answer the requests to come.
    pub fn replace(&self, generation: Generation) {
        *self.journal.borrow_mut() = Journal::of(&generation.loaded.compiled.summary, self.explain.clone());
        *self.generation.borrow_mut() = Rc::new(generation);
    }

    /// Shows a request.
    pub fn show(&self, entry: &Entry) {
        let line = self.journal.borrow_mut().lines(entry);
        let mut out = fingerpost_terminal::screen::stdout();
        if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
            self.unwritten.borrow_mut().get_or_insert(error);
        }
    }

    /// An error, if the screen can't be written any more.
    pub fn check_screen(&self) -> Result<(), LocalError> {
        self.unwritten
            .take()
            .map_or(Ok(()), |error| Err(LocalError::Output(error)))
    }
}
