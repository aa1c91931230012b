//! An archive that is the same whenever its files are: sorted, with one time, no owner, and no time of its own in gzip's head.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// Files to be packed into one folder, by their path in it.
pub(super) struct Archive<'a> {
    name: &'a str,
    time: u64,
    files: BTreeMap<String, (u32, Vec<u8>)>,
}

impl<'a> Archive<'a> {
    /// An empty one. `time` is in seconds since 1970.
    pub(super) fn new(name: &'a str, time: u64) -> Self {
        let files = BTreeMap::new();
        Self { name, time, files }
    }

    /// Adds a file that can be run.
    pub(super) fn add_program(&mut self, name: &str, path: &Path) -> Result<(), Failure> {
        self.files.insert(name.to_owned(), (0o755, read(path)?));
        Ok(())
    }

    /// Adds a file.
    pub(super) fn add_file(&mut self, name: &str, path: &Path) -> Result<(), Failure> {
        self.files.insert(name.to_owned(), (0o644, read(path)?));
        Ok(())
    }

    /// Adds a text.
    pub(super) fn add_text(&mut self, name: &str, text: &str) {
        self.files
            .insert(name.to_owned(), (0o644, text.as_bytes().to_vec()));
    }

    /// Adds all files below a folder, by their path in it.
    pub(super) fn add_folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).map_err(|error| Failure::file(&next, &error))? {
                let path = entry.map_err(|error| Failure::file(&next, &error))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(name) = path.strip_prefix(folder) {
                    self.add_file(&name.to_string_lossy(), &path)?;
                }
            }
        }
        Ok(())
    }

    /// Writes `<name>.tar.gz`.
    pub(super) fn write(&self, folder: &Path) -> Result<PathBuf, Failure> {
        let path = folder.join(format!("{}.tar.gz", self.name));
        let file = File::create(&path).map_err(|error| Failure::file(&path, &error))?;
        self.write_to(file)
            .map_err(|error| Failure::file(&path, &error))?;
        Ok(path)
    }

    fn write_to(&self, file: impl Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(GzBuilder::new().write(file, Compression::best()));
        for (name, (mode, content)) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(*mode);
            header.set_mtime(self.time);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, format!("{}/{name}", self.name), content.as_slice())?;
        }
        tar.into_inner()?.finish()?.flush()
    }
}

/// Writes `SHA256SUMS`, as `sha256sum --check` reads it.
pub(super) fn checksums(folder: &Path, files: &[PathBuf]) -> Result<PathBuf, Failure> {
    let mut text = String::new();
    for file in files {
        let digest = Sha256::digest(read(file)?);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        text.push_str(&format!("{digest}  {name}\n"));
    }
    let path = folder.join("SHA256SUMS");
    fs::write(&path, text).map_err(|error| Failure::file(&path, &error))?;
    Ok(path)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::file(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_files_make_equal_archives_whatever_their_order() {
        let packed = |names: [&str; 2]| {
            let mut archive = Archive::new("fingerpost-1", 7);
            names.iter().for_each(|name| archive.add_text(name, name));
            let mut bytes = Vec::new();
            archive.write_to(&mut bytes).expect("memory can be written");
            bytes
        };
        assert_eq!(packed(["a", "b/c"]), packed(["b/c", "a"]));

        let bytes = packed(["a", "b/c"]);
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let entries = tar.entries().expect("entries").map(|entry| {
            let entry = entry.expect("an entry");
            let header = entry.header();
            let path = entry.path().expect("a path").to_string_lossy().into_owned();
            (
                path,
                header.mtime().expect("a time"),
                header.uid().expect("an owner"),
            )
        });
        let expected = ["fingerpost-1/a", "fingerpost-1/b/c"].map(|path| (path.to_owned(), 7, 0));
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }
}
