//! Docker's programs: found, or installed by Debian's package manager.
//!
//! Decides which packages are missing and in which versions they are installed; starts nothing.

use std::process::{Command, Stdio};

use crate::compose::docker::{Compose, runs};
use crate::failure::Failure;
use crate::workspace::say;

// Debian's archive holds one revision of a package at a time, so a whole version could not be installed any more after the
// next security update. What is pinned is the upstream version, which a release of Debian keeps (here: 12).
/// `docker` and `dockerd`.
const DAEMON: &str = "docker.io=20.10.*";
/// `docker-compose`.
const COMPOSE: &str = "docker-compose=1.29.*";
/// `ip`, which brings up the loopback of a new network namespace; every version can.
const IP: &str = "iproute2";
/// What people without `apt-get` or without root are told.
const HELP: &str = "install Docker (client and daemon) and docker compose";

/// Installs what a daemon of our own needs.
pub(crate) fn install() -> Result<(), Failure> {
    let mut missing = Vec::new();
    if !runs("docker", &["--version"]) || !runs("dockerd", &["--version"]) {
        missing.push(DAEMON);
    }
    if Compose::find().is_none() {
        missing.push(COMPOSE);
    }
    if !runs("ip", &["-Version"]) {
        missing.push(IP);
    }
    install_all(&missing)
}

/// Installs what is missing beside a daemon that runs already.
pub(crate) fn install_compose() -> Result<(), Failure> {
    match Compose::find() {
        Some(_) => Ok(()),
        None => install_all(&[COMPOSE]),
    }
}

/// Whether this process may install packages, and start a daemon.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn install_all(packages: &[&str]) -> Result<(), Failure> {
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(", ");
    if !is_root() {
        return Err(Failure::Surroundings(format!(
            "missing: {names}, and only root can install it: {HELP}"
        )));
    }
    say("setup", format_args!("{names} … installing by apt-get"));
    // Old lists name versions that are gone.
    apt_get(&["update"])?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(&arguments)
}

/// Runs `apt-get`, which asks nothing and waits while another process installs something.
fn apt_get(arguments: &[&str]) -> Result<(), Failure> {
    let mut apt = Command::new("apt-get");
    apt.args(["--quiet=2", "--option", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        // What a package says while it is set up; errors are on the other stream.
        .stdout(Stdio::null());
    let failed = |why: String| {
        let command = format!("apt-get {}", arguments.join(" "));
        Failure::Surroundings(format!("`{command}` {why}: {HELP}"))
    };
    match apt.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(failed("failed".to_owned())),
        Err(error) => Err(failed(format!("does not run ({error})"))),
    }
}
