//! Docker's programs: found, or installed.
//!
//! Decides which packages are missing and in which versions they are installed; starts nothing.

use crate::compose::docker::{Compose, runs};
use crate::failure::Failure;
use crate::packages;

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
    packages::install(&missing, HELP)
}

/// Installs what is missing beside a daemon that runs already.
pub(crate) fn install_compose() -> Result<(), Failure> {
    match Compose::find() {
        Some(_) => Ok(()),
        None => packages::install(&[COMPOSE], HELP),
    }
}
