//! Reads a test file of whatever format it is.
//!
//! The content decides, not the name: other tools have their own names for their files.

mod checks;
mod expect;
mod fields;
#[cfg(test)]
mod json_schema;
mod native;
mod request;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use fingerpost_resources::trees;
use fingerpost_resources::{Diagnostics, Source};

use crate::foreign;
use crate::suite::Suite;
use crate::test_file::{ReadText, TestFile};

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
