//! Where the repository lies, and which of its files are tracked.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;

/// The repository's top folder.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Cargo's target folder, where `cargo xtask build` puts the filter's module and its tools.
#[must_use]
pub fn target() -> PathBuf {
    let manifest = root().join("Cargo.toml");
    match MetadataCommand::new().manifest_path(manifest).no_deps().exec() {
        Ok(metadata) => metadata.target_directory.into(),
        Err(_) => root().join("target"),
    }
}

/// The files that belong to the repository, relative to its top: tracked ones and those that would be.
/// Without git (a source archive) every file outside `target`.
#[must_use]
pub fn files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output();
    let mut files: Vec<PathBuf> = match listed {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            .collect(),
        _ => walked(),
    };
    files.retain(|file| root().join(file).is_file()); // deleted, but not yet in the index
    files.sort();
    files.dedup();
    files
}

fn walked() -> Vec<PathBuf> {
    walkdir::WalkDir::new(root())
        .into_iter()
        .filter_entry(|entry| entry.file_name() != "target" && entry.file_name() != ".git")
        .filter_map(Result::ok)
        .filter_map(|entry| entry.path().strip_prefix(root()).ok().map(Path::to_owned))
        .collect()
}
