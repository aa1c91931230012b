//! The chore once more, in namespaces of its own.
//!
//! A new network has no server but the test's, so its ports are free. A new table of mounts and of processes ends with the chore,
//! however that ends: the kernel then ends every container and undoes every mount.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::workspace::does_not_run;

/// How the second run is told what it is.
pub(crate) const FLAG: &str = "--isolated";

/// Runs `cargo xtask compose-test --isolated ENVOY FINGERPOST` there.
pub(crate) fn run_again(envoy: &Path, fingerpost: &Path) -> Result<(), Failure> {
    let ourselves = env::current_exe()
        .map_err(|error| Failure::Surroundings(format!("the path of this program is unknown: {error}")))?;
    let mut command = Command::new("setpriv");
    // The kernel ends `unshare` with this process, and all others with `unshare`.
    command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid"]);
    command.args(["--fork", "--kill-child", "--mount-proc"]);
    command.arg(ourselves);
    command.args([
        OsStr::new("compose-test"),
        FLAG.as_ref(),
        envoy.as_ref(),
        fingerpost.as_ref(),
    ]);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| does_not_run(&command, &error))?;
    let (mut reason, mut is_refused) = (None, false);
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            match (line.strip_prefix("xtask: "), line.strip_prefix("unshare: ")) {
                (Some(last), _) => reason = Some(last.to_owned()),
                (None, Some(refused)) => {
                    is_refused = true;
                    reason = Some(format!(
                        "a Docker daemon of our own needs new namespaces, and gets none here: {refused}"
                    ));
                }
                (None, None) => eprintln!("{line}"),
            }
        }
    }
    let status = child.wait().map_err(|error| does_not_run(&command, &error))?;
    if status.success() {
        return Ok(());
    }
    let reason = reason.unwrap_or_else(|| format!("the test in its own namespaces ended with {status}"));
    Err(match status.code() {
        Some(1) if !is_refused => Failure::Found(reason),
        _ => Failure::Surroundings(reason),
    })
}
