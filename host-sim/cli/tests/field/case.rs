//! `case.json`: why a case is here, and the commands to run in a copy of its folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde::Deserialize;

use crate::step::Step;

/// A case. Unknown fields are errors: a typo must not make a case pass.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The rule behind the expectations, with its source.
    why: String,
    steps: Vec<Step>,
}

/// Runs the case in this folder. The error lists everything that was not as expected.
pub(crate) fn run(folder: &Path) -> Result<(), String> {
    let path = folder.join("case.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let case: Case = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    if case.steps.is_empty() || case.why.is_empty() {
        return Err(format!("{}: needs `why` and at least one step", path.display()));
    }
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    copy(folder, scratch.path()).map_err(|error| error.to_string())?;
    let mut failures = Vec::new();
    for step in &case.steps {
        failures.extend(step.run(scratch.path())?);
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(format!("{}\nwhy: {}", failures.join("\n"), case.why))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_symlink() {
            symlink(fs::read_link(entry.path())?, target)?; // it may lead nowhere
        } else if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
