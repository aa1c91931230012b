//! Renews the repository's copy of the conformance corpus.
//!
//! All but the control plane's own tables (`istiod.json`), which are for reading and large.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::workspace::{Workspace, say};

const FOR_READING: &str = "istiod.json";

/// Replaces `tests/conformance` by what lies in `shared/conformance` beside the repository.
pub(crate) fn sync(workspace: &Workspace) -> Result<(), Failure> {
    let from = workspace.root.join("../shared/conformance");
    let to = workspace.root.join("tests/conformance");
    if !from.is_dir() {
        let message = "no corpus at ../shared/conformance: this repository's copy cannot be updated here";
        return Err(Failure::Surroundings(message.to_owned()));
    }
    if to.exists() {
        fs::remove_dir_all(&to).map_err(|error| Failure::file(&to, &error))?;
    }
    let files = copy(&from, &to)?;
    say("sync", format_args!("{files} files in {}", workspace.shown(&to)));
    Ok(())
}

/// Copies a folder and says how many files it had. Contents only: the corpus may be read-only, its copy is not.
fn copy(from: &Path, to: &Path) -> Result<usize, Failure> {
    fs::create_dir_all(to).map_err(|error| Failure::file(to, &error))?;
    let mut files = 0;
    for entry in fs::read_dir(from)
        .map_err(|error| Failure::file(from, &error))?
        .flatten()
    {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            files += copy(&source, &target)?;
        } else if entry.file_name() != FOR_READING {
            let bytes = fs::read(&source).map_err(|error| Failure::file(&source, &error))?;
            fs::write(&target, bytes).map_err(|error| Failure::file(&target, &error))?;
            files += 1;
        }
    }
    Ok(files)
}
