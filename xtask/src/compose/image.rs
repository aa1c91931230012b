//! The image of a stock Envoy, made from the pinned package without a network.
//!
//! It is what the published image is to this test: Envoy, the C library and a shell for health checks, on no base.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::compose::docker::Docker;
use crate::failure::Failure;
use crate::workspace::{does_not_run, run, say};

/// Its name, for compose.
pub(crate) const NAME: &str = "fingerpost-test/envoy";
/// How the shell finds it in a health check.
const SHELL: &str = "/bin/bash";
const DOCKERFILE: &str = "FROM scratch\nCOPY root /\nENTRYPOINT [\"/usr/local/bin/envoy\"]\n";

/// Builds the image in `folder`.
pub(crate) fn build(docker: &Docker, envoy: &Path, folder: &Path) -> Result<(), Failure> {
    say("image", format_args!("{NAME}, from {}", envoy.display()));
    let root = folder.join("root");
    let _ = fs::remove_dir_all(folder);
    copy(envoy, &root.join("usr/local/bin/envoy"))?;
    copy(Path::new(SHELL), &root.join("bin/bash"))?;
    for program in [envoy, Path::new(SHELL)] {
        for library in libraries(program)? {
            copy(&library, &inside(&root, &library))?;
        }
    }
    write(&root.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
    write(&folder.join("Dockerfile"), DOCKERFILE)?;
    let mut build = docker.docker();
    build.args(["build", "--quiet", "--tag", NAME]).arg(folder);
    run(build.stdout(Stdio::null()), "the image does not build")
}

/// Removes it from a daemon that goes on running.
pub(crate) fn remove(docker: &Docker) {
    let mut remove = docker.docker();
    let _ = remove.args(["image", "rm", NAME]).stdout(Stdio::null()).status();
}

/// The shared libraries that a program is loaded with, as the loader names them.
fn libraries(program: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut ldd = Command::new("ldd");
    let output = ldd
        .arg(program)
        .output()
        .map_err(|error| does_not_run(&ldd, &error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(paths.map(PathBuf::from).collect())
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Copies what a path leads to, with its mode.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    make_folder_of(to)?;
    fs::copy(from, to)
        .map(drop)
        .map_err(|error| Failure::file(from, &error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    make_folder_of(path)?;
    fs::write(path, text).map_err(|error| Failure::file(path, &error))
}

fn make_folder_of(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))
}
