//! Finds test files.
//!
//! A file that is named is read whatever its name is. In a folder those count that end as tests do here and elsewhere
//! (`routes.test.yaml`, `virtualservice_test.yml`), and those whose text is a test of another tool: they have any name.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::foreign::is_test_file;
use crate::failure::Failure;

/// How the name of a test file ends before its extension.
const MARKS: [&str; 2] = [".test", "_test"];
/// Its extension.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];
/// The extensions of the files that are looked into, in a folder: also those of proto's text form.
const LOOKED_INTO: [&str; 8] = [
    "yaml",
    "yml",
    "json",
    "textpb",
    "pb_text",
    "textproto",
    "txtpb",
    "pbtxt",
];

/// The test files that these names stand for, each once, in the order given; those of a folder by name.
pub(super) fn find(names: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files: Vec<PathBuf> = Vec::new();
    for name in names {
        let metadata = fs::metadata(name).map_err(|error| {
            let reason = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
                _ => error.to_string(),
            };
            Failure::refused(format!("{}: {reason}", name.display()))
        })?;
        let found = if metadata.is_dir() {
            below(name)?
        } else {
            vec![name.clone()]
        };
        for file in found {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

fn below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|it| it.depth() == 0 || !it.file_name().to_string_lossy().starts_with('.'));
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::refused(error.to_string()))?;
        if entry.file_type().is_file() && (is_test(entry.path()) || reads_as_test(entry.path())) {
            let path = entry.into_path();
            files.push(path.strip_prefix("./").map_or(path.clone(), Path::to_path_buf));
        }
    }
    Ok(files)
}

/// Whether a file is a test of another tool, by its text. One that can't be read is none.
fn reads_as_test(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    extension.is_some_and(|it| LOOKED_INTO.contains(&it))
        && fs::read(path).is_ok_and(|it| is_test_file(&String::from_utf8_lossy(&it)))
}

/// Whether a file has a name that tests have.
fn is_test(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
    extension.is_some_and(|it| EXTENSIONS.contains(&it)) && MARKS.iter().any(|it| stem.ends_with(it))
}
