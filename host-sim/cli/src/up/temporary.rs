//! The temporary directory of `up`: private, and gone when `up` ends, however it ends.
//!
//! A killed process cannot clean up. So a second process of the same program, [`RemoveAfter`], waits at a pipe whose
//! other end is in `up` alone: the kernel closes that end when `up` dies, and the second process removes the
//! directory. (Envoy itself is ended by the kernel: see `fingerpost-envoy-runner`, `process.rs`.) Only if both processes are
//! killed does the directory stay, readable by the user alone.

use std::env;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use clap::Args;
use fingerpost_envoy_runner::PrivateDirectory;

use crate::failure::Failure;

/// How the directory's name begins.
const PREFIX: &str = "fingerpost-up-";
/// The name of the hidden subcommand.
const SUBCOMMAND: &str = "remove-after";
/// Envoy ends at the same moment and may still add a file, so one attempt is not enough.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// A private directory that does not outlive this process.
pub(super) struct TemporaryDirectory {
    // Dropped first: as a rule nothing is left to remove for the second process.
    directory: PrivateDirectory,
    _remover: Remover,
}

/// The second process.
struct Remover(Child);

impl TemporaryDirectory {
    pub(super) fn new() -> Result<Self, Failure> {
        let folder = env::temp_dir();
        let directory =
            PrivateDirectory::new(PREFIX).map_err(|error| super::in_directory(&folder, &error))?;
        let cannot_start = |error: io::Error| {
            Failure::surroundings(format!(
                "cannot start the process that removes the temporary directory of `up`: {error}"
            ))
        };
        // In Linux the program finds itself by /proc.
        let program = env::current_exe().map_err(cannot_start)?;
        let remover = Command::new(program)
            .arg(SUBCOMMAND)
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // In a separate process group: Ctrl-C and other signals to the terminal's group do not reach it.
            .process_group(0)
            .spawn()
            .map_err(cannot_start)?;
        Ok(Self {
            directory,
            _remover: Remover(remover),
        })
    }
}

impl std::ops::Deref for TemporaryDirectory {
    type Target = PrivateDirectory;

    fn deref(&self) -> &PrivateDirectory {
        &self.directory
    }
}

impl Drop for Remover {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Waits until standard input ends, then removes a temporary directory of `up`. Not for people.
#[derive(Debug, Args)]
#[command(name = SUBCOMMAND)]
pub(crate) struct RemoveAfter {
    directory: PathBuf,
}

impl RemoveAfter {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let name = self.directory.file_name().unwrap_or_default();
        if !name.to_string_lossy().starts_with(PREFIX) {
            return Err(Failure::refused(format!(
                "{} is not a temporary directory of `fingerpost up`",
                self.directory.display()
            )));
        }
        io::copy(&mut io::stdin().lock(), &mut io::sink())?;
        remove(&self.directory).map_err(|error| super::in_directory(&self.directory, &error))
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        let _ = fs::remove_dir_all(directory); // whether it is gone says more than whether this call did it
        if !directory.try_exists()? {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    fs::remove_dir_all(directory)
}
