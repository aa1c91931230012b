//! Builds the filters for Envoy, and the command that carries the first of them.

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::setup::{self, WASM_TARGET};
use crate::workspace::{Workspace, run, say};

/// The filter that the command carries.
const FILTER: &str = "fingerpost-virtual-service";

/// The packages that are built for Envoy.
pub(crate) const FILTERS: [&str; 3] = [FILTER, "fingerpost-subset-select", "fingerpost-uri-rewrite"];

/// How the command is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quickly.
    Dev,
    /// To be fast, and to be given to others.
    Release,
}

/// Builds the filters and the command, and returns where the command lies.
pub(crate) fn all(workspace: &Workspace, profile: Profile) -> Result<PathBuf, Failure> {
    filters(workspace)?;
    command(workspace, profile)
}

/// Builds the filters, and puts the module of the first where the command's build and the tests look for it.
pub(crate) fn filters(workspace: &Workspace) -> Result<(), Failure> {
    setup::rust_target(workspace, WASM_TARGET)?;
    let packages = FILTERS.iter().flat_map(|package| ["--package", package]);
    say("build", format_args!("{} for {WASM_TARGET}", FILTERS.join(", ")));
    let mut cargo = workspace.cargo(["build", "--profile", "wasm", "--target", WASM_TARGET]);
    run(cargo.args(packages), "the filters do not build")?;

    let built = workspace
        .target
        .join(WASM_TARGET)
        .join("wasm")
        .join(format!("{}.wasm", FILTER.replace('-', "_")));
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
