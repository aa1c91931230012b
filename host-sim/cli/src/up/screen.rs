//! What a person sees of `up`: what is served and where, the requests, and what a saved file changes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use fingerpost_config_compiler::{Compilation, Compiled};
use fingerpost_envoy_runner::{EnvoyBinary, RunningEnvoy};
use fingerpost_local_envoy::{Arranged, listeners};
use fingerpost_local_server::changes;
use fingerpost_local_server::explain_command::GatewayPort;
use fingerpost_local_server::journal::{Entry, Journal};
use fingerpost_local_server::local::{CurlHints, LocalListener};
use fingerpost_terminal::count;
use fingerpost_terminal::listing;
use fingerpost_terminal::messages::{self, error, note};
use fingerpost_terminal::style::{BOLD, DIM, paint};
use fingerpost_terminal::table;

use super::note_certificates;
use super::reload::{Reload, Reloader};
use crate::failure::Failure;
use crate::load::note_plain_text;
use crate::run_options::explain_command;
use crate::signals::Stop;

/// Poll interval for Ctrl-C, for changes and for whether Envoy still runs.
const TICK: Duration = Duration::from_millis(50);

/// What is in force, and how it is shown.
pub(super) struct Screen {
    loaded: Compilation,
    listeners: Vec<LocalListener>,
    journal: Journal,
}

impl Screen {
    pub(super) fn new(loaded: Compilation, envoy: &RunningEnvoy) -> Result<Self, Failure> {
        let summary = &loaded.compiled.summary;
        Ok(Self {
            listeners: listeners(summary, envoy)?,
            journal: Journal::of(summary, explain_command()),
            loaded,
        })
    }

    pub(super) fn listeners(&self) -> &[LocalListener] {
        &self.listeners
    }

    pub(super) fn compiled(&self) -> &Compiled {
        &self.loaded.compiled
    }

    /// Says what is up, and where.
    pub(super) fn announce(
        &self,
        envoy: &RunningEnvoy,
        arranged: &Arranged,
        clients: &BTreeMap<String, PathBuf>,
        binary: &EnvoyBinary,
        reloads: bool,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let summary = &self.compiled().summary;
        note_plain_text(summary);
        let hints = CurlHints {
            listeners: &self.listeners,
            clients,
        };
        let shown = listing::all(summary);
        let tables = listing::tables(&shown, &hints, table::terminal_width());
        let up = paint(BOLD, format_args!("Envoy {} is up", binary.version()));
        let echoes = count(arranged.echoes, "echo upstream");
        writeln!(
            out,
            "{up}, with {echoes}; admin at http://{}\n\n{tables}",
            envoy.admin()
        )?;
        out.flush()?;
        messages::release();
        let line = if reloads {
            "Requests appear here, and files that are saved count at once. Ctrl-C stops everything."
        } else {
            "Requests appear here. Ctrl-C stops everything."
        };
        writeln!(out, "\n{}", paint(DIM, line))?;
        Ok(out.flush()?)
    }

    /// Shows requests and changes until the user has enough, or Envoy ends.
    pub(super) fn follow(
        &mut self,
        envoy: &RunningEnvoy,
        log: &Receiver<String>,
        reloader: Option<&Reloader>,
        stop: &Stop,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let exit = envoy.exit_watch();
        loop {
            match log.recv_timeout(TICK) {
                Ok(line) => self.show(&line, out)?,
                Err(RecvTimeoutError::Timeout) => {}
                // Envoy closed its output: it has ended, or is about to.
                Err(RecvTimeoutError::Disconnected) => drop(exit.wait(TICK)),
            }
            if stop.is_wanted() || exit.check().is_some() {
                return Ok(());
            }
            if let Some(reload) = reloader.and_then(Reloader::next) {
                self.take(reload, envoy)?;
            }
        }
    }

    /// Says what came of a change, and goes on with it.
    fn take(&mut self, reload: Reload, envoy: &RunningEnvoy) -> Result<(), Failure> {
        let (loaded, certified) = match reload.outcome {
            Ok(changed) => changed,
            Err(failure) => {
                if let Some(message) = failure.message() {
                    error(message);
                }
                note("not reloaded: Envoy still serves the last good configuration");
                return Ok(());
            }
        };
        note_certificates(&certified);
        let changes = changes::told(&self.loaded.compiled, &loaded.compiled);
        let was_open = std::mem::take(&mut self.listeners);
        let compiled = &loaded.compiled;
        self.listeners = listeners(&compiled.summary, envoy)?;
        self.journal = Journal::of(&compiled.summary, explain_command());
        self.loaded = loaded;
        for listener in &was_open {
            if self.listeners.iter().all(|it| it.name != listener.name) {
                note(format_args!("{} is closed", listener.name));
            }
        }
        for listener in &self.listeners {
            if was_open.iter().all(|it| it.address != listener.address) {
                note(format_args!("{} is at {}", listener.name, listener.address));
            }
        }
        note(format_args!(
            "reloaded in {:.1} s: {changes}",
            reload.took.as_secs_f64()
        ));
        Ok(())
    }

    /// Shows the request in a line of the access log.
    pub(super) fn show(&mut self, line: &str, out: &mut impl Write) -> Result<(), Failure> {
        if let Some(mut entry) = Entry::parse(line) {
            let mut listeners = self.listeners.iter();
            let listener = listeners.find(|it| Some(it.address.port()) == entry.local_port);
            entry.gateway = listener.map(|it| GatewayPort {
                number: it.port,
                tls: it.tls,
            });
            writeln!(out, "{}", self.journal.lines(&entry))?;
            out.flush()?;
        }
        Ok(())
    }
}
