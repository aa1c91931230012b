//! Reads a test file of whatever format it is.
//!
//! The content decides, not the name: other tools have their own names for their files.

mod checks;
mod expect;
mod fields;
mod native;
mod request;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fingerpost_resources::trees;
use fingerpost_resources::yaml::Node;
use fingerpost_resources::{Diagnostics, Place, Source, Span};

use crate::foreign;
use crate::suite::Suite;

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

/// The tests of a file; what is wrong with it is reported. None if there are errors.
///
/// `read_text` reads a file that a test names: the plugin tester's files may keep requests beside them.
pub fn read(
    path: &Path,
    source: &Source,
    read_text: ReadText,
    diagnostics: &mut Diagnostics,
) -> Option<Suite> {
    let mut found = Diagnostics::new();
    let file = TestFile {
        path: path.to_owned(),
        file: Arc::from(source.name.as_str()),
        text: source.text.clone(),
        read_text,
        // Proto's text form is not for a reader of YAML.
        documents: match foreign::is_text_form(&source.text) {
            true => Vec::new(),
            false => trees(source, &mut found),
        },
    };
    let mut foreign_findings = Diagnostics::new();
    let suite = match foreign::read(&file, &mut foreign_findings) {
        Some(suite) => {
            found.extend(foreign_findings);
            Some(suite)
        }
        None if found.has_errors() => None,
        None if file.documents.iter().any(|it| checks::is_one(it)) => Some(checks::read(&file, &mut found)),
        None => Some(native::read(&file, &mut found)),
    };
    found.sort_by_place();
    let good = !found.has_errors();
    diagnostics.extend(found);
    suite.filter(|_| good)
}
