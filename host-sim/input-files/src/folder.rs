//! The files of a folder and of those in it.
//!
//! Only regular files count, directly or by a link. Hidden files and the folders of other tools are passed over.

use std::collections::HashSet;
use std::fs::{self, FileType};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fingerpost_renderers::Tool;
use fingerpost_settings::FILE_NAME;
use fingerpost_terminal::messages::{listed, note};
use rustix::io::Errno;
use walkdir::{DirEntry, WalkDir};

use crate::bytes::unreadable;
use crate::error::InputError;
use crate::skipped::{Skipped, is_of_other_tools, is_our_output};
use crate::working_folder::relative;

/// How the files of a directory end that are read.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// The files of a directory and of those in it, by name. Hidden ones are passed over, as in `.git`, and so are our
/// settings, and tests of routing by their name, `*.test.json` and the like. Those of other tools are known by their text alone.
pub(crate) fn files_below(directory: &Path, skipped: &mut Skipped) -> Result<Vec<PathBuf>, InputError> {
    let is_test = |path: &Path| {
        path.file_stem()
            .is_some_and(|it| it.to_string_lossy().ends_with(".test"))
    };
    let (files, folders) = walk(directory, |path| {
        let is_ours = is_test(path) || path.file_name().is_some_and(|it| it == FILE_NAME);
        !is_ours && (is_read(path) || Tool::of(path).is_some()) && !is_our_output(path)
    })?;
    skipped.add_folders(folders);
    if files.is_empty() {
        return Err(InputError::refused(format!(
            "{}: no file in this directory ends in .yaml, .yml or .json",
            directory.display()
        )));
    }
    Ok(files)
}

/// The files of a directory and of those in it that count, by name. Hidden ones do not, nor those in folders of other
/// tools; what is not a regular file is left out with a note.
///
/// # Errors
/// A folder can't be read.
pub fn below(directory: &Path, counts: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, InputError> {
    walk(directory, counts).map(|(files, _)| files)
}

/// As [`below`], with the folders of other tools beside the files.
fn walk(
    directory: &Path,
    counts: impl Fn(&Path) -> bool,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), InputError> {
    let mut folders = Vec::new();
    let mut entered = Entered::new(directory);
    let entries = WalkDir::new(directory)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| {
            let is_other = entry.file_type().is_dir() && is_of_other_tools(entry.path());
            if entry.depth() > 0 && is_other {
                folders.push(relative(entry.path()));
            }
            entry.depth() == 0 || !is_hidden(entry) && !is_other && entered.is_first(entry)
        });
    let mut files = Vec::new();
    let mut left_out = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                left_out.extend(dead_link(&error)?);
                continue;
            }
        };
        let kind = entry.file_type();
        if kind.is_file() {
            if counts(entry.path()) {
                files.push(relative(entry.path()));
            }
        } else if !kind.is_dir() && is_read(entry.path()) {
            left_out.push((relative(entry.path()), special(kind)));
        }
    }
    note_left_out(&left_out);
    Ok((files, folders))
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

/// Enters each folder once, or the walk through links that meet again would double with each of them. A folder is entered where
/// it is, and by its first link only if it is elsewhere.
struct Entered {
    /// Those that are reached without a link.
    real: HashSet<FolderId>,
    entered: HashSet<FolderId>,
}

/// Its device and its inode.
type FolderId = (u64, u64);

impl Entered {
    fn new(directory: &Path) -> Self {
        let is_walked = |entry: &DirEntry| {
            let is_inside = !is_hidden(entry) && !is_of_other_tools(entry.path());
            entry.file_type().is_dir() && (entry.depth() == 0 || is_inside)
        };
        let entries = WalkDir::new(directory).into_iter().filter_entry(is_walked);
        Self {
            // What can't be read is said of the walk itself.
            real: entries.flatten().filter_map(|it| folder_id(&it)).collect(),
            entered: HashSet::new(),
        }
    }

    fn is_first(&mut self, entry: &DirEntry) -> bool {
        if !entry.file_type().is_dir() {
            return true;
        }
        let Some(id) = folder_id(entry) else {
            return true; // the walk says why it can't be read
        };
        let is_elsewhere = !(entry.path_is_symlink() && self.real.contains(&id));
        is_elsewhere && self.entered.insert(id)
    }
}

fn folder_id(entry: &DirEntry) -> Option<FolderId> {
    let metadata = entry.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// A link that leads nowhere, and why; none if its target would not be read. Other errors are errors.
fn dead_link(error: &walkdir::Error) -> Result<Option<(PathBuf, &'static str)>, InputError> {
    let is_link = |path: &&Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
    let Some(path) = error.path().filter(is_link) else {
        return Err(unwalkable(error));
    };
    if error.loop_ancestor().is_some() {
        return Ok(Some((relative(path), "a link to a directory around it")));
    }
    let what = match error.io_error().and_then(Errno::from_io_error) {
        Some(Errno::NOENT) => "a link to nothing",
        Some(Errno::LOOP) => "a link to itself",
        _ => return Err(unwalkable(error)),
    };
    Ok(is_read(path).then(|| (relative(path), what)))
}

/// What is said of a folder that can't be read, as of a file.
fn unwalkable(error: &walkdir::Error) -> InputError {
    match (error.path(), error.io_error()) {
        (Some(path), Some(reason)) => unreadable(&relative(path), reason),
        _ => InputError::refused(error.to_string()),
    }
}

fn special(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// One note for all that is new: a directory is walked again for each test and after each change.
fn note_left_out(left_out: &[(PathBuf, &'static str)]) {
    static NOTED: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    let noted = noted.get_or_insert_default();
    let new = left_out.iter().filter(|(path, _)| noted.insert(path.clone()));
    let new: Vec<String> = new
        .map(|(path, what)| format!("{} ({what})", path.display()))
        .collect();
    if !new.is_empty() {
        note(format_args!(
            "left out, as only regular files of a directory are read: {}",
            listed(&new)
        ));
    }
}

/// Whether a file of a directory is read, by its ending.
pub(crate) fn is_read(file: &Path) -> bool {
    let ending = file.extension().and_then(|it| it.to_str());
    ending.is_some_and(|it| ENDINGS.contains(&it))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_is_entered_once_however_many_links_lead_to_it() {
        let folder = tempfile::tempdir().expect("a directory");
        for level in 0..10 {
            let here = folder.path().join(format!("{level}"));
            fs::create_dir(&here).expect("a directory");
            for link in ["a", "b"] {
                symlink(format!("../{}", level + 1), here.join(link)).expect("a link");
            }
        }
        fs::create_dir(folder.path().join("10")).expect("a directory");
        for (start, entered) in [("", 11), ("0", 10)] {
            let mut first = Entered::new(&folder.path().join(start));
            let entries = WalkDir::new(folder.path().join(start))
                .follow_links(true)
                .min_depth(1)
                .into_iter()
                .filter_entry(|it| it.depth() == 0 || first.is_first(it));
            assert_eq!(entries.flatten().count(), entered, "{start}");
        }
    }
}
