//! A disk that stops after some changes, as if the process had been killed.

use std::cell::Cell;
use std::io;
use std::path::Path;

use fingerpost_sync::{Disk, RealDisk};

/// Does so many changes, and then none.
#[derive(Debug)]
pub(crate) struct StoppingDisk(Cell<u32>);

impl StoppingDisk {
    pub(crate) fn after(writes: u32) -> Self {
        // Opening the folder is the first.
        Self(Cell::new(writes + 1))
    }

    fn go_on(&self) -> io::Result<RealDisk> {
        let left = self.0.get().checked_sub(1);
        self.0.set(left.unwrap_or(0));
        left.map(|_| RealDisk)
            .ok_or_else(|| io::Error::other("stopped by the test"))
    }
}

impl Disk for StoppingDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.go_on()?.make_folder(path)
    }

    fn write(&self, path: &Path, content: &[u8], secret: bool) -> io::Result<()> {
        self.go_on()?.write(path, content, secret)
    }

    fn link(&self, file: &Path, name: &Path) -> io::Result<()> {
        self.go_on()?.link(file, name)
    }

    fn symlink(&self, target: &Path, name: &Path) -> io::Result<()> {
        self.go_on()?.symlink(target, name)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.go_on()?.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.go_on()?.remove(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.go_on()?.remove_folder(path)
    }
}
