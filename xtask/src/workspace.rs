//! Where things lie, and how commands are run: each with a line that says so.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::Failure;

/// The repository and the folder that it is built in.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The repository's top folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn find() -> Result<Self, Failure> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.parent().unwrap_or(here).to_owned();
        let mut command = cargo();
        command
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(&root);
        let metadata = read_metadata(&mut command)?;
        let target = metadata.get("target_directory").and_then(Value::as_str);
        let target = target.map_or_else(|| root.join("target"), PathBuf::from);
        Ok(Self { root, target })
    }

    /// Where tools are installed that are not part of the repository.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Cargo's target folder for the filters. The command's build script builds in it too, while cargo holds the other one.
    pub(crate) fn filters(&self) -> PathBuf {
        self.target.join("filters")
    }

    /// The filter's module, where the tests look for it.
    pub(crate) fn module(&self) -> PathBuf {
        self.target.join("fingerpost.wasm")
    }

    /// The same module as machine code for a target, where the command's build script looks for it.
    pub(crate) fn machine_code(&self, target: &str) -> PathBuf {
        self.target.join("precompiled").join(format!("{target}.cwasm"))
    }

    /// What `cargo metadata` says of the whole tree of dependencies for a target.
    pub(crate) fn metadata(&self, target: &str) -> Result<Value, Failure> {
        let mut cargo = self.cargo([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            target,
        ]);
        read_metadata(&mut cargo)
    }

    /// The version of a package of ours.
    pub(crate) fn version(&self, package: &str) -> Result<String, Failure> {
        let metadata = read_metadata(&mut self.cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
        let mut packages = metadata["packages"].as_array().into_iter().flatten();
        let found = packages
            .find(|it| it["name"] == package)
            .and_then(|it| it["version"].as_str());
        let missing = || Failure::Surroundings(format!("the workspace has no {package}"));
        found.map(str::to_owned).ok_or_else(missing)
    }

    /// The SHA-256 checksums of the crates that `Cargo.lock` takes from a registry, by `name@version`.
    pub(crate) fn locked_checksums(&self) -> Result<BTreeMap<String, String>, Failure> {
        let lock = self.root.join("Cargo.lock");
        let text = std::fs::read_to_string(&lock).map_err(|error| Failure::file(&lock, &error))?;
        let checksum = |package: &str| {
            let field = |name: &str| {
                let mut lines = package.lines();
                let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
                value.map(|it| it.trim_end_matches('"'))
            };
            let key = format!("{}@{}", field("name")?, field("version")?);
            Some((key, field("checksum")?.to_owned()))
        };
        Ok(text.split("[[package]]").filter_map(checksum).collect())
    }

    /// `cargo` in the repository.
    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = cargo();
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// `path` as a person in the repository would write it.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

fn read_metadata(command: &mut Command) -> Result<Value, Failure> {
    let output = command.output().map_err(|error| does_not_run(command, &error))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Failure::Surroundings(format!("`cargo metadata` failed: {reason}"))
    })
}

fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    without_own_package(&mut command);
    command
}

/// Removes what `cargo xtask` sets about xtask's package. Some build scripts, such as ring's, run again if that changes: then
/// `cargo xtask build` and `cargo build` would each build for minutes what the other has built.
pub(crate) fn without_own_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// Says what is done now: `  setup  wasm32-wasip1 … present`.
pub(crate) fn say(what: &str, about: impl fmt::Display) {
    eprintln!("{what:>7}  {about}");
}

/// Runs a command whose output the user sees; `failed` says what it means if it fails.
pub(crate) fn run(command: &mut Command, failed: &str) -> Result<(), Failure> {
    let status = command.status().map_err(|error| does_not_run(command, &error))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Found(failed.to_owned())),
    }
}

/// What is said about a command that can't be started.
pub(crate) fn does_not_run(command: &Command, error: &std::io::Error) -> Failure {
    Failure::Surroundings(format!(
        "`{}` does not run: {error}",
        command.get_program().to_string_lossy()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_does_not_see_which_package_started_it() {
        let workspace = Workspace::find().expect("cargo tells where it is");
        let cargo = workspace.cargo(["build"]);
        let removed: Vec<_> = cargo.get_envs().filter(|(_, value)| value.is_none()).collect();
        // Cargo sets these for tests as it does for programs.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR"] {
            assert!(env::var_os(name).is_some(), "{name} is not set");
            assert!(
                removed.iter().any(|(removed, _)| *removed == name),
                "{name} is kept"
            );
        }
    }
}
