//! Changes of the files while `up --watch` runs, on a thread of their own: the requests go on being shown.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fingerpost_config_compiler::Compilation;
use fingerpost_envoy_runner::EnvoyBinary;
use fingerpost_input_files::{Wake, Watch};
use fingerpost_local_envoy::LiveEnvoy;

use crate::failure::Failure;
use crate::settings;
use crate::signals::Stop;

/// How soon a change is tried again that the machine was in the way of.
const AGAIN: Duration = Duration::from_secs(10);

/// What came of a change.
pub(super) struct Reload {
    /// What is in force now, and the names that certificates were made for; or why nothing changes.
    pub(super) outcome: Result<(Compilation, BTreeSet<String>), Failure>,
    /// From the change of the files until then.
    pub(super) took: Duration,
}

/// Brings changes into force until it is dropped.
pub(super) struct Reloader {
    reloads: Receiver<Reload>,
    /// Set when Envoy is about to stop.
    is_over: Arc<AtomicBool>,
    give_up: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How the files are read again.
struct Rereading {
    watch: Watch,
    /// The path of the filter's module.
    module: String,
    binary: EnvoyBinary,
}

impl Reloader {
    pub(super) fn start(
        mut live: LiveEnvoy,
        watch: Watch,
        module: String,
        binary: EnvoyBinary,
        stop: Stop,
    ) -> Self {
        let (sender, reloads) = channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let give_up = live.give_up();
        let mut rereading = Rereading {
            watch,
            module,
            binary,
        };
        let over = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let is_stopped = || stop.is_wanted() || over.load(Ordering::SeqCst);
            let mut due = None;
            let mut is_pending = false;
            loop {
                match rereading.watch.wait_until(due, is_stopped) {
                    Wake::Stopped => break,
                    Wake::Due if !is_pending => due = live.remove_unused(),
                    Wake::Due | Wake::Changed => {
                        let started = Instant::now();
                        let outcome = rereading.load().and_then(|loaded| {
                            let arranged = live.apply(&loaded.compiled)?;
                            Ok((loaded, arranged.certified))
                        });
                        // What was refused stays refused until the files change.
                        is_pending = matches!(outcome, Err(Failure::Surroundings(_)));
                        due = if is_pending {
                            Some(Instant::now() + AGAIN)
                        } else {
                            live.remove_unused()
                        };
                        let took = started.elapsed();
                        if sender.send(Reload { outcome, took }).is_err() {
                            break;
                        }
                    }
                }
            }
            // The echo servers answer until Envoy has stopped.
            while !over.load(Ordering::SeqCst) {
                thread::park();
            }
            drop(live);
        });
        Self {
            reloads,
            is_over,
            give_up,
            thread: Some(thread),
        }
    }

    /// The next change that is not shown yet.
    pub(super) fn next(&self) -> Option<Reload> {
        self.reloads.try_recv().ok()
    }

    /// Makes no further change, and waits for none under way.
    pub(super) fn end(&self) {
        self.give_up.store(true, Ordering::SeqCst);
    }
}

impl Drop for Reloader {
    /// Waits until no file is written any more.
    fn drop(&mut self) {
        self.end();
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Rereading {
    /// Reads what the command line and the settings name now, and watches that.
    fn load(&mut self) -> Result<Compilation, Failure> {
        let crate::Command::Up(up) = crate::parse_again()? else {
            return Err(Failure::refused("the command line is another one"));
        };
        self.watch.follow(&up.input.watched(settings::file()));
        let mut loaded = up.load(&self.module)?;
        up.suit(&mut loaded, &self.binary);
        Ok(loaded)
    }
}
