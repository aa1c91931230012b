//! What is done to the file system, one call for each change: a test can stop between any two.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use fingerpost_envoy_runner::private_draft;

/// The changes to files. Each leaves, when it is interrupted, what was there before or what it should make.
pub trait Disk {
    /// Makes a folder, and those above it.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Writes a new file; one with a secret for the user alone.
    fn write(&self, path: &Path, content: &[u8], secret: bool) -> io::Result<()>;
    /// Gives a file a second name.
    fn link(&self, file: &Path, name: &Path) -> io::Result<()>;
    /// Makes a symbolic link.
    fn symlink(&self, target: &Path, name: &Path) -> io::Result<()>;
    /// Gives what is at `from` the name `to`, in place of a file or a link with that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file or a link.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with what is in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn write(&self, path: &Path, content: &[u8], secret: bool) -> io::Result<()> {
        if secret {
            let mut draft = private_draft(path.parent().unwrap_or(Path::new("")))?;
            draft.as_file_mut().write_all(content)?;
            draft.as_file().sync_all()?;
            draft.persist(path).map_err(|error| error.error)?;
            return Ok(());
        }
        let mut file = File::create(path)?;
        file.write_all(content)?;
        file.sync_all()
    }

    fn link(&self, file: &Path, name: &Path) -> io::Result<()> {
        fs::hard_link(file, name)
    }

    fn symlink(&self, target: &Path, name: &Path) -> io::Result<()> {
        symlink(target, name)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        // So that the new name survives a power cut too; not every file system can do it.
        if let Some(folder) = to.parent() {
            let _ = File::open(folder).and_then(|it| it.sync_all());
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }
}
