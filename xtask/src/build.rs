//! Builds the filters for Envoy, and the command that carries the first of them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::setup::{self, WASM_TARGET};
use crate::workspace::{Workspace, run, say};

/// The filter that the command carries.
const FILTER: &str = "fingerpost-virtual-service";

/// The package of the command.
const COMMAND: &str = "fingerpost-cli";

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
    precompiled(workspace, profile, &["--package", COMMAND])?;
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
        let _ = fs::remove_file(workspace.machine_code()); // was made of another
        fs::write(&module, &bytes).map_err(|error| Failure::file(&module, &error))?;
    }
    say(
        "build",
        format_args!("{} ({} KB)", workspace.shown(&module), bytes.len() / 1000),
    );
    Ok(())
}

/// Compiles the module to machine code, and puts it where the command's build looks for it. `packages` are those that
/// are built next: what compiles it is built of the same parts.
pub(crate) fn precompiled(workspace: &Workspace, profile: Profile, packages: &[&str]) -> Result<(), Failure> {
    const TOOL: &str = "precompile";
    let (module, machine_code) = (workspace.module(), workspace.machine_code());
    let mut cargo = workspace.cargo(["build", "--example", TOOL]);
    let tool = profile.folder(workspace, &mut cargo).join("examples").join(TOOL);
    run(cargo.args(packages), "what compiles the module does not build")?;

    let before = fs::read(&machine_code).ok();
    let draft = machine_code.with_extension("draft");
    let mut precompile = Command::new(&tool);
    run(
        precompile.arg(&module).arg(&draft),
        "the module does not compile to machine code",
    )?;
    let after = fs::read(&draft).map_err(|error| Failure::file(&draft, &error))?;
    say(
        "build",
        format_args!("{} ({} KB)", workspace.shown(&machine_code), after.len() / 1000),
    );
    // As with the module itself; and it is by the module's date that the command's build learns of a new neighbour.
    if before.as_ref() == Some(&after) {
        return fs::remove_file(&draft).map_err(|error| Failure::file(&draft, &error));
    }
    fs::rename(&draft, &machine_code).map_err(|error| Failure::file(&machine_code, &error))?;
    fs::read(&module)
        .and_then(|bytes| fs::write(&module, bytes))
        .map_err(|error| Failure::file(&module, &error))
}

/// Builds the command with the module inside it, and returns where it lies.
fn command(workspace: &Workspace, profile: Profile) -> Result<PathBuf, Failure> {
    let mut cargo = workspace.cargo(["build", "--package", COMMAND]);
    let built = profile.folder(workspace, &mut cargo).join("fingerpost");
    say("build", workspace.shown(&built));
    run(&mut cargo, "the fingerpost command does not build")?;
    Ok(built)
}

impl Profile {
    /// Makes cargo build so, and tells where it puts the result.
    fn folder(self, workspace: &Workspace, cargo: &mut Command) -> PathBuf {
        match self {
            Self::Dev => workspace.target.join("debug"),
            Self::Release => {
                cargo.arg("--release");
                workspace.target.join("release")
            }
        }
    }
}
