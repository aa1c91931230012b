//! Ctrl-C and its like, once there is something to stop and to remove.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// How often the user has asked for the end.
#[derive(Debug, Clone)]
pub(super) struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::Surroundings(format!("signals can't be caught: {error}"));
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        std::thread::spawn(move || {
            for _ in signals.forever() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self(count))
    }

    /// How often so far.
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// An error, if the user has asked for the end.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.count() {
            0 => Ok(()),
            _ => Err(Failure::Interrupted),
        }
    }
}
