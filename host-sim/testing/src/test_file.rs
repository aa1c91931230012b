//! A test file before its format is known: its text, its documents and where it is.
//!
//! Which format it has is decided in `read`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fingerpost_resources::yaml::Node;
use fingerpost_resources::{Place, Span};

/// How the caller reads a text file.
pub type ReadText = fn(&Path) -> io::Result<String>;

/// A test file before its format is known.
pub(crate) struct TestFile {
    /// The path, relative to the working directory or absolute.
    pub(crate) path: PathBuf,
    /// The name that spans have: the path as text.
    pub(crate) file: Arc<str>,
    /// The text.
    pub(crate) text: String,
    /// Reads a file that a test names.
    pub(crate) read_text: ReadText,
    /// The YAML (or JSON) documents in it that are not empty. None where it is neither.
    pub(crate) documents: Vec<Arc<Node>>,
}

impl TestFile {
    /// A place in this file.
    pub(crate) fn span(&self, place: Place) -> Span {
        place.in_file(&self.file)
    }

    /// The folder of this file.
    pub(crate) fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        }
    }
}
