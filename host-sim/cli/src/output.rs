//! Writes a set of files so that there is never half a file, and none at all when one of them fails.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fingerpost_envoy_runner::private_draft;
use tempfile::{Builder, NamedTempFile};

use crate::envoy_files::EnvoyFile;
use crate::failure::Failure;

/// A file to write.
pub(crate) struct Artifact<'a> {
    /// Its path below the directory.
    pub(crate) name: &'a Path,
    pub(crate) content: &'a [u8],
    /// Whether only the user may read it.
    pub(crate) secret: bool,
}

impl<'a> From<&'a EnvoyFile> for Artifact<'a> {
    fn from(file: &'a EnvoyFile) -> Self {
        Self {
            name: &file.path,
            content: &file.content,
            secret: file.secret,
        }
    }
}

/// Writes all files into `directory`, which is made if it is missing. Files of other names stay as they are.
///
/// Everything is on the disk under another name before the first file is replaced.
pub(crate) fn write(directory: &Path, artifacts: &[Artifact<'_>]) -> Result<Vec<PathBuf>, Failure> {
    fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))?;
    let mut ready = Vec::new();
    for artifact in artifacts {
        let path = directory.join(artifact.name);
        if path.is_dir() {
            return Err(Failure::refused(format!("{} is a directory", path.display())));
        }
        let folder = path.parent().unwrap_or(directory);
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        let file = prepare(folder, artifact).map_err(|error| unwritable(&path, &error))?;
        ready.push((file, path));
    }
    let mut written = Vec::new();
    for (file, path) in ready {
        file.persist(&path)
            .map_err(|error| unwritable(&path, &error.error))?;
        written.push(path);
    }
    // So that the new names survive a power cut too; not every file system can do it.
    let _ = File::open(directory).and_then(|it| it.sync_all());
    Ok(written)
}

/// Puts `content` in the place of what a file holds. The file keeps its permissions.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    // The file itself, where the name is a link to it.
    let path = &path.canonicalize().map_err(|error| unwritable(path, &error))?;
    let put = || {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let permissions = fs::metadata(path)?.permissions();
        let mut file = Builder::new()
            .prefix(".fingerpost-")
            .permissions(permissions)
            .tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    put().map_err(|error: io::Error| unwritable(path, &error))
}

fn prepare(directory: &Path, artifact: &Artifact<'_>) -> io::Result<NamedTempFile> {
    let mut file = if artifact.secret {
        private_draft(directory)?
    } else {
        Builder::new()
            .prefix(".fingerpost-")
            .permissions(Permissions::from_mode(0o666)) // less what the umask takes
            .tempfile_in(directory)?
    };
    file.write_all(artifact.content)?;
    file.as_file().sync_all()?;
    Ok(file)
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
