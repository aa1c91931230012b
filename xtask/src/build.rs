//! Builds the filters for Envoy, and the command that carries the first of them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::setup::{self, WASM_TARGET};
use crate::workspace::{Workspace, run, say};

#[path = "../../host-sim/cli/filter_build.rs"]
mod filter_build;

/// The filter that the command carries.
pub(crate) const FILTER: &str = "fingerpost-virtual-service";

/// The package of the command, and its program.
pub(crate) const COMMAND: &str = "fingerpost-cli";
const PROGRAM: &str = "fingerpost";

/// The example of that package that compiles the module to machine code.
pub(crate) const PRECOMPILE: &str = "precompile";

/// The packages that are built for Envoy.
pub(crate) const FILTERS: [&str; 3] = [FILTER, "fingerpost-subset-select", "fingerpost-uri-rewrite"];

/// A filter that does nothing, which the benchmark compares ours with.
pub(crate) const EMPTY_FILTER: &str = "fingerpost-empty-filter";

/// How the command is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quickly.
    Dev,
    /// To be fast, and to be given to others.
    Release,
}

/// Builds the filters and the command, and returns the path of the command.
pub(crate) fn all(workspace: &Workspace, profile: Profile) -> Result<PathBuf, Failure> {
    filters(workspace)?;
    precompiled(workspace, profile)?;
    command(workspace, profile)
}

/// Builds the command and what its build script needs, and returns the path of the command.
///
/// There is no machine code in it unless that was made before: that saves minutes of the first build.
pub(crate) fn command_alone(workspace: &Workspace) -> Result<PathBuf, Failure> {
    setup::rust_target(workspace, WASM_TARGET)?;
    command(workspace, Profile::Dev)
}

/// Builds the filters, and copies the module of the first to where the tests look for it.
///
/// The build script of the command builds the first one in the same directory, and finds it done.
pub(crate) fn filters(workspace: &Workspace) -> Result<(), Failure> {
    setup::rust_target(workspace, WASM_TARGET)?;
    say("build", format_args!("{} for {WASM_TARGET}", FILTERS.join(", ")));
    for filter in FILTERS {
        run(&mut module_of(workspace, filter)?, "the filters do not build")?;
    }
    run(
        &mut as_the_sdk_links_it(workspace, EMPTY_FILTER)?,
        "the empty filter does not build",
    )?;

    let built = built_module(workspace);
    let module = workspace.module();
    let bytes = fs::read(&built).map_err(|error| Failure::file(&built, &error))?;
    // Left alone while it is the same, because tests compare its date with those of the sources.
    if fs::read(&module).ok().as_ref() != Some(&bytes) {
        fs::write(&module, &bytes).map_err(|error| Failure::file(&module, &error))?;
    }
    say(
        "build",
        format_args!("{} ({} KB)", workspace.shown(&module), bytes.len() / 1000),
    );
    Ok(())
}

/// Where cargo puts the module of the first filter.
pub(crate) fn built_module(workspace: &Workspace) -> PathBuf {
    module_file(workspace, FILTER)
}

/// Where cargo puts the module that does nothing.
pub(crate) fn empty_module(workspace: &Workspace) -> PathBuf {
    module_file(workspace, EMPTY_FILTER)
}

fn module_file(workspace: &Workspace, package: &str) -> PathBuf {
    let folder = workspace.filters().join(WASM_TARGET).join("wasm");
    folder.join(format!("{}.wasm", package.replace('-', "_")))
}

/// Cargo, to build the module of a filter with the exports that it needs.
pub(crate) fn module_of(workspace: &Workspace, filter: &str) -> Result<Command, Failure> {
    let mut cargo = as_the_sdk_links_it(workspace, filter)?;
    cargo.env(
        filter_build::LINKER_VARIABLE,
        workspace.root.join(filter_build::LINKER),
    );
    Ok(cargo)
}

/// Cargo, to build the module of a filter with all exports of the SDK.
///
/// The package is a library for tests too, and cargo leaves out link-time optimisation where it builds both at once; so this
/// names the one type of crate that it is to build.
fn as_the_sdk_links_it(workspace: &Workspace, filter: &str) -> Result<Command, Failure> {
    let mut cargo = for_envoy(workspace, "rustc")?;
    cargo.args(["--package", filter, "--lib", "--crate-type", "cdylib"]);
    Ok(cargo)
}

/// `cargo VERB` for the filters as Envoy loads them.
pub(crate) fn for_envoy(workspace: &Workspace, verb: &str) -> Result<Command, Failure> {
    let mut cargo = workspace.cargo([verb, "--profile", "wasm", "--target", WASM_TARGET, "--target-dir"]);
    cargo.arg(workspace.filters());
    without_paths(workspace, &mut cargo)?;
    Ok(cargo)
}

/// Keeps the paths of this machine out of what cargo builds.
pub(crate) fn without_paths(workspace: &Workspace, cargo: &mut Command) -> Result<(), Failure> {
    let flags = filter_build::flags(&workspace.root).map_err(Failure::Surroundings)?;
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
    Ok(())
}

/// Compiles the module to machine code, and puts it where the command's build looks for it.
pub(crate) fn precompiled(workspace: &Workspace, profile: Profile) -> Result<(), Failure> {
    let mut cargo = workspace.cargo(["build", "--example", PRECOMPILE]);
    let tool = profile
        .folder(workspace, &mut cargo)
        .join("examples")
        .join(PRECOMPILE);
    run(&mut cargo, "what compiles the module does not build")?;
    machine_code(workspace, &host()?, Command::new(tool))
}

/// Runs the program that compiles the module to machine code, for the target that it was built for.
pub(crate) fn machine_code(
    workspace: &Workspace,
    target: &str,
    mut precompile: Command,
) -> Result<(), Failure> {
    let machine_code = workspace.machine_code(target);
    if let Some(folder) = machine_code.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    }
    let draft = machine_code.with_extension("draft");
    run(
        precompile.arg(workspace.module()).arg(&draft),
        "the module does not compile to machine code",
    )?;
    let code = fs::read(&draft).map_err(|error| Failure::file(&draft, &error))?;
    say(
        "build",
        format_args!("{} ({} KB)", workspace.shown(&machine_code), code.len() / 1000),
    );
    // Left alone while it is the same, so that the command is not built again.
    if fs::read(&machine_code).ok().as_ref() == Some(&code) {
        return fs::remove_file(&draft).map_err(|error| Failure::file(&draft, &error));
    }
    fs::rename(&draft, &machine_code).map_err(|error| Failure::file(&machine_code, &error))
}

/// The target of this machine.
pub(crate) fn host() -> Result<String, Failure> {
    rustc("host")
}

/// A fact that the compiler states about itself: its `host`, or its `release`.
pub(crate) fn rustc(fact: &str) -> Result<String, Failure> {
    let output = Command::new("rustc").arg("-vV").output();
    let text = output
        .map(|it| String::from_utf8_lossy(&it.stdout).into_owned())
        .unwrap_or_default();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(fact)?.strip_prefix(": "));
    value
        .map(str::to_owned)
        .ok_or_else(|| Failure::Surroundings(format!("`rustc -vV` prints no {fact}")))
}

/// Builds the command with the module inside it, and returns where it lies.
fn command(workspace: &Workspace, profile: Profile) -> Result<PathBuf, Failure> {
    // The example too, for the same features.
    let mut cargo = workspace.cargo(["build", "--bin", PROGRAM, "--example", PRECOMPILE]);
    let built = profile.folder(workspace, &mut cargo).join(PROGRAM);
    say("build", workspace.shown(&built));
    run(&mut cargo, "the fingerpost command does not build")?;
    Ok(built)
}

impl Profile {
    /// Makes cargo build so, and tells where it puts the result.
    ///
    /// Cargo chooses the features of dependencies for all packages and kinds of targets that one call names, and builds
    /// again what differs. So a development build names an example, and no package: then its features are those of
    /// `cargo test --workspace`, and wasmtime is built once for `xtask up`, `build` and `test`. What is given to others has
    /// the features that the command needs.
    fn folder(self, workspace: &Workspace, cargo: &mut Command) -> PathBuf {
        match self {
            Self::Dev => workspace.target.join("debug"),
            Self::Release => {
                cargo.args(["--release", "--package", COMMAND]);
                workspace.target.join("release")
            }
        }
    }
}
