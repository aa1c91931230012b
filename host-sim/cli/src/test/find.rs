//! Finds test files.
//!
//! A file that is named is read whatever its name is. In a folder those count that end as tests do here and elsewhere
//! (`routes.test.yaml`, `virtualservice_test.yml`), and those whose text is a test of another tool: they have any name.

use std::fs;
use std::path::{Path, PathBuf};

use fingerpost_input_files::{below, read_file, relative, unreadable};
use fingerpost_testing::is_test_file;

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

/// The test files that these names mean, each once, in the order given; those of a folder by name.
pub(super) fn find(names: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files: Vec<PathBuf> = Vec::new();
    for name in names {
        let metadata = fs::metadata(name).map_err(|error| unreadable(name, &error))?;
        let found = if metadata.is_dir() {
            below(name, |path| is_test(path) || reads_as_test(path))?
        } else {
            vec![relative(name)]
        };
        for file in found {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// Whether a file is a test of another tool, by its text. One that can't be read is none.
fn reads_as_test(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    extension.is_some_and(|it| LOOKED_INTO.contains(&it))
        && read_file(path).is_ok_and(|it| is_test_file(&String::from_utf8_lossy(&it)))
}

/// Whether a file has a name that tests have.
fn is_test(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
    extension.is_some_and(|it| EXTENSIONS.contains(&it)) && MARKS.iter().any(|it| stem.ends_with(it))
}
