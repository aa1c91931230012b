//! Whether the filter's module is the same wherever it is built.
//!
//! A copy of the sources, in another folder, is built from nothing with the same compiler, and the bytes are compared. What this
//! cannot see is another compiler: `rust-toolchain.toml` names the one.

use std::fs;

use crate::build::{self, FILTER};
use crate::failure::Failure;
use crate::workspace::{Workspace, run, say};

/// Builds the module here and in a copy, and compares them.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    build::filters(workspace)?;
    let here = workspace.module();
    let here = fs::read(&here).map_err(|error| Failure::file(&here, &error))?;

    let folder = workspace.target.join("reproducible");
    let copy = Workspace {
        root: folder.join("a copy"),
        target: folder.join("target"),
    };
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    }
    copy_sources(workspace, &copy)?;
    say(
        "build",
        format_args!("{FILTER} in {}", workspace.shown(&copy.root)),
    );
    let mut cargo = build::module_of(&copy, FILTER)?;
    cargo.current_dir(&copy.root);
    run(&mut cargo, "the copy does not build")?;
    let there = build::built_module(&copy);
    let there = fs::read(&there).map_err(|error| Failure::file(&there, &error))?;
    fs::remove_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    if here != there {
        let (here, there) = (here.len(), there.len());
        let message = format!("the modules of two folders differ: {here} and {there} bytes");
        return Err(Failure::Found(message));
    }
    say(
        "check",
        "two builds in different folders are the same, byte for byte",
    );
    Ok(())
}

/// Copies the files that git knows or would add.
fn copy_sources(workspace: &Workspace, copy: &Workspace) -> Result<(), Failure> {
    let mut git = std::process::Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = git.current_dir(&workspace.root).output();
    let listed = listed.map_err(|error| Failure::Surroundings(format!("git cannot be started: {error}")))?;
    let names = String::from_utf8_lossy(&listed.stdout);
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (workspace.root.join(name), copy.root.join(name));
        if !from.is_file() {
            continue; // deleted, and not yet in a commit
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::file(parent, &error))?;
        }
        fs::copy(&from, &to).map_err(|error| Failure::file(&from, &error))?;
    }
    Ok(())
}
