//! `fingerpost sync`: a running Envoy kept up to date by files.
//!
//! Compiles as `compile --xds` does, and leaves to `fingerpost_sync` in which order the files change. Decides what is tried again, what
//! the user sees of it, and how it ends.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use fingerpost_config_compiler::{AdminAddress, Compilation, Options, Summary};
use fingerpost_envoy_runner::AdminEndpoint;
use fingerpost_input_files::{Wake, Watch};
use fingerpost_local_server::changes;
use fingerpost_sync::{
    Applied, Envoy, Folder, FolderError, Leftovers, Metrics, NotTaken, Outcome, RealDisk, Sync, SyncError,
};
use fingerpost_terminal::messages::{self, error, note};
use fingerpost_terminal::{count, screen};
use fingerpost_xds::{Split, split, version};

use crate::args::Input;
use crate::caller::Caller;
use crate::certificates;
use crate::envoy_args::EnvoyArgs;
use crate::envoy_files::{BOOTSTRAP, EnvoyFileContent, XDS};
use crate::failure::Failure;
use crate::load::{load, note_plain_text};
use crate::module;
use crate::operations_args::OperationsArgs;
use crate::output::{Artifact, Content, write};
use crate::signals::Stop;

/// How soon it is tried again when Envoy does not answer.
const AGAIN: Duration = Duration::from_secs(10);
/// How soon it is looked again whether connections to listeners that are gone are closed.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Keep a running Envoy up to date without losing a request
///
/// Compiles the resources and writes them to DIR in the form of `compile --xds`: envoy.json, the filter's module and the folder
/// xds, from which Envoy reads listeners, clusters and routes while it runs. The first time, start Envoy with DIR/envoy.json.
///
/// A change is made in steps, and each waits until Envoy has taken the one before: new clusters and routes are added, then the
/// filters change, then old routes and clusters are removed. What does not compile, or what Envoy rejects, changes nothing: the
/// previous configuration stays in effect. It can be stopped at any time; the next run goes on.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fingerpost sync -f k8s/ -o /etc/envoy/fingerpost && envoy -c /etc/envoy/fingerpost/envoy.json
  fingerpost sync -f k8s/ -o /etc/envoy/fingerpost --watch
  fingerpost sync -f /config -o /shared --watch --admin unix:/shared/admin.sock --metrics /metrics/fingerpost.prom

Metrics are in Prometheus' text format, for node_exporter's textfile collector. Alert on
fingerpost_sync_last_reload_successful == 0: Envoy then serves an older configuration.

Exit codes: 0 in effect, or with --watch stopped by a signal; 2 usage error, invalid input, or rejected by Envoy; \
5 Envoy can't be asked, does not take the change in time, or can't bind a port; or a file can't be written.")]
pub(crate) struct SyncCommand {
    #[command(flatten)]
    input: Input,

    /// Directory for the files; it is made if it is missing
    #[arg(short = 'o', long = "output", value_name = "DIR", help_heading = "Output")]
    output: PathBuf,

    #[command(flatten)]
    envoy: EnvoyArgs,

    /// Go on, and follow every change of the files; a mounted ConfigMap is a folder too
    #[arg(long, help_heading = "Sync")]
    watch: bool,

    /// Where Envoy's admin interface can be reached
    #[arg(
        long,
        value_name = "HOST:PORT|unix:PATH",
        default_value = "127.0.0.1:15000",
        help_heading = "Sync"
    )]
    admin: AdminEndpoint,

    #[command(flatten)]
    operations: OperationsArgs,

    /// Apply an input that opens no port, although ports are open now: usually such an input is a mistake
    #[arg(long, help_heading = "Sync")]
    allow_empty: bool,

    /// Write metrics to this file, after each change
    #[arg(long, value_name = "FILE", help_heading = "Sync")]
    metrics: Option<PathBuf>,

    /// How long clusters stay that no rule uses any more, in seconds: requests under way can still need them, those with a
    /// delay or retries
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds, help_heading = "Sync")]
    keep_removed: Duration,

    /// How long Envoy may take for a step, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds, help_heading = "Sync")]
    timeout: Duration,
}

/// Where the bootstrap puts the admin interface: where it is then asked, unless that is a name, by which a proxy elsewhere
/// can be reached.
fn admin_address(admin: &AdminEndpoint) -> Option<AdminAddress> {
    match admin {
        AdminEndpoint::Tcp(address) => address.parse().ok(),
        AdminEndpoint::Unix(path) => Some(AdminAddress::Socket(path.to_str()?.to_owned())),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| format!("invalid number of seconds `{text}`"))?;
    Duration::try_from_secs_f64(number).map_err(|_| format!("invalid number of seconds `{text}`"))
}

/// A compilation, and its files.
struct Target {
    split: Split,
    summary: Summary,
    /// The Secrets that are left out.
    invalid: BTreeSet<String>,
}

/// One run.
struct Run<'c> {
    command: &'c SyncCommand,
    sync: Sync<RealDisk, Envoy>,
    metrics: Metrics,
    /// What is in force.
    last: Option<Target>,
    /// Whether no configuration has been in force yet.
    is_new: bool,
}

impl SyncCommand {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        if self.watch && self.input.files.iter().any(|it| it.as_os_str() == "-") {
            return Err(Failure::refused(
                "standard input can't be watched: name files or folders",
            ));
        }
        let stop = Stop::listen().map_err(|error| Failure::surroundings(error.to_string()))?;
        // Before the first reading, so that no change is missed.
        let watch = self.watch.then(|| Watch::start(&self.input.files));
        let envoy = Envoy {
            admin: self.admin.clone(),
            patience: self.timeout,
            give_up: Arc::default(),
        };
        let folder = Folder::open(&self.output.join(XDS), RealDisk)?;
        let is_new = folder.current()?.is_none();
        let mut run = Run {
            command: self,
            sync: Sync::new(folder, envoy),
            metrics: Metrics::default(),
            last: None,
            is_new,
        };
        let first = run.change();
        messages::release();
        match watch {
            Some(_) if first.is_err() && is_new => first,
            Some(watch) => run.follow(first, watch, &stop),
            None => first.and_then(|()| run.remove_unused(&stop)),
        }
    }
}

impl Run<'_> {
    /// Follows changes until it is stopped.
    fn follow(&mut self, first: Result<(), Failure>, mut watch: Watch, stop: &Stop) -> Result<(), Failure> {
        let mut again = self.after(first);
        loop {
            match watch.wait_until(again, || stop.is_wanted()) {
                Wake::Stopped => return Ok(()),
                Wake::Changed => {
                    let result = self.change();
                    again = self.after(result);
                }
                Wake::Due => {
                    let result = match &self.last {
                        Some(_) => self.remove(),
                        None => self.change().map(|()| None),
                    };
                    again = match result {
                        Ok(next) => next,
                        Err(failure) => self.after(Err(failure)),
                    };
                }
            }
        }
    }

    /// Says why a change failed. When to look again.
    fn after(&mut self, result: Result<(), Failure>) -> Option<Instant> {
        match result {
            Ok(()) => self.remove().unwrap_or(Some(Instant::now() + AGAIN)),
            Err(failure) => {
                if let Some(message) = failure.message() {
                    error(message);
                }
                // What was refused stays refused until the files change.
                matches!(failure, Failure::Surroundings(_)).then(|| Instant::now() + AGAIN)
            }
        }
    }

    /// Reads the files and brings them into force.
    fn change(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        let target = self.target().map_err(NotApplied::not_compiled);
        let result = target.and_then(|target| self.apply(target, started));
        let (outcome, result) = match result {
            Ok(()) => (Outcome::Applied, Ok(())),
            Err(NotApplied { outcome, failure }) => (outcome, Err(failure)),
        };
        self.metrics.add(outcome, started.elapsed());
        self.write_metrics()?;
        result
    }

    fn target(&self) -> Result<Target, Failure> {
        let command = self.command;
        let module = module_name();
        let module_path = command.envoy.module_path(&command.output, &module)?;
        let xds_path = command.envoy.xds_path(&command.output)?;
        let options = Options {
            operations: Some(command.operations.operations(admin_address(&command.admin))),
            name_rules: command.operations.name_rules(),
            ..command
                .envoy
                .complete(command.input.options(command.envoy.engine, module_path))
        };
        let loaded = load(&command.input, Caller::Sync, options, &[])?;
        let Compilation {
            compiled,
            findings,
            invalid,
            ..
        } = loaded;
        // A certificate that is in effect is better than none.
        let is_as_before = match &self.last {
            Some(last) => invalid.is_subset(&last.invalid),
            None => self.is_new || invalid.is_empty(),
        };
        if !is_as_before {
            note("not applied: the certificates that are in effect stay");
            return Err(Failure::Diagnosed(findings));
        }
        if self.last.is_none() {
            note_plain_text(&compiled.summary);
        }
        let secrets = certificates::resource_files(&compiled);
        let mut artifacts: Vec<Artifact<'_>> = secrets
            .iter()
            .map(|(path, content)| Artifact {
                name: path,
                content: Content::Bytes(content.as_bytes()),
                secret: false,
            })
            .collect();
        if command.envoy.reads_module_from_output() {
            artifacts.push(Artifact {
                name: Path::new(&module),
                content: Content::Bytes(module::bytes()),
                secret: false,
            });
        }
        write(&command.output, &artifacts)?;
        Ok(Target {
            split: split(&compiled.bootstrap, &xds_path),
            summary: compiled.summary,
            invalid,
        })
    }

    fn apply(&mut self, target: Target, started: Instant) -> Result<(), NotApplied> {
        // Some listeners are not of the input.
        let opens_less = self.sync.number_of_listeners()? > target.split.files.listeners.len();
        if target.summary.listeners.is_empty() && opens_less && !self.command.allow_empty {
            return Err(NotApplied::not_compiled(Failure::refused(
                "the input opens no port, and ports are open now: nothing is changed; --allow-empty closes them",
            )));
        }
        // Written last at the first run: without it no Envoy was started, unless the file is lost.
        let is_started = self.bootstrap_path().exists() || self.sync.is_reachable();
        let applied = if is_started {
            self.sync.apply(&target.split.files)?
        } else {
            self.sync.start(&target.split.files)?
        };
        let bootstrap = self.write_bootstrap(&target.split)?;
        let mut out = screen::stdout();
        let took = format!("{:.1} s", started.elapsed().as_secs_f64());
        match applied {
            Applied::Written => writeln!(
                out,
                "Wrote {}: start Envoy with -c {}",
                self.command.output.display(),
                bootstrap.display()
            ),
            Applied::Unchanged => writeln!(out, "In effect, nothing changed"),
            Applied::Changed(steps) => writeln!(
                out,
                "In effect after {} and {took}{}",
                count(steps, "step"),
                self.changes(&target.summary)
            ),
        }
        .and_then(|()| out.flush())
        .map_err(Failure::from)?;
        self.last = Some(target);
        self.is_new = false;
        Ok(())
    }

    /// What has changed since the last time, if there was one.
    fn changes(&self, new: &Summary) -> String {
        let old = self.last.as_ref().map(|it| &it.summary);
        let changes = old.and_then(|old| changes::between(old, new));
        changes.map_or_else(String::new, |it| format!(": {it}"))
    }

    fn bootstrap_path(&self) -> PathBuf {
        self.command.output.join(BOOTSTRAP)
    }

    /// Envoy reads it once.
    fn write_bootstrap(&self, split: &Split) -> Result<PathBuf, Failure> {
        let path = self.bootstrap_path();
        let content = EnvoyFileContent::json(&split.bootstrap).into_bytes()?;
        let before = fs::read(&path).ok();
        if before.as_ref() != Some(&content) {
            write(
                &self.command.output,
                &[Artifact {
                    name: Path::new(BOOTSTRAP),
                    content: Content::Bytes(&content),
                    secret: false,
                }],
            )?;
            if before.is_some() {
                note(format_args!(
                    "{} has changed: Envoy uses it when it is started again",
                    path.display()
                ));
            }
        }
        Ok(path)
    }

    /// Removes what is left of old configurations, and waits for that.
    fn remove_unused(&mut self, stop: &Stop) -> Result<(), Failure> {
        while let Some(next) = self.remove()? {
            let wait = next.saturating_duration_since(Instant::now());
            if wait > self.command.keep_removed {
                note(
                    "connections to listeners that are gone are still open: the next run removes their clusters",
                );
                return Ok(());
            }
            stop.sleep(wait)?;
        }
        Ok(())
    }

    /// Removes what can be removed. When to look again.
    fn remove(&mut self) -> Result<Option<Instant>, Failure> {
        let Some(last) = &self.last else { return Ok(None) };
        let left = self
            .sync
            .remove_unused(&last.split.files, self.command.keep_removed);
        Ok(match left.map_err(|it| NotApplied::from(it).failure)? {
            Leftovers::None => None,
            Leftovers::Until(then) => Some(then),
            Leftovers::Draining => Some(Instant::now() + self.command.keep_removed.max(LOOK_AGAIN)),
        })
    }

    fn write_metrics(&self) -> Result<(), Failure> {
        let Some(file) = &self.command.metrics else {
            return Ok(());
        };
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(Failure::refused(format!("{} is not a file", file.display())));
        };
        let text = self.metrics.text();
        let artifact = Artifact {
            name: Path::new(name),
            content: Content::Bytes(text.as_bytes()),
            secret: false,
        };
        write(folder, &[artifact]).map(drop)
    }
}

/// The module's name changes with its content: Envoy reads it again, and what runs keeps the file that it was made from.
fn module_name() -> String {
    format!("fingerpost-{}.wasm", version(module::bytes()))
}

/// Why a change is not in force.
struct NotApplied {
    outcome: Outcome,
    failure: Failure,
}

impl NotApplied {
    fn not_compiled(failure: Failure) -> Self {
        let outcome = match failure {
            Failure::Surroundings(_) | Failure::Output(_) => Outcome::Failed,
            _ => Outcome::Invalid,
        };
        Self { outcome, failure }
    }
}

impl From<Failure> for NotApplied {
    fn from(failure: Failure) -> Self {
        let outcome = Outcome::Failed;
        Self { outcome, failure }
    }
}

impl From<SyncError> for NotApplied {
    fn from(error: SyncError) -> Self {
        let message = error.to_string();
        let (outcome, failure) = match error {
            SyncError::Folder(error) => (Outcome::Failed, error.into()),
            SyncError::RolledBack(NotTaken::Rejected { reason, .. }) => {
                let failure = match reason {
                    // A port that is taken, or that needs a privilege.
                    Some(reason) if reason.contains("cannot bind") => Failure::Surroundings(message),
                    Some(_) | None => Failure::Refused(message),
                };
                (Outcome::Rejected, failure)
            }
            SyncError::Halfway { .. } => (Outcome::Rejected, Failure::Surroundings(message)),
            SyncError::RolledBack(_) | SyncError::OutOfSync(_) | SyncError::Unreachable(_) => {
                (Outcome::Failed, Failure::Surroundings(message))
            }
        };
        Self { outcome, failure }
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Invalid(_) | FolderError::Link(_) => Self::Refused(error.to_string()),
            FolderError::Busy(_) | FolderError::Io(..) => Self::Surroundings(error.to_string()),
        }
    }
}
