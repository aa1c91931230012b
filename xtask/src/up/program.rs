//! Server programs of Debian's packages: started on a port of this machine, with their data in a private folder.
//!
//! The packages are those that bring the program alone: no service of the system is set up or started. The servers end with us,
//! however we end ([`Process`]).

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fingerpost_envoy_runner::Process;

use super::description::{Description, Program};
use super::server_setup::Setup;
use super::stop::Stop;
use super::{mariadb, redis};
use crate::failure::Failure;
use crate::packages;

/// How long a server may take to be ready: other processes may need the machine too.
const PATIENCE: Duration = Duration::from_secs(120);
/// Poll interval of a wait.
const TICK: Duration = Duration::from_millis(50);

/// A program, and Debian's package that brings it.
pub(super) type Needed = (&'static str, &'static str);

/// The programs that clients may be.
const CLIENTS: [Needed; 3] = [
    ("curl", "curl"),
    ("mariadb", "mariadb-client-core"),
    ("redis-cli", "redis-tools"),
];

/// A server that runs until it is dropped.
pub(super) struct Started {
    _process: Process,
    pub(super) address: SocketAddr,
}

impl Program {
    /// The programs that it needs.
    pub(super) fn needs(self) -> &'static [Needed] {
        match self {
            Self::Mariadb => &[
                ("mariadbd", "mariadb-server-core"),
                ("mariadb-install-db", "mariadb-server-core"),
            ],
            Self::Redis => &[("redis-check-rdb", "redis-tools")],
        }
    }

    /// Starts it, and waits until it is ready for clients.
    pub(super) fn start(self, service: &str, setup: &Setup<'_>, stop: &Stop) -> Result<Started, Failure> {
        let mut command = match self {
            Self::Mariadb => mariadb::prepare(setup)?,
            Self::Redis => redis::prepare(setup),
        };
        let log = setup.folder.join("log");
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
            if self.is_ready(service, setup.asked()).unwrap_or(false) {
                return Ok(Started {
                    _process: process,
                    address: setup.address,
                });
            }
            thread::sleep(TICK);
        }
    }

    /// Whether it speaks to clients.
    fn is_ready(self, service: &str, address: SocketAddr) -> io::Result<bool> {
        let stream = TcpStream::connect_timeout(&address, TICK)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        match self {
            Self::Mariadb => mariadb::is_ready(stream),
            Self::Redis => redis::is_ready(stream, service),
        }
    }
}

/// The programs that a check of the example runs.
pub(super) fn needs(description: &Description) -> Vec<Needed> {
    let servers = description.servers.iter().flat_map(|it| it.program.needs());
    let words = description
        .clients
        .iter()
        .filter_map(|it| it.run.split(' ').next());
    let clients = words.filter_map(|word| CLIENTS.iter().find(|(program, _)| *program == word));
    servers.chain(clients).copied().collect()
}

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

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default();
    last.join("; ")
}
