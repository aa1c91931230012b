//! Builds the filter for Envoy, and the command that carries it.

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::setup::{self, WASM_TARGET};
use crate::workspace::{Workspace, run, say};

/// The packages that are built for Envoy.
pub(crate) const FILTERS: [&str; 1] = ["fingerpost-virtual-service"];

/// How the command is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quickly.
    Dev,
    /// To be fast, and to be given to others.
    Release,
}

/// Builds the filter and the command, and returns where the command lies.
pub(crate) fn all(workspace: &Workspace, profile: Profile) -> Result<PathBuf, Failure> {
    filter(workspace)?;
    command(workspace, profile)
}

/// Builds the filter and puts its module where the command's build and the tests look for it.
pub(crate) fn filter(workspace: &Workspace) -> Result<(), Failure> {
    setup::wasm_target(workspace)?;
    let [package] = FILTERS;
    say("build", format_args!("{package} for {WASM_TARGET}"));
    let mut cargo = workspace.cargo([
        "build",
        "--package",
        package,
        "--profile",
        "wasm",
        "--target",
        WASM_TARGET,
    ]);
    run(&mut cargo, "the filter does not build")?;

    let built = workspace
        .target
        .join(WASM_TARGET)
        .join("wasm")
        .join(format!("{}.wasm", package.replace('-', "_")));
    let module = workspace.module();
    let bytes = fs::read(&built).map_err(|error| Failure::file(&built, &error))?;
    // Left alone while it is the same, so that what depends on it is not built again.
    if fs::read(&module).ok().as_ref() != Some(&bytes) {
        fs::write(&module, &bytes).map_err(|error| Failure::file(&module, &error))?;
    }
    say(
        "build",
        format_args!("{} ({} KB)", workspace.shown(&module), bytes.len() / 1000),
    );
    Ok(())
}

/// Builds the command with the module inside it, and returns where it lies.
fn command(workspace: &Workspace, profile: Profile) -> Result<PathBuf, Failure> {
    let mut cargo = workspace.cargo(["build", "--package", "fingerpost-cli"]);
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    let built = workspace.target.join(folder).join("fingerpost");
    say("build", workspace.shown(&built));
    run(&mut cargo, "the fingerpost command does not build")?;
    Ok(built)
}
