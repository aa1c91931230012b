//! Golden files: what the command printed when a person last read it. `FINGERPOST_BLESS=1` writes them again; then read them.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The golden files of a test, in a folder of `tests/golden`.
pub(crate) struct Golden {
    folder: PathBuf,
    wrong: Vec<PathBuf>,
}

impl Golden {
    pub(crate) fn of(folder: &str) -> Self {
        Self {
            folder: Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/golden")
                .join(folder),
            wrong: Vec::new(),
        }
    }

    /// Compares a file with what is shown now.
    pub(crate) fn compare(&mut self, name: &str, shown: &str) {
        let kept = self.folder.join(name);
        if env::var_os("FINGERPOST_BLESS").is_some() {
            fs::create_dir_all(&self.folder).expect("a folder");
            fs::write(&kept, shown).expect("the golden file can be written");
        }
        if fs::read_to_string(&kept).unwrap_or_default() != shown {
            self.wrong.push(kept);
        }
    }

    /// Fails if a file was not as it is shown now.
    #[track_caller]
    pub(crate) fn finish(self) {
        let Self { wrong, .. } = self;
        assert!(
            wrong.is_empty(),
            "run with FINGERPOST_BLESS=1 if that is right: {wrong:?}"
        );
    }
}
