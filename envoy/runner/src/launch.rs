//! Launches an Envoy: writes its configuration, builds its command line, and waits until it serves.
//!
//! It runs with `--disable-hot-restart`, so it shares no memory with, and is not confused by, any other Envoy on the
//! machine.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use crate::admin;
use crate::binary::EnvoyBinary;
use crate::bootstrap::Bootstrap;
use crate::log;
use crate::private::{private_draft, write_private};
use crate::process::{Exit, Process};
use crate::start_error::StartError;

/// How often a starting Envoy is polled until it serves.
const POLL: Duration = Duration::from_millis(10);

/// How to run an Envoy.
#[derive(Debug, Clone)]
pub struct StartOptions {
    /// Worker threads.
    pub concurrency: u32,
    /// What it logs: `warning`, `info`, `debug` …
    pub log_level: String,
    /// Log levels of single loggers, such as `wasm:info`.
    pub component_log_level: Option<String>,
    /// How long it may take until it serves.
    pub ready_within: Duration,
    /// How often access logs are written out; Envoy's own default is ten seconds.
    pub flush_every: Duration,
    /// Where its standard output goes.
    pub stdout: Stdout,
}

/// Where an Envoy's standard output goes: that is where an access log to `/dev/stdout` is written.
#[derive(Debug, Clone, Default)]
pub enum Stdout {
    /// Nowhere.
    #[default]
    Discard,
    /// Line by line to this channel.
    Lines(Sender<String>),
}

impl Default for StartOptions {
    fn default() -> Self {
        Self {
            concurrency: 1,
            log_level: "warning".to_owned(),
            component_log_level: None,
            ready_within: Duration::from_secs(30),
            flush_every: Duration::from_millis(50),
            stdout: Stdout::Discard,
        }
    }
}

/// Has Envoy check a bootstrap without running it: no port is taken. Its files lie in `directory`.
pub fn validate(binary: &EnvoyBinary, bootstrap: &Bootstrap, directory: &Path) -> Result<(), StartError> {
    let mut command = command(binary, bootstrap, directory, &StartOptions::default())?;
    command.args(["--mode", "validate"]).stdout(Stdio::null());
    let does_not_run = |error| StartError::DoesNotRun(binary.path().to_owned(), error);
    let process = Process::spawn(command).map_err(does_not_run)?;
    match process.wait_until(None).map_err(does_not_run)? {
        Some(status) if !status.success() => {
            let log = read_log(&log_file(directory));
            Err(StartError::of_exit(
                Exit::new(status, log::last_words(&log)),
                &log,
            ))
        }
        _ => Ok(()),
    }
}

/// An address that is taken is found here and not left to Envoy: it listens with SO_REUSEPORT, so a second Envoy of
/// the same user would start on the same port, and the two would share the connections between them.
pub(crate) fn refuse_busy_ports(bootstrap: &Bootstrap) -> Result<(), StartError> {
    let busy = bootstrap.fixed_addresses().into_iter().find(|address| {
        TcpListener::bind(address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    });
    busy.map_or(Ok(()), |address| Err(StartError::PortBusy(address.to_string())))
}

/// Writes the configuration, and builds the command that both running and validating share.
pub(crate) fn command(
    binary: &EnvoyBinary,
    bootstrap: &Bootstrap,
    directory: &Path,
    options: &StartOptions,
) -> Result<Command, StartError> {
    let config = directory.join("envoy.json");
    write_private(&config, bootstrap.0.to_string())
        .map_err(|error| StartError::File(config.clone(), error))?;
    let log = log_file(directory);
    let stderr = private_draft(directory)
        .and_then(|draft| draft.persist(&log).map_err(io::Error::from))
        .map_err(|error| StartError::File(log, error))?;

    let mut command = Command::new(binary.path());
    command.arg("--config-path").arg(config);
    command.args([
        "--disable-hot-restart",
        "--log-format",
        log::FORMAT,
        "--log-level",
        &options.log_level,
    ]);
    command.args(["--concurrency", &options.concurrency.to_string()]);
    command.args([
        "--file-flush-interval-msec",
        &options.flush_every.as_millis().to_string(),
    ]);
    command.args(["--drain-strategy", "immediate"]);
    if let Some(levels) = &options.component_log_level {
        command.args(["--component-log-level", levels]);
    }
    command.stdin(Stdio::null()).stderr(stderr);
    Ok(command)
}

pub(crate) fn wait_until_ready(
    process: &Process,
    admin_file: &Path,
    log: &Path,
    patience: Duration,
) -> Result<SocketAddr, StartError> {
    let deadline = Instant::now() + patience;
    let mut state = String::new();
    loop {
        let ended = process
            .poll()
            .map_err(|error| StartError::File(log.to_owned(), error))?;
        if let Some(status) = ended {
            let log = read_log(log);
            return Err(StartError::of_exit(
                Exit::new(status, log::last_words(&log)),
                &log,
            ));
        }
        let address = fs::read_to_string(admin_file)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        if let Some(address) = address
            && let Ok((status, body)) = admin::request(address, "GET", "/ready")
        {
            if status == 200 {
                return Ok(address);
            }
            state = body.trim().to_owned();
        }
        if Instant::now() >= deadline {
            let errors = log::errors(&read_log(log));
            return Err(StartError::NotReadyInTime {
                waited: patience,
                state,
                errors,
            });
        }
        thread::sleep(POLL);
    }
}

/// The errors that an Envoy with its files in this directory has logged, each once.
pub fn logged_errors(directory: &Path) -> Vec<String> {
    log::errors(&read_log(&log_file(directory)))
}

pub(crate) fn log_file(directory: &Path) -> PathBuf {
    directory.join("envoy.log")
}

pub(crate) fn read_log(path: &Path) -> String {
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    log::without_keys(&text.unwrap_or_default())
}
