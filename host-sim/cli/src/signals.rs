//! Ctrl-C: the first asks for an orderly end, the second does not wait for it.

use std::fs;
use std::io;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// Poll interval of a wait.
const TICK: Duration = Duration::from_millis(50);
/// The exit code after a second signal, as shells have it.
const KILLED: i32 = 130;

/// Makes a write beyond the limit on the size of files an error. By default the signal would end the command, and drafts would stay.
pub(crate) fn survive_limits_on_files() {
    // Where it cannot be caught, it ends the command as before.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

/// Whether the user wants it to end.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<State>);

#[derive(Default)]
struct State {
    wanted: AtomicBool,
    /// The child to kill on the second signal; 0 for none.
    child: AtomicU32,
    /// The directory to remove then.
    directory: Mutex<Option<Box<Path>>>,
}

impl Stop {
    /// Listens for SIGINT, SIGTERM, SIGHUP and SIGQUIT from now on: none of them may leave a key behind.
    pub(crate) fn listen() -> io::Result<Self> {
        let stop = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT])?;
        let state = Arc::clone(&stop.0);
        thread::spawn(move || {
            for _ in signals.forever() {
                if state.wanted.swap(true, Ordering::SeqCst) {
                    state.end_now();
                }
            }
        });
        Ok(stop)
    }

    /// Whether a stop was requested.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::SeqCst)
    }

    /// An error, if a stop was requested.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_wanted() {
            return Err(Failure::Interrupted);
        }
        Ok(())
    }

    /// Waits so long. An error, if a stop was requested.
    pub(crate) fn sleep(&self, time: Duration) -> Result<(), Failure> {
        let until = Instant::now() + time;
        loop {
            self.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(TICK));
        }
    }

    /// A second signal is to remove this directory.
    pub(crate) fn remove(&self, directory: &Path) {
        *self.0.directory.lock().unwrap_or_else(PoisonError::into_inner) = Some(directory.into());
    }

    /// A second signal is to kill this process.
    pub(crate) fn kill(&self, child: u32) {
        self.0.child.store(child, Ordering::SeqCst);
    }
}

impl State {
    fn end_now(&self) -> ! {
        let child = i32::try_from(self.child.load(Ordering::SeqCst))
            .ok()
            .and_then(Pid::from_raw);
        if let Some(child) = child {
            let _ = kill_process(child, Signal::KILL);
        }
        let directory = self.directory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(directory) = directory.as_deref() {
            let _ = fs::remove_dir_all(directory);
        }
        process::exit(KILLED)
    }
}
