//! An archive that is the same whenever its files are: sorted, with one time, no owner, and no time of its own in gzip's head.

use std::collections::BTreeMap;
use std::fs;
use std::io;
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
        let written = self.bytes().and_then(|bytes| fs::write(&path, bytes));
        written.map_err(|error| Failure::file(&path, &error))?;
        Ok(path)
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(GzBuilder::new().write(Vec::new(), Compression::best()));
        for (name, (mode, content)) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(*mode);
            header.set_mtime(self.time);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, format!("{}/{name}", self.name), content.as_slice())?;
        }
        tar.into_inner()?.finish()
    }
}

/// Writes `SHA256SUMS`, as `sha256sum --check` reads it.
pub(super) fn checksums(folder: &Path, files: &[PathBuf]) -> Result<PathBuf, Failure> {
    let mut text = String::new();
    for file in files {
        let digest = sha256(file)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        text.push_str(&format!("{digest}  {name}\n"));
    }
    let path = folder.join("SHA256SUMS");
    fs::write(&path, text).map_err(|error| Failure::file(&path, &error))?;
    Ok(path)
}

/// The checksum of a file, in hexadecimal digits.
pub(super) fn sha256(path: &Path) -> Result<String, Failure> {
    let digest = Sha256::digest(read(path)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::file(path, &error))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn packed(names: [&str; 2]) -> Vec<u8> {
        let mut archive = Archive::new("fingerpost-1", 7);
        names.iter().for_each(|name| archive.add_text(name, name));
        archive.bytes().expect("memory can be written")
    }

    #[test]
    fn equal_files_make_equal_archives_whatever_their_order_owner_and_time() {
        assert_eq!(packed(["a", "b/c"]), packed(["b/c", "a"]));

        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let archives = folders.each_ref().map(|folder| {
            let file = folder.path().join("fingerpost");
            fs::write(&file, "binary").expect("the folder is new");
            let mut archive = Archive::new("fingerpost-1", 7);
            archive.add_folder(folder.path()).expect("the folder is there");
            let day = Duration::from_secs(86_400);
            let opened = File::options()
                .write(true)
                .open(&file)
                .expect("the file is there");
            opened.set_modified(SystemTime::now() - day).expect("a time");
            archive.add_program("bin", &file).expect("the file is there");
            archive.write(folder.path()).expect("the folder is there")
        });
        let [first, second] = archives.map(|path| fs::read(path).expect("it was written"));
        assert_eq!(first, second);
    }

    #[test]
    fn an_archive_has_one_folder_of_root_s_files_with_one_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("built");
        fs::write(&program, "binary").expect("the folder is new");
        let mut archive = Archive::new("fingerpost-1", 7);
        archive.add_text("man/man1/a.1", "page");
        archive
            .add_program("fingerpost", &program)
            .expect("the file is there");

        let bytes = archive.bytes().expect("memory can be written");
        let gzip = flate2::read::GzDecoder::new(bytes.as_slice());
        assert_eq!(gzip.header().expect("a head").mtime(), 0);
        let mut tar = tar::Archive::new(gzip);
        let entries = tar.entries().expect("entries").map(|entry| {
            let mut entry = entry.expect("an entry");
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("a text");
            let header = entry.header();
            let path = entry.path().expect("a path").to_string_lossy().into_owned();
            let owner = (header.uid().expect("a user"), header.gid().expect("a group"));
            assert_eq!((owner, header.mtime().expect("a time")), ((0, 0), 7), "{path}");
            (path, header.mode().expect("a mode"), content)
        });
        let expected = [
            ("fingerpost-1/fingerpost", 0o755, "binary"),
            ("fingerpost-1/man/man1/a.1", 0o644, "page"),
        ];
        let expected = expected.map(|(path, mode, content)| (path.to_owned(), mode, content.to_owned()));
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn checksums_are_those_that_sha256sum_checks() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.tar.gz");
        fs::write(&file, "abc").expect("the folder is new");
        let sums = checksums(folder.path(), &[file]).expect("the file is there");
        // The example of FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.tar.gz\n";
        assert_eq!(fs::read_to_string(sums).expect("it was written"), expected);
    }
}
