//! A child process that never outlives us.
//!
//! It is killed when its [`Process`] is dropped, and on Linux by the kernel when we are killed ourselves.

use std::fmt;
use std::io;
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the end of a process is looked for.
const POLL: Duration = Duration::from_millis(10);

/// A running child, shared by all that wait for its end. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Mutex<Child>,
    pid: u32,
}

/// How an Envoy ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The last errors in its log, or else its last lines.
    pub last_words: Vec<String>,
}

impl Process {
    /// Runs `command`, in a process group of its own: Ctrl-C in a terminal does not reach it.
    ///
    /// # Errors
    /// The system's, where it cannot be started.
    pub fn spawn(command: Command) -> io::Result<Self> {
        let child = spawn_on_lasting_thread(command)?;
        Ok(Self {
            pid: child.id(),
            child: Mutex::new(child),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it prints, where that was to be piped; none the second time.
    pub fn take_stdout(&self) -> Option<ChildStdout> {
        self.child().stdout.take()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system's.
    pub fn poll(&self) -> io::Result<Option<ExitStatus>> {
        self.child().try_wait()
    }

    /// Waits until it ends, or until `deadline`.
    ///
    /// # Errors
    /// The system's.
    pub fn wait_until(&self, deadline: Option<Instant>) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.poll()? {
                return Ok(Some(status));
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        let mut child = self.child();
        // Only while it is not reaped: afterwards the number may name another process.
        if matches!(child.try_wait(), Ok(None)) {
            let pid = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }

    /// Ends it at once (SIGKILL), and reaps it.
    pub fn kill(&self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Spawns on a thread that lives as long as we do: the kernel's "parent death" is the death of the *thread* that
/// spawned (prctl(2), PR_SET_PDEATHSIG), and a caller's thread may end long before its Envoy should.
fn spawn_on_lasting_thread(mut command: Command) -> io::Result<Child> {
    type Job = (Command, Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();

    die_with_parent(&mut command);
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, queue) = channel::<Job>();
        thread::spawn(move || {
            for (mut command, answer) in queue {
                let _ = answer.send(command.spawn());
            }
        });
        jobs
    });
    let gone = || io::Error::other("the thread that starts processes is gone");
    let (answer, spawned) = channel();
    spawner.send((command, answer)).map_err(|_| gone())?;
    spawned.recv().map_err(|_| gone())?
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn die_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

    let parent = std::process::id();
    // A separate process group, so that Ctrl-C in a terminal reaches us alone and we can let Envoy drain.
    command.process_group(0);
    // SAFETY: between fork and exec the closure makes two system calls, and neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // We may have died before the call above took effect.
            match getppid().map(Pid::as_raw_nonzero) {
                Some(pid) if pid.get().unsigned_abs() == parent => Ok(()),
                _ => Err(io::ErrorKind::BrokenPipe.into()),
            }
        });
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
fn die_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

impl Exit {
    pub(crate) fn new(status: ExitStatus, last_words: Vec<String>) -> Self {
        use std::os::unix::process::ExitStatusExt;
        Self {
            code: status.code(),
            signal: status.signal(),
            last_words,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "Envoy ended with code {code}")?,
            (None, Some(signal)) => write!(f, "Envoy was ended by signal {signal}")?,
            (None, None) => f.write_str("Envoy ended")?,
        }
        if !self.last_words.is_empty() {
            write!(f, ": {}", self.last_words.join("; "))?;
        }
        Ok(())
    }
}
