//! Server programs of Debian's packages: started on a port of this machine, with their data in a private folder.
//!
//! The packages are those that bring the program alone: no service of the system is set up or started. The servers end with us,
//! however we end ([`Process`]).

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use fingerpost_envoy_runner::Process;

use super::description::Program;
use super::stop::Stop;
use crate::failure::Failure;
use crate::packages;

/// How long a server may take to be ready: other processes may need the machine too.
const PATIENCE: Duration = Duration::from_secs(120);
/// Poll interval of a wait.
const TICK: Duration = Duration::from_millis(50);
/// The version of MySQL's protocol, with which a server begins its greeting.
const MYSQL_PROTOCOL: u8 = 10;

impl Program {
    /// The programs that it needs, each with Debian's package.
    pub(super) fn needs(self) -> &'static [Needed] {
        match self {
            Self::Mariadb => &[
                ("mariadbd", "mariadb-server-core"),
                ("mariadb-install-db", "mariadb-server-core"),
            ],
        }
    }

    /// Starts it with its data in `folder`, and waits until it is ready for clients.
    pub(super) fn start(self, folder: &Path, setup: Option<&Path>, stop: &Stop) -> Result<Started, Failure> {
        match self {
            Self::Mariadb => create_database(folder)?,
        }
        let address = free_address().map_err(|error| Failure::Surroundings(error.to_string()))?;
        let log = folder.join("log");
        let mut command = match self {
            Self::Mariadb => mariadb(folder, setup, address),
        };
        let output = File::create(&log).and_then(|file| Ok((file.try_clone()?, file)));
        let (stdout, stderr) = output.map_err(|error| Failure::file(&log, &error))?;
        command.stdout(stdout).stderr(stderr);
        let name = command.get_program().to_string_lossy().into_owned();
        let process =
            Process::spawn(command).map_err(|error| Failure::Surroundings(format!("{name}: {error}")))?;
        let start = Instant::now();
        loop {
            stop.check()?;
            let end = process.poll().ok().flatten();
            if end.is_some() || start.elapsed() > PATIENCE {
                let why = end.map_or("is not ready".to_owned(), |it| format!("ended with {it}"));
                let said = last_lines(&log);
                return Err(Failure::Surroundings(format!("{name} {why}: {said}")));
            }
            if self.is_ready(address).unwrap_or(false) {
                return Ok(Started {
                    _process: process,
                    address,
                });
            }
            thread::sleep(TICK);
        }
    }

    /// Whether it speaks to clients.
    fn is_ready(self, address: SocketAddr) -> io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, TICK)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        match self {
            Self::Mariadb => {
                // Three bytes of length, one of order, and the version: the server speaks first.
                let mut greeting = [0; 5];
                stream.read_exact(&mut greeting)?;
                Ok(greeting.ends_with(&[MYSQL_PROTOCOL]))
            }
        }
    }
}

/// A program, and Debian's package that brings it.
pub(super) type Needed = (&'static str, &'static str);

/// The programs that clients may be.
pub(super) const CLIENTS: [Needed; 2] = [("curl", "curl"), ("mariadb", "mariadb-client-core")];

/// Installs those that are missing.
pub(super) fn install(needed: &[Needed]) -> Result<(), Failure> {
    let missing = missing(needed);
    let Some((program, _)) = missing.first() else {
        return Ok(());
    };
    let mut names: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    names.dedup();
    packages::install(&names, &format!("put `{program}` on the PATH"))
}

/// Those that are not installed.
pub(super) fn missing(needed: &[Needed]) -> Vec<Needed> {
    let needed = needed.iter().copied();
    needed
        .filter(|(program, _)| packages::program(program).is_none())
        .collect()
}

/// A server that runs until it is dropped.
pub(super) struct Started {
    _process: Process,
    pub(super) address: SocketAddr,
}

/// The folder of data that MariaDB starts from. Its accounts can log in without the system's users.
fn create_database(folder: &Path) -> Result<(), Failure> {
    let mut command = Command::new(path_of("mariadb-install-db"));
    command
        .args([
            "--no-defaults",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ])
        .arg(format!("--datadir={}", data(folder).display()));
    as_this_user(&mut command);
    let output = command
        .output()
        .map_err(|error| Failure::Surroundings(format!("mariadb-install-db: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::Surroundings(format!(
        "mariadb-install-db failed: {said}"
    )))
}

fn mariadb(folder: &Path, setup: Option<&Path>, address: SocketAddr) -> Command {
    let mut command = Command::new(path_of("mariadbd"));
    command
        .args([
            "--no-defaults",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=16M",
        ])
        .arg(format!("--datadir={}", data(folder).display()))
        .arg(format!("--socket={}", folder.join("socket").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--bind-address={}", address.ip()))
        .arg(format!("--port={}", address.port()));
    if let Some(setup) = setup {
        command.arg(format!("--init-file={}", setup.display()));
    }
    as_this_user(&mut command);
    command
}

/// MariaDB refuses to run as root unless it is told to.
fn as_this_user(command: &mut Command) {
    if packages::is_root() {
        command.arg("--user=root");
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn path_of(program: &str) -> PathBuf {
    packages::program(program).unwrap_or_else(|| PathBuf::from(program))
}

/// An address that is free now.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(5)..)
        .unwrap_or_default()
        .join("; ")
}
