//! Where and of what a measurement was made.

use std::fs;
use std::process::Command;

use crate::Failure;
use crate::proxy::Modules;
use crate::report::{Machine, ModuleBytes};

/// What follows a commit if the working tree has changes.
const CHANGED: &str = "-changed";

/// This machine, as long as nothing is pinned.
pub(crate) fn describe() -> Result<Machine, Failure> {
    let field = |file: &str, name: &str| -> Result<String, Failure> {
        let text = fs::read_to_string(file)?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.split_once(':'));
        Ok(value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned()))
    };
    let memory = field("/proc/meminfo", "MemTotal")?;
    let kibibytes: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    Ok(Machine {
        processor: field("/proc/cpuinfo", "model name")?,
        cores: std::thread::available_parallelism()?.get(),
        memory_gib: (kibibytes / 1024.0 / 1024.0 * 10.0).round() / 10.0,
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
            .trim()
            .to_owned(),
        pinned: "not pinned".to_owned(),
    })
}

/// The commit of the working tree.
pub(crate) fn commit() -> Result<String, Failure> {
    let git = |arguments: &[&str]| -> Result<String, Failure> {
        let output = Command::new("git").args(arguments).output()?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?.trim().to_owned()),
            false => Err(format!("git: {}", String::from_utf8_lossy(&output.stderr).trim()).into()),
        }
    };
    let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Ok(match changed.is_empty() {
        true => commit,
        false => format!("{commit}{CHANGED}"),
    })
}

/// Results that are published belong to a commit: refuses a working tree with changes, before anything is measured.
pub(crate) fn require_commit() -> Result<(), Failure> {
    match commit()?.ends_with(CHANGED) {
        true => Err(
            "the working tree has changes: commit them first, so that the results belong to a commit".into(),
        ),
        false => Ok(()),
    }
}

/// How large the modules are.
pub(crate) fn module_bytes(modules: &Modules) -> Result<ModuleBytes, Failure> {
    Ok(ModuleBytes {
        fingerpost: fs::metadata(&modules.fingerpost)?.len(),
        empty: fs::metadata(&modules.empty)?.len(),
    })
}
