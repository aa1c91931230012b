//! The frame of a test file that is a protobuf message: router_check_tool's and the plugin tester's.
//!
//! Both are read alike: every document in turn, unknown fields refused, ignored fields named once for the file. What a
//! document holds is decided by the reader of each format.

use std::sync::Arc;

use fingerpost_resources::Diagnostics;
use fingerpost_resources::yaml::Node;

use super::fields::{Reader, Unknown};
use super::ignored_fields::IgnoredFields;
use crate::suite::{Case, Inputs, Suite};
use crate::test_file::TestFile;

/// A file in one of the forms of a protobuf message.
pub(super) struct ProtoFile<'f> {
    pub(super) file: &'f TestFile,
    pub(super) documents: &'f [Arc<Node>],
    /// In the text form a repeated field may be written once, without a list.
    pub(super) is_text_form: bool,
}

impl ProtoFile<'_> {
    /// The suite with the cases that `cases` reads from each document.
    pub(super) fn suite(
        &self,
        format: &'static str,
        diagnostics: &mut Diagnostics,
        cases: impl Fn(&mut Reader<'_>, &Node, &mut IgnoredFields) -> Vec<Case>,
    ) -> Suite {
        let mut reader = Reader {
            file: self.file,
            diagnostics,
            unknown: Unknown::Refused,
            lists_are_implied: self.is_text_form,
        };
        let mut ignored_fields = IgnoredFields::default();
        let cases = self
            .documents
            .iter()
            .flat_map(|document| cases(&mut reader, document, &mut ignored_fields))
            .collect();
        ignored_fields.tell(reader.diagnostics);
        Suite {
            file: self.file.path.clone(),
            format,
            inputs: Inputs::default(),
            cases,
        }
    }
}
