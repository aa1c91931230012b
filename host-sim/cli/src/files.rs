//! Finds and reads what `-f` names.
//!
//! Decides which files of a directory count, and in which order. What is in them is `load`'s matter.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fingerpost_resources::Source;
use walkdir::{DirEntry, WalkDir};

use crate::failure::Failure;
use crate::style::note;
use crate::test::is_test_file;

/// What standard input is called in messages.
const STDIN: &str = "<stdin>";
/// How the files of a directory end that are read.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads everything, in the order given. A file that is named twice is read once.
pub(crate) fn read(names: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let mut seen = HashSet::new();
    for name in names {
        if name.as_os_str() == "-" {
            if seen.insert(PathBuf::from("-")) {
                sources.push(read_stdin()?);
            }
            continue;
        }
        let metadata = fs::metadata(name).map_err(|error| unreadable(name, &error))?;
        let files = if metadata.is_dir() {
            files_below(name)?
        } else {
            vec![name.clone()]
        };
        for file in files {
            let is_found = metadata.is_dir();
            if seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                let bytes = fs::read(&file).map_err(|error| unreadable(&file, &error))?;
                if is_found && is_test_file(&String::from_utf8_lossy(&bytes)) {
                    continue;
                }
                sources.push(Source::from_bytes(file.to_string_lossy(), bytes));
            }
        }
    }
    let (full, empty): (Vec<Source>, Vec<Source>) = sources
        .into_iter()
        .partition(|source| !holds_nothing(&source.text));
    if full.is_empty() {
        if let ([], [first, ..]) = (empty.as_slice(), names) {
            return Err(Failure::refused(format!(
                "nothing to compile: {} holds tests and no resource; say with -f where the resources are",
                first.display()
            )));
        }
        let names: Vec<&str> = empty.iter().map(|it| it.name.as_str()).collect();
        return Err(Failure::refused(format!(
            "nothing to compile: {} no resource",
            match names.as_slice() {
                [one] => format!("{one} holds"),
                names => format!("{} hold", names.join(", ")),
            }
        )));
    }
    for source in &empty {
        note(format_args!("{} is empty", source.name));
    }
    Ok(full)
}

/// Standard input, which can be read only once: whoever asks again gets the same.
fn read_stdin() -> Result<Source, Failure> {
    static READ: OnceLock<Vec<u8>> = OnceLock::new();
    if READ.get().is_none() {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(Path::new(STDIN), &error))?;
        let _ = READ.set(bytes); // nobody else reads meanwhile
    }
    Ok(Source::from_bytes(STDIN, READ.get().cloned().unwrap_or_default()))
}

/// The files of a directory and of those in it, by name. Hidden ones are passed over, as in `.git`, and so are tests
/// of routing by their name, `*.test.json` and the like. Those of other tools are known by their text alone.
fn files_below(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let is_test = |path: &Path| {
        path.file_stem()
            .is_some_and(|it| it.to_string_lossy().ends_with(".test"))
    };
    let files = below(directory, |path| !is_test(path) && is_read(path))?;
    if files.is_empty() {
        return Err(Failure::refused(format!(
            "{}: no file in this directory ends in .yaml, .yml or .json",
            directory.display()
        )));
    }
    Ok(files)
}

/// The files of a directory and of those in it that count, by name. Hidden ones do not.
pub(crate) fn below(directory: &Path, counts: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Failure> {
    let is_hidden = |entry: &DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    let entries = WalkDir::new(directory)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry));
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::refused(error.to_string()))?;
        if !entry.file_type().is_dir() && counts(entry.path()) {
            let path = entry.into_path();
            files.push(path.strip_prefix("./").map_or(path.clone(), Path::to_path_buf));
        }
    }
    Ok(files)
}

/// Whether a file of a directory is read, by its ending.
pub(crate) fn is_read(file: &Path) -> bool {
    let ending = file.extension().and_then(|it| it.to_str());
    ending.is_some_and(|it| ENDINGS.contains(&it))
}

/// Whether there is nothing but blank lines, comments and document marks.
fn holds_nothing(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---" || line == "..."
    })
}

/// What is said of a file or a directory that can't be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        _ => error.to_string(),
    };
    Failure::refused(format!("{}: {reason}", path.display()))
}
