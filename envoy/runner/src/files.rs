//! Writes a set of files so that there is never half a file, and none at all when one of them fails.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::drafts::{DraftFolder, draft};
use crate::private::private_draft;

/// A file to write.
#[derive(Clone, Copy)]
pub struct NewFile<'a> {
    /// Its path below the directory.
    pub name: &'a Path,
    /// What it holds.
    pub content: Content<'a>,
    /// Whether only the user may read it.
    pub secret: bool,
}

/// What a file holds.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// What this writes: a long text need not be in memory as a whole.
    Written(&'a dyn Fn(&mut dyn Write) -> io::Result<()>),
}

/// Why files were not written.
#[derive(Debug)]
pub enum WriteError {
    /// A directory has the name of a file.
    Directory(PathBuf),
    /// A folder below this directory is a link: what is written would be elsewhere.
    Link(PathBuf, PathBuf),
    /// The system's.
    Io(PathBuf, io::Error),
}

/// Writes all files into `directory`, which is made if it is missing, and returns their paths. Files of other names stay as they
/// are.
///
/// Everything is on the disk under another name before the first file is replaced. A link below `directory` is replaced if it
/// has the name of a file, and refused if it has that of a folder: nothing is written outside of `directory`.
///
/// # Errors
/// As [`WriteError`] says. Then no file is new, unless the system failed while the finished files got their names.
pub fn write_files(directory: &Path, files: &[NewFile<'_>]) -> Result<Vec<PathBuf>, WriteError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |error| WriteError::Io(path, error)
    };
    fs::create_dir_all(directory).map_err(at(directory))?;
    let mut folders: BTreeMap<PathBuf, DraftFolder> = BTreeMap::new();
    let mut ready = Vec::new();
    for file in files {
        let path = directory.join(file.name);
        if path.is_dir() && !path.is_symlink() {
            return Err(WriteError::Directory(path));
        }
        if let Some(link) = link_to_a_folder(directory, file.name) {
            return Err(WriteError::Link(link, directory.to_owned()));
        }
        let folder = path.parent().unwrap_or(directory);
        fs::create_dir_all(folder).map_err(at(folder))?;
        folders
            .entry(folder.to_owned())
            .or_insert_with_key(|it| DraftFolder::open(it));
        let draft = prepare(folder, file).map_err(at(&path))?;
        ready.push((draft, path));
    }
    let mut written = Vec::new();
    for (draft, path) in ready {
        draft.persist(&path).map_err(|error| at(&path)(error.error))?;
        written.push(path);
    }
    // So that the new names survive a power cut too; not every file system can do it.
    let _ = File::open(directory).and_then(|it| it.sync_all());
    Ok(written)
}

/// The first folder on the way from `directory` to the file that is a link.
fn link_to_a_folder(directory: &Path, name: &Path) -> Option<PathBuf> {
    let below = name.ancestors().skip(1).filter(|it| !it.as_os_str().is_empty());
    below.map(|it| directory.join(it)).find(|it| it.is_symlink())
}

fn prepare(folder: &Path, file: &NewFile<'_>) -> io::Result<NamedTempFile> {
    let mut draft = if file.secret {
        private_draft(folder)?
    } else {
        draft(folder, 0o666)? // less what the umask takes
    };
    match file.content {
        Content::Bytes(bytes) => draft.as_file_mut().write_all(bytes)?,
        Content::Written(write) => {
            let mut out = BufWriter::new(draft.as_file_mut());
            write(&mut out)?;
            out.flush()?;
        }
    }
    draft.as_file().sync_all()?;
    Ok(draft)
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{} is a directory", path.display()),
            Self::Link(link, directory) => write!(
                f,
                "{} is a symbolic link, which is not followed: what is written would be outside of {}; remove the link",
                link.display(),
                directory.display()
            ),
            Self::Io(path, error) => write!(f, "{} can't be written: {error}", path.display()),
        }
    }
}

impl std::error::Error for WriteError {}
