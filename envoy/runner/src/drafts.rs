//! Drafts: files that get their final names when they are whole.
//!
//! A process that is killed leaves its drafts, and they can be large or hold a key. The next one that writes to the folder
//! removes them. Whether a process still needs them is known by a lock on the folder: each process holds it while it has drafts
//! there, and the system takes it from a process that ends.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

/// How the name of a draft begins. Letters and digits follow.
const PREFIX: &str = ".fingerpost-";
/// How many.
const RANDOM: usize = 6;
/// How often the lock is tried while another process holds it to remove drafts, and the pause between two tries.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(5);

/// A folder in which this process has drafts.
#[derive(Debug)]
pub struct DraftFolder {
    _lock: Option<File>,
}

impl DraftFolder {
    /// Removes the drafts of processes that were killed, unless another process has drafts there now. To be dropped after
    /// the drafts.
    ///
    /// Nothing is an error: where a folder can't be locked, old drafts stay.
    pub fn open(folder: &Path) -> Self {
        let Ok(lock) = File::open(folder) else {
            return Self { _lock: None };
        };
        if lock.try_lock().is_ok() {
            remove_drafts(folder);
            let _ = lock.unlock();
        }
        for _ in 0..ATTEMPTS {
            match lock.try_lock_shared() {
                Ok(()) => return Self { _lock: Some(lock) },
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(_)) => break,
            }
        }
        Self { _lock: None }
    }
}

/// An empty file of this mode, less what the umask takes, without a final name: `persist` gives it one, dropping it removes it.
///
/// # Errors
/// The system's.
pub fn draft(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    Builder::new()
        .prefix(PREFIX)
        .rand_bytes(RANDOM)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
}

fn remove_drafts(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|it| it.is_file());
        if is_file && is_draft(&entry.file_name().to_string_lossy()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_draft(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == RANDOM && rest.bytes().all(|it| it.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (_, left) = draft(folder.path(), 0o600).unwrap().keep().unwrap();
        for name in [".fingerpost-notes", ".fingerpost-abcde.", "fingerpost-abcdef"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join(".fingerpost-folder")).unwrap();
        drop(DraftFolder::open(folder.path()));
        assert!(!left.exists());
        assert_eq!(names(folder.path()), 4);
    }

    #[test]
    fn drafts_that_are_needed_stay() {
        let folder = tempfile::tempdir().unwrap();
        let first = DraftFolder::open(folder.path());
        let draft = draft(folder.path(), 0o600).unwrap();
        let second = DraftFolder::open(folder.path());
        assert!(draft.path().exists());
        // Each goes on as long as it has drafts.
        drop(second);
        drop(DraftFolder::open(folder.path()));
        assert!(draft.path().exists());
        drop((draft, first));
    }

    #[test]
    fn a_folder_that_can_not_be_opened_is_no_error() {
        drop(DraftFolder::open(Path::new("/nonexistent/folder")));
    }
}
