//! A Docker daemon of our own, for one run.
//!
//! It runs in the namespaces that `isolated` makes, so it meets no other daemon and no other server, and ends with them. Decides
//! nothing about images or containers.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::compose::docker::Docker;
use crate::failure::Failure;
use crate::workspace::{does_not_run, run, say};

/// Sockets have short paths, so they lie here: in a file system that only these namespaces have.
const RUN: &str = "/run/docker";
/// Where a daemon would find another one's containerd, and use it.
const CONTAINERD: &str = "/run/containerd";
const CGROUPS: &str = "/sys/fs/cgroup";
/// How long a daemon may take to answer.
const START: Duration = Duration::from_secs(120);
/// How many lines of the daemon's log are shown if it does not start.
const SHOWN: usize = 15;

/// A daemon that answers.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    docker: Docker,
}

impl Daemon {
    /// Starts one, with its data in `folder`.
    pub(crate) fn start(folder: &Path) -> Result<Self, Failure> {
        prepare()?;
        fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
        let socket = format!("unix://{RUN}/docker.sock");
        let log = folder.join("dockerd.log");
        say("setup", "Docker daemon … starting one of our own");
        let mut daemon = Self {
            child: spawn(folder, &socket, &log)?,
            docker: Docker::new(Some(socket))?,
        };
        daemon.wait(&log)?;
        Ok(daemon)
    }

    /// Docker's programs, for this daemon.
    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    fn wait(&mut self, log: &Path) -> Result<(), Failure> {
        let start = Instant::now();
        while let Err(complaint) = self.docker.check() {
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_none() && start.elapsed() < START {
                thread::sleep(Duration::from_millis(200));
                continue;
            }
            let lines = last_lines(log);
            for line in &lines {
                say("dockerd", line);
            }
            let what = match ended {
                Some(status) => format!("it ended with {status}"),
                None => format!("it does not answer within {} s ({complaint})", START.as_secs()),
            };
            let reason = lines.last().map_or("it has logged nothing", String::as_str);
            return Err(Failure::Surroundings(format!(
                "no Docker daemon can be started here: {what}: {reason}"
            )));
        }
        Ok(())
    }
}

impl Drop for Daemon {
    /// Ends it by the signal on which it ends its containers.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let mut kill = Command::new("kill");
        let is_sent = kill.arg(self.child.id().to_string()).status();
        if !is_sent.is_ok_and(|it| it.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Makes the new namespaces a place where a daemon can run.
fn prepare() -> Result<(), Failure> {
    let surroundings = |failure: Failure| Failure::Surroundings(failure.to_string());
    for folder in [RUN, CONTAINERD] {
        fs::create_dir_all(folder).map_err(|error| Failure::file(Path::new(folder), &error))?;
        let mut mount = Command::new("mount");
        run(
            mount.args(["-t", "tmpfs", "tmpfs", folder]),
            "a Docker daemon needs to mount file systems, and may not here",
        )
        .map_err(surroundings)?;
    }
    if !has_cgroups() {
        say("setup", format_args!("{CGROUPS} … mounting cgroups"));
        let mut mount = Command::new("mount");
        run(
            mount.args(["-t", "cgroup2", "cgroup2", CGROUPS]),
            "a Docker daemon needs cgroups that can be written, and there are none here",
        )
        .map_err(surroundings)?;
    }
    let mut ip = Command::new("ip");
    run(
        ip.args(["link", "set", "dev", "lo", "up"]),
        "the loopback of a network namespace does not come up",
    )
    .map_err(surroundings)
}

/// Whether cgroups are mounted where a daemon looks for them, and can be written. Version 1 has a folder for each controller.
fn has_cgroups() -> bool {
    let folders = [PathBuf::from(CGROUPS), Path::new(CGROUPS).join("memory")];
    let is_group = |it: &&PathBuf| it.join("cgroup.procs").is_file();
    folders.iter().find(is_group).is_some_and(|group| {
        let probe = group.join("fingerpost-probe");
        fs::create_dir(&probe).is_ok() && fs::remove_dir(&probe).is_ok()
    })
}

/// Starts `dockerd` without a network of its own: the containers use that of the namespace.
fn spawn(folder: &Path, socket: &str, log: &Path) -> Result<Child, Failure> {
    let file = File::create(log).map_err(|error| Failure::file(log, &error))?;
    let copy = file.try_clone().map_err(|error| Failure::file(log, &error))?;
    // The machine's own file may set what is set here, which a daemon refuses.
    let settings = folder.join("daemon.json");
    fs::write(&settings, "{}").map_err(|error| Failure::file(&settings, &error))?;
    let mut command = Command::new("dockerd");
    command
        .args(["--iptables=false", "--bridge=none"])
        // Nothing of systemd can be reached from here.
        .args(["--exec-opt", "native.cgroupdriver=cgroupfs"])
        .args(["--host", socket])
        .args(["--exec-root", &format!("{RUN}/exec")])
        .args(["--pidfile", &format!("{RUN}/docker.pid")])
        .arg("--config-file")
        .arg(&settings)
        // The daemon takes the best storage driver for the file system: overlay2, or vfs on an overlay.
        .arg("--data-root")
        .arg(folder.join("data"))
        .env_remove("DOCKER_DRIVER");
    command.stdin(Stdio::null()).stdout(file).stderr(copy);
    command.spawn().map_err(|error| does_not_run(&command, &error))
}

/// The end of a log, which says why a daemon ended.
fn last_lines(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines.len().saturating_sub(SHOWN);
    lines.into_iter().skip(shown).map(str::to_owned).collect()
}
