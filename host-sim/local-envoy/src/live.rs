//! Changes for an Envoy that runs here, in the order that loses no request (`fingerpost_sync`).

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fingerpost_config_compiler::{Compiled, Summary};
use fingerpost_envoy_config::bootstrap::Bootstrap as TypedBootstrap;
use fingerpost_envoy_runner::{AdminEndpoint, Bootstrap, RunningEnvoy, logged_errors};
use fingerpost_local_server::error::LocalError;
use fingerpost_local_server::port_owner::who_listens;
use fingerpost_sync::{Envoy, Folder, Leftovers, NotTaken, RealDisk, Sync, SyncError};
use fingerpost_xds::{Split, XdsFiles, split};

use crate::sandbox::{Arranged, Sandbox};

/// The folder that Envoy reads while it runs, in the private directory.
const FOLDER: &str = "xds";
/// How long Envoy may take for a step.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long clusters stay that no rule uses any more: requests under way can still need them.
const KEEP_REMOVED: Duration = Duration::from_secs(10);

/// An Envoy whose configuration can change, and what it needs of this machine.
pub struct LiveEnvoy {
    sandbox: Sandbox,
    directory: PathBuf,
    sync: Sync<RealDisk, Envoy>,
    /// What is in force.
    files: XdsFiles,
    /// The names of its listeners.
    listeners: Vec<String>,
    /// Set to wait no longer for Envoy.
    give_up: Arc<AtomicBool>,
}

/// Why a configuration is not in force.
#[derive(Debug)]
pub enum NotInForce {
    /// It can't be run, whatever is tried.
    Refused(String),
    /// The machine is in the way, or Envoy does not answer: it may work later.
    Surroundings(String),
}

impl LiveEnvoy {
    /// Writes the files of the first configuration. Returns with which bootstrap Envoy is to start.
    pub fn prepare(
        sandbox: &Sandbox,
        arranged: &Arranged,
        compiled: &Compiled,
        directory: &Path,
    ) -> Result<Bootstrap, NotInForce> {
        refuse_busy_ports(sandbox, &compiled.summary, &[])?;
        let folder = directory.join(FOLDER);
        let split = divided(&arranged.bootstrap, &folder)?;
        let mut sync = open(&folder, AdminEndpoint::Tcp(String::new()), Arc::default())?;
        // Nothing runs yet, so nothing is asked.
        sync.apply(&split.files)?;
        let bootstrap = serde_json::to_value(&split.bootstrap).map_err(|error| invalid(&error))?;
        Ok(Bootstrap(bootstrap))
    }

    /// For the Envoy that was started with [`LiveEnvoy::prepare`]'s bootstrap, as soon as it has taken the files.
    pub fn new(
        sandbox: Sandbox,
        arranged: &Arranged,
        compiled: &Compiled,
        directory: &Path,
        envoy: &RunningEnvoy,
    ) -> Result<Self, NotInForce> {
        let folder = directory.join(FOLDER);
        let give_up = Arc::new(AtomicBool::new(false));
        let admin = AdminEndpoint::Tcp(envoy.admin().to_string());
        let mut sync = open(&folder, admin, Arc::clone(&give_up))?;
        let Split { files, .. } = divided(&arranged.bootstrap, &folder)?;
        sync.apply(&files)?;
        Ok(Self {
            sandbox,
            directory: directory.to_owned(),
            sync,
            files,
            listeners: names(&compiled.summary),
            give_up,
        })
    }

    /// Brings a configuration into force. If it is not taken, the one before stays.
    pub fn apply(&mut self, compiled: &Compiled) -> Result<Arranged, NotInForce> {
        refuse_busy_ports(&self.sandbox, &compiled.summary, &self.listeners)?;
        let arranged = self.sandbox.arrange(compiled)?;
        let Split { files, .. } = divided(&arranged.bootstrap, &self.directory.join(FOLDER))?;
        let known = logged_errors(&self.directory).len();
        self.sync.apply(&files).map_err(|error| match error {
            // For most files only the log says why.
            SyncError::RolledBack(NotTaken::Rejected { reason: None, .. }) => {
                let errors = logged_errors(&self.directory);
                // A reason that it had before is listed once.
                let new = errors.get(known..).filter(|it| !it.is_empty()).unwrap_or(&errors);
                NotInForce::Refused(format!("{error}\nEnvoy's log: {}", new.join("; ")))
            }
            error => error.into(),
        })?;
        self.files = files;
        self.listeners = names(&compiled.summary);
        Ok(arranged)
    }

    /// Removes what no request can need any more. When to try again, if something is left.
    pub fn remove_unused(&mut self) -> Option<Instant> {
        match self.sync.remove_unused(&self.files, KEEP_REMOVED) {
            Ok(Leftovers::None) => None,
            Ok(Leftovers::Until(then)) => Some(then),
            // It does no harm to try again.
            Ok(Leftovers::Draining) | Err(_) => Some(Instant::now() + KEEP_REMOVED),
        }
    }

    /// What it needs of this machine.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Set to true, it ends a wait for Envoy: the change under way then fails.
    pub fn give_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.give_up)
    }
}

impl Drop for LiveEnvoy {
    fn drop(&mut self) {
        self.give_up.store(true, Ordering::SeqCst);
    }
}

fn open(
    folder: &Path,
    admin: AdminEndpoint,
    give_up: Arc<AtomicBool>,
) -> Result<Sync<RealDisk, Envoy>, NotInForce> {
    let envoy = Envoy {
        admin,
        patience: PATIENCE,
        give_up,
    };
    let folder = Folder::open(folder, RealDisk).map_err(SyncError::Folder)?;
    Ok(Sync::new(folder, envoy))
}

fn divided(bootstrap: &Bootstrap, folder: &Path) -> Result<Split, NotInForce> {
    let typed: TypedBootstrap =
        serde_json::from_value(bootstrap.0.clone()).map_err(|error| invalid(&error))?;
    Ok(split(&typed, &folder.to_string_lossy()))
}

fn invalid(error: &serde_json::Error) -> NotInForce {
    NotInForce::Refused(format!("the configuration can't be divided into files: {error}"))
}

fn names(summary: &Summary) -> Vec<String> {
    summary.listeners.iter().map(|it| it.name.clone()).collect()
}

/// Refuses a port that another process has: Envoy would share it with a process that allows that, and the two would share the
/// connections. `open` are the listeners that this Envoy has.
fn refuse_busy_ports(sandbox: &Sandbox, summary: &Summary, open: &[String]) -> Result<(), NotInForce> {
    for (name, port) in sandbox.chosen_ports(summary)? {
        if open.iter().any(|it| it == name) || port == 0 {
            continue;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let bound = TcpListener::bind(address);
        if bound.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse) {
            return Err(NotInForce::Surroundings(format!(
                "{} already listens on {address}; choose another port with --listen",
                who_listens(port)
            )));
        }
    }
    Ok(())
}

impl From<LocalError> for NotInForce {
    fn from(error: LocalError) -> Self {
        match error {
            LocalError::Refused(message) => Self::Refused(message),
            LocalError::Surroundings(message) => Self::Surroundings(message),
            LocalError::Output(_) | LocalError::Proxy(_) => Self::Surroundings(error.to_string()),
        }
    }
}

impl From<SyncError> for NotInForce {
    fn from(error: SyncError) -> Self {
        let message = error.to_string();
        match error {
            SyncError::RolledBack(NotTaken::Rejected {
                reason: Some(reason), ..
            }) if reason.contains("cannot bind") => Self::Surroundings(format!(
                "{message}; choose a free port from 1024 up with --listen"
            )),
            SyncError::RolledBack(NotTaken::Rejected { .. }) => Self::Refused(message),
            SyncError::Folder(_)
            | SyncError::OutOfSync(_)
            | SyncError::RolledBack(_)
            | SyncError::Halfway { .. }
            | SyncError::Unreachable(_) => Self::Surroundings(message),
        }
    }
}

impl fmt::Display for NotInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(message) | Self::Surroundings(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for NotInForce {}
