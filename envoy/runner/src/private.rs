//! Files and directories that only the user can read.
//!
//! A bootstrap and the files that it names can hold private keys. Everything that can hold one is written by
//! [`write_private`] or [`private_draft`], in a [`PrivateDirectory`] if it is temporary: mode 0600 in a directory of
//! mode 0700, whatever the umask is, and from the first byte on.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::drafts::draft;

/// A temporary directory of mode 0700. Dropping it removes it with everything in it.
#[derive(Debug)]
pub struct PrivateDirectory(TempDir);

impl PrivateDirectory {
    /// A new directory below the system's directory for temporary files. Its name begins with `prefix`.
    ///
    /// # Errors
    /// The system's, such as a missing or read-only parent directory.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let directory = Builder::new()
            .prefix(prefix)
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        Ok(Self(directory))
    }

    /// Where it is; an absolute path unless `TMPDIR` is relative.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file of mode 0600 in it, and returns its path.
    ///
    /// # Errors
    /// Those of [`write_private`].
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        write_private(&path, content)?;
        Ok(path)
    }
}

/// Writes a file of mode 0600, in place of one that has this name: a reader sees the old content or the new one, and
/// a link at `path` is replaced, not followed.
///
/// # Errors
/// The system's. `path` is then unchanged.
pub fn write_private(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = private_draft(path.parent().unwrap_or(Path::new("")))?;
    // The file itself: errors of the draft name a path that means nothing to the user.
    file.as_file_mut().write_all(content.as_ref())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// An empty file of mode 0600 without a final name: `persist` gives it one, dropping it removes it.
///
/// # Errors
/// The system's.
pub fn private_draft(directory: &Path) -> io::Result<NamedTempFile> {
    draft(directory, 0o600)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_user_can_read_them() {
        let directory = PrivateDirectory::new("fingerpost-test-").unwrap();
        let path = directory.write("key.pem", "a key").unwrap();
        assert_eq!((mode(directory.path()), mode(&path)), (0o700, 0o600));
        assert_eq!(fs::read(&path).unwrap(), b"a key");
    }

    #[test]
    fn a_file_that_others_can_read_is_replaced_and_a_link_is_not_followed() {
        let directory = PrivateDirectory::new("fingerpost-test-").unwrap();
        let (public, link) = (directory.path().join("public"), directory.path().join("link"));
        fs::write(&public, "public").unwrap();
        fs::set_permissions(&public, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&public, &link).unwrap();
        write_private(&link, "a key").unwrap();
        assert_eq!(fs::read_to_string(&public).unwrap(), "public");
        write_private(&public, "a key").unwrap();
        assert_eq!((mode(&link), mode(&public)), (0o600, 0o600));
    }

    #[test]
    fn nothing_is_left_of_a_dropped_directory() {
        let directory = PrivateDirectory::new("fingerpost-test-").unwrap();
        let path = directory.path().to_owned();
        directory.write("key.pem", "a key").unwrap();
        drop(directory);
        assert!(!path.exists());
    }
}
