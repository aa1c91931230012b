//! Writes files, and says why one can't be written.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fingerpost_envoy_runner::{DraftFolder, WriteError, draft, write_files};

pub(crate) use fingerpost_envoy_runner::{Content, NewFile as Artifact};

use crate::envoy_files::{EnvoyFile, EnvoyFileContent};
use crate::failure::Failure;

impl<'a> From<&'a EnvoyFile<'_>> for Artifact<'a> {
    fn from(file: &'a EnvoyFile<'_>) -> Self {
        Self {
            name: &file.path,
            content: match &file.content {
                EnvoyFileContent::Bytes(bytes) => Content::Bytes(bytes),
                EnvoyFileContent::Json(write) => Content::Written(write),
            },
            secret: file.secret,
        }
    }
}

/// Writes all files into `directory`, or none: see [`write_files`].
pub(crate) fn write(directory: &Path, artifacts: &[Artifact<'_>]) -> Result<Vec<PathBuf>, Failure> {
    write_files(directory, artifacts).map_err(|error| match error {
        WriteError::Io(path, error) => unwritable(&path, &error),
        WriteError::Directory(_) | WriteError::Link(..) => Failure::Refused(error.to_string()),
    })
}

/// Puts `content` in the place of what a file holds. The file keeps its permissions.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    // The file itself, where the name is a link to it.
    let path = &path.canonicalize().map_err(|error| unwritable(path, &error))?;
    let put = || {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let permissions = fs::metadata(path)?.permissions();
        let _folder = DraftFolder::open(folder);
        let mut file = draft(folder, permissions.mode() & 0o777)?;
        file.as_file_mut().write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    put().map_err(|error: io::Error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    // `tempfile` adds the path of its draft, which means nothing to the user, and hides the system's error under it.
    let said = error.to_string();
    let reason = said
        .split_once(" at path ")
        .map_or(said.as_str(), |(reason, _)| reason);
    let message = format!("{} can't be written: {reason}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge => Failure::Surroundings(message),
        _ => Failure::Refused(message),
    }
}
