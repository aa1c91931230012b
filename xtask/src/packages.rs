//! Debian's packages, installed by its package manager.
//!
//! Decides how they are installed, and what people are told where they can't be. Which are missing is decided by the chore that needs
//! them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::workspace::say;

/// Folders of programs that are not on every user's PATH.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Installs packages, each as a name or as `name=version`. `help` says what to do where that is not possible.
pub(crate) fn install(packages: &[&str], help: &str) -> Result<(), Failure> {
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(", ");
    if !is_root() {
        return Err(Failure::Surroundings(format!(
            "missing: {names}, and only root can install it: {help}"
        )));
    }
    say("setup", format_args!("{names} … installing by apt-get"));
    // Old lists name versions that are gone.
    apt_get(&["update"], help)?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(&arguments, help)
}

/// Whether this process may install packages, and start a daemon.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The path of a program, if it is installed.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|it| it.is_file())
}

/// The path of a program, or its name if it is not installed.
pub(crate) fn path_of(name: &str) -> PathBuf {
    program(name).unwrap_or_else(|| PathBuf::from(name))
}

/// Runs `apt-get`, which asks nothing and waits while another process installs something.
fn apt_get(arguments: &[&str], help: &str) -> Result<(), Failure> {
    let mut apt = Command::new("apt-get");
    apt.args(["--quiet=2", "--option", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        // What a package says while it is set up; errors are on the other stream.
        .stdout(Stdio::null());
    let failed = |why: String| {
        let command = format!("apt-get {}", arguments.join(" "));
        Failure::Surroundings(format!("`{command}` {why}: {help}"))
    };
    match apt.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(failed("failed".to_owned())),
        Err(error) => Err(failed(format!("does not run ({error})"))),
    }
}
