//! A Docker daemon to talk to: one that runs already, or one of our own that ends with the chore.
//!
//! Decides nothing about images or containers.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::workspace::{Workspace, does_not_run, say};

/// The upstream versions of Debian's packages that are installed where there is no Docker.
const PACKAGES: [&str; 2] = ["docker.io=20.10.*", "docker-compose=1.29.*"];
/// How long a daemon may take to answer.
const START: Duration = Duration::from_secs(60);

/// A daemon that answers.
pub(crate) struct Daemon {
    /// The value of `DOCKER_HOST`, if it is not the usual one.
    socket: Option<String>,
    own: Option<Child>,
    compose: Compose,
}

/// How compose is called.
#[derive(Debug, Clone, Copy)]
enum Compose {
    /// `docker compose`, the plugin.
    Plugin,
    /// `docker-compose`, a program.
    Program,
}

impl Daemon {
    /// The daemon that runs, or one that is started for this chore.
    pub(crate) fn find(workspace: &Workspace) -> Result<Self, Failure> {
        install()?;
        let compose = compose()?;
        if answers(None) {
            say("setup", "Docker daemon … present");
            return Ok(Self {
                socket: None,
                own: None,
                compose,
            });
        }
        let folder = workspace.target.join("compose/dockerd");
        fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
        say("setup", "Docker daemon … starting one of our own");
        let socket = format!("unix://{}", folder.join("docker.sock").display());
        let log = folder.join("dockerd.log");
        let mut daemon = Self {
            own: Some(start(&folder, &socket, &log)?),
            socket: Some(socket),
            compose,
        };
        daemon.wait(&log)?;
        Ok(daemon)
    }

    /// `docker …`, for this daemon. Its own builder is asked for: it needs no plugin and no network.
    pub(crate) fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_BUILDKIT", "0");
        self.point(&mut command);
        command
    }

    /// `docker compose …`, for this daemon.
    pub(crate) fn compose(&self) -> Command {
        let mut command = match self.compose {
            Compose::Plugin => {
                let mut docker = Command::new("docker");
                docker.arg("compose");
                docker
            }
            Compose::Program => Command::new("docker-compose"),
        };
        self.point(&mut command);
        command
    }

    fn point(&self, command: &mut Command) {
        if let Some(socket) = &self.socket {
            command.env("DOCKER_HOST", socket);
        }
    }

    /// Waits until our own daemon answers.
    fn wait(&mut self, log: &Path) -> Result<(), Failure> {
        let start = Instant::now();
        while !answers(self.socket.as_deref()) {
            let has_ended = self
                .own
                .as_mut()
                .is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
            if has_ended || start.elapsed() > START {
                return Err(Failure::Surroundings(format!(
                    "no Docker daemon runs and none can be started here: {}",
                    last_line(log)
                )));
            }
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

impl Drop for Daemon {
    /// Ends our own daemon, by the signal on which it ends its containers.
    fn drop(&mut self) {
        let Some(mut child) = self.own.take() else { return };
        let mut kill = Command::new("kill");
        let is_told = kill
            .arg(child.id().to_string())
            .status()
            .is_ok_and(|it| it.success());
        if !is_told {
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}

/// Docker's programs, by Debian's packages where there are none.
fn install() -> Result<(), Failure> {
    if runs("docker", &["--version"])
        && compose().is_ok()
        && (answers(None) || runs("dockerd", &["--version"]))
    {
        say("setup", "Docker … present");
        return Ok(());
    }
    say(
        "setup",
        format_args!("{} … installing by apt-get", PACKAGES.join(", ")),
    );
    let missing = || {
        Failure::Surroundings(
            "Docker with compose is missing, and apt-get could not install it: install Docker and start its daemon".to_owned(),
        )
    };
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends"]] {
        let mut apt = Command::new("apt-get");
        apt.arg("--quiet=2")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        if arguments.len() > 1 {
            apt.args(PACKAGES);
        }
        let is_done = apt.stdout(Stdio::null()).status().is_ok_and(|it| it.success());
        if !is_done {
            return Err(missing());
        }
    }
    Ok(())
}

fn compose() -> Result<Compose, Failure> {
    if runs("docker", &["compose", "version"]) {
        return Ok(Compose::Plugin);
    }
    if runs("docker-compose", &["version"]) {
        return Ok(Compose::Program);
    }
    Err(Failure::Surroundings("docker compose is missing".to_owned()))
}

fn answers(socket: Option<&str>) -> bool {
    let mut docker = Command::new("docker");
    if let Some(socket) = socket {
        docker.env("DOCKER_HOST", socket);
    }
    docker.args(["info", "--format", "{{.ServerVersion}}"]);
    docker.output().is_ok_and(|output| output.status.success())
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// Starts `dockerd` without a network of its own: the containers use the host's.
fn start(folder: &Path, socket: &str, log: &Path) -> Result<Child, Failure> {
    let file = File::create(log).map_err(|error| Failure::file(log, &error))?;
    let copy = file.try_clone().map_err(|error| Failure::file(log, &error))?;
    let path = |name: &str| -> PathBuf { folder.join(name) };
    let mut command = Command::new("dockerd");
    command
        .args([
            "--iptables=false",
            "--bridge=none",
            "--host",
            socket,
            "--data-root",
        ])
        .arg(path("data"))
        .arg("--exec-root")
        .arg(path("exec"))
        .arg("--pidfile")
        .arg(path("dockerd.pid"));
    command.stdin(Stdio::null()).stdout(file).stderr(copy);
    command.spawn().map_err(|error| does_not_run(&command, &error))
}

/// The last line of a log, which says why a daemon ended.
fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}
