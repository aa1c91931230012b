//! The folder that Envoy watches.
//!
//! It has the layout of a mounted ConfigMap. Each set of files is in a folder of its own, a *generation*, and never changes. The link
//! `..data` names the generation in force, and each file is a link into `..data`: one rename of `..data` changes all files at once,
//! and Envoy, which watches the folder, reads them.
//!
//! `..state` has the generations, which Envoy's watch does not see, and two more links: `good` to the last generation that Envoy
//! has taken as a whole, `before` to the one that was in force when the last step began. After any interruption they tell what
//! Envoy may have.
//!
//! Plain files, as `compile --xds` writes them, are in effect until the first change.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use fingerpost_xds::{Kind, XdsFile, XdsFiles};
use sha2::{Digest, Sha256};

use crate::disk::{Disk, RealDisk};

/// The link to the generation in force.
const DATA: &str = "..data";
/// The folder with everything that Envoy does not read.
const STATE: &str = "..state";
/// In it: the link to the last generation that Envoy has taken as a whole.
const GOOD: &str = "good";
/// In it: the link to the generation that was in force when the last step began.
const BEFORE: &str = "before";
/// In it: held by the process that changes the folder.
const LOCK: &str = "lock";
/// In it: how the names of generations begin.
const GENERATION: &str = "g-";
/// In it: a generation that is being written, and a link that gets another name.
const DRAFT: &str = "draft";
const DRAFT_LINK: &str = "draft-link";

/// The folder of the files that Envoy reads while it runs.
#[derive(Debug)]
pub struct Folder<D = RealDisk> {
    path: PathBuf,
    disk: D,
    _lock: File,
}

/// Why a folder can't be used.
#[derive(Debug)]
pub enum FolderError {
    /// Another process changes it.
    Busy(PathBuf),
    /// A file in it is not one of ours.
    Invalid(String),
    /// It is a link, or a file that only `sync` uses is one: what is written would be elsewhere.
    Link(PathBuf),
    /// The system's.
    Io(PathBuf, io::Error),
}

impl<D: Disk> Folder<D> {
    /// Opens a folder, which is made if it is missing. No other process can open it until it is dropped.
    pub fn open(path: &Path, disk: D) -> Result<Self, FolderError> {
        let state = path.join(STATE);
        let lock = state.join(LOCK);
        for place in [path, &state, &lock] {
            if place.is_symlink() {
                return Err(FolderError::Link(place.to_owned()));
            }
        }
        disk.make_folder(&state).map_err(|error| at(&state, error))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock);
        let file = file.map_err(|error| at(&lock, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::Busy(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(at(&lock, error)),
        }
        let folder = Self {
            path: path.to_owned(),
            disk,
            _lock: file,
        };
        // What a process left that was stopped.
        folder.clean_state()?;
        Ok(folder)
    }

    /// The files in force; none in a new folder.
    pub fn current(&self) -> Result<Option<XdsFiles>, FolderError> {
        self.read(&self.path)
    }

    /// The last files that Envoy has taken as a whole.
    pub fn good(&self) -> Result<Option<XdsFiles>, FolderError> {
        self.read(&self.state(GOOD))
    }

    /// The files that were in force when the last step began.
    pub fn before(&self) -> Result<Option<XdsFiles>, FolderError> {
        self.read(&self.state(BEFORE))
    }

    /// Whether Envoy has taken the files in force as a whole.
    pub fn is_accepted(&self) -> bool {
        let good = self.generation(&self.state(GOOD));
        good.is_some() && good == self.generation(&self.path.join(DATA))
    }

    /// Whether all files are links into the generation in force.
    pub fn is_managed(&self) -> Result<bool, FolderError> {
        let mut names = self.names(&self.path)?.into_iter();
        Ok(self.path.join(DATA).exists() && names.all(|it| self.is_link(&it)))
    }

    /// Puts these files in force, all at once, as the next step.
    pub fn put(&self, files: &XdsFiles) -> Result<(), FolderError> {
        let before = self.generation(&self.path.join(DATA));
        self.put_after(files, before)
    }

    /// Puts the files in force that were there before the last step.
    pub fn put_back(&self, files: &XdsFiles) -> Result<(), FolderError> {
        self.put_after(files, Some(generation_name(&files.files())))
    }

    fn put_after(&self, files: &XdsFiles, before: Option<String>) -> Result<(), FolderError> {
        let files = files.files();
        let generation = generation_name(&files);
        self.write(&generation, &files)?;
        let names: BTreeSet<&str> = files.iter().map(|it| it.name.as_str()).collect();
        for name in &names {
            let path = self.path.join(name);
            if path.symlink_metadata().is_err() {
                let made = self.disk.symlink(&Path::new(DATA).join(name), &path);
                made.map_err(|error| at(&path, error))?;
            }
        }
        if let Some(before) = before {
            self.point(&self.state(BEFORE), Path::new(&before))?;
        }
        self.point(&self.path.join(DATA), &Path::new(STATE).join(generation))?;
        for name in &names {
            if !self.is_link(name) {
                self.point(&self.path.join(name), &Path::new(DATA).join(name))?;
            }
        }
        self.clean(&names)
    }

    /// Has Envoy read the files in force once more: it reads all of them whenever the link `..data` is renamed.
    pub fn put_again(&self) -> Result<(), FolderError> {
        let Some(generation) = self.generation(&self.path.join(DATA)) else {
            return Ok(());
        };
        self.point(&self.path.join(DATA), &Path::new(STATE).join(generation))
    }

    /// Says that Envoy has taken the files in force.
    pub fn accept(&self) -> Result<(), FolderError> {
        let data = self.generation(&self.path.join(DATA)).unwrap_or_default();
        self.point(&self.state(GOOD), Path::new(&data))?;
        self.point(&self.state(BEFORE), Path::new(&data))?;
        self.clean_state()
    }

    /// Writes a generation. What is there under its final name is whole.
    fn write(&self, generation: &str, files: &[XdsFile]) -> Result<(), FolderError> {
        let (place, draft) = (self.state(generation), self.state(DRAFT));
        if place.exists() {
            return Ok(());
        }
        if draft.exists() {
            let removed = self.disk.remove_folder(&draft);
            removed.map_err(|error| at(&draft, error))?;
        }
        let written = self.write_draft(&draft, files);
        if written.is_err() {
            // A disk that is full has no room for what is of no use. What can't be removed is removed at the next start.
            let _ = self.disk.remove_folder(&draft);
        }
        written?;
        let renamed = self.disk.rename(&draft, &place);
        renamed.map_err(|error| at(&place, error))
    }

    fn write_draft(&self, draft: &Path, files: &[XdsFile]) -> Result<(), FolderError> {
        self.disk.make_folder(draft).map_err(|error| at(draft, error))?;
        for file in files {
            let (old, new) = (self.path.join(DATA).join(&file.name), draft.join(&file.name));
            // Most files are as before.
            let is_same = fs::read(&old).is_ok_and(|it| it == file.content.as_bytes());
            if is_same && self.disk.link(&old, &new).is_ok() {
                continue;
            }
            let written = self.disk.write(&new, file.content.as_bytes(), file.is_secret());
            written.map_err(|error| at(&self.path.join(&file.name), error))?;
        }
        Ok(())
    }

    /// Makes the link `path` name `target`, in place of what it was.
    fn point(&self, path: &Path, target: &Path) -> Result<(), FolderError> {
        let draft = self.state(DRAFT_LINK);
        if draft.symlink_metadata().is_ok() {
            self.disk.remove(&draft).map_err(|error| at(&draft, error))?;
        }
        let made = self.disk.symlink(target, &draft);
        made.and_then(|()| self.disk.rename(&draft, path))
            .map_err(|error| at(path, error))
    }

    /// Removes links to files that are gone, and what no link in `..state` names.
    fn clean(&self, names: &BTreeSet<&str>) -> Result<(), FolderError> {
        for name in self.names(&self.path)? {
            if !names.contains(name.as_str()) {
                let path = self.path.join(name);
                self.disk.remove(&path).map_err(|error| at(&path, error))?;
            }
        }
        self.clean_state()
    }

    fn clean_state(&self) -> Result<(), FolderError> {
        let links = [self.path.join(DATA), self.state(GOOD), self.state(BEFORE)];
        let used: Vec<String> = links.iter().filter_map(|it| self.generation(it)).collect();
        let state = self.path.join(STATE);
        for entry in fs::read_dir(&state).map_err(|error| at(&state, error))? {
            let path = entry.map_err(|error| at(&state, error))?.path();
            let name = path
                .file_name()
                .map(|it| it.to_string_lossy())
                .unwrap_or_default();
            if name == DRAFT_LINK {
                let removed = self.disk.remove(&path);
                removed.map_err(|error| at(&path, error))?;
            }
            let is_unused =
                name == DRAFT || (name.starts_with(GENERATION) && !used.iter().any(|it| *it == name));
            if is_unused {
                let removed = self.disk.remove_folder(&path);
                removed.map_err(|error| at(&path, error))?;
            }
        }
        Ok(())
    }

    fn read(&self, folder: &Path) -> Result<Option<XdsFiles>, FolderError> {
        let names = match self.names(folder) {
            Err(FolderError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            names => names?,
        };
        let mut files = XdsFiles::default();
        let mut found = false;
        for name in names {
            let path = folder.join(&name);
            let content = match fs::read(&path) {
                Ok(content) => content,
                // A link whose file went with the last change.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(at(&path, error)),
            };
            files
                .read(&name, &content)
                .map_err(|error| FolderError::Invalid(format!("{}/{error}", folder.display())))?;
            found = true;
        }
        Ok(found.then_some(files))
    }

    /// The names of our files in a folder, sorted.
    fn names(&self, folder: &Path) -> Result<BTreeSet<String>, FolderError> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(folder).map_err(|error| at(folder, error))? {
            let name = entry.map_err(|error| at(folder, error))?.file_name();
            names.extend(name.into_string().ok().filter(|it| Kind::of(it).is_some()));
        }
        Ok(names)
    }

    fn state(&self, name: &str) -> PathBuf {
        self.path.join(STATE).join(name)
    }

    /// The name of the generation that a link names.
    fn generation(&self, link: &Path) -> Option<String> {
        let target = fs::read_link(link).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// Whether this file is a link into the generation in force.
    fn is_link(&self, name: &str) -> bool {
        fs::read_link(self.path.join(name)).is_ok_and(|it| it == Path::new(DATA).join(name))
    }
}

/// Equal files have equal names.
fn generation_name(files: &[XdsFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(&file.name);
        hash.update(file.content.as_bytes());
    }
    let hash = hash.finalize();
    let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{GENERATION}{hex}")
}

fn at(path: &Path, error: io::Error) -> FolderError {
    FolderError::Io(path.to_owned(), error)
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(path) => write!(
                f,
                "another process keeps {} in sync; stop it first",
                path.display()
            ),
            Self::Invalid(message) => write!(
                f,
                "{message}: this file was not written by this release of fingerpost; stop Envoy, remove the folder, and run sync again"
            ),
            Self::Link(path) => write!(
                f,
                "{} is a symbolic link, which is not followed: what is written would be elsewhere; name the folder itself",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{} can't be read or written: {error}", path.display()),
        }
    }
}

impl std::error::Error for FolderError {}
