//! Test files of other tools, read as they are.
//!
//! The content tells whose they are. Each format has a reader that turns it into a suite. How requests are answered and judged is not known here.

mod detect;
mod dropped_delegates;
mod fields;
mod header_matcher;
mod header_want;
mod ignored_fields;
mod plugin_input;
mod plugin_tester;
mod proto_suite;
mod proto_text;
mod route_lookup;
mod router_check;
mod rule_block;
mod validator;

use std::sync::Arc;

use fingerpost_resources::yaml::Node;
use fingerpost_resources::{Code, Diagnostics};

use crate::suite::Suite;
use crate::test_file::TestFile;

use proto_suite::ProtoFile;

pub(crate) use dropped_delegates::dropped;
pub(crate) use rule_block::Compared;

/// The first field of a file in proto's text form: router_check_tool's, and the plugin tester's.
const TEXT_FORM: [&[&str]; 2] = [&["tests"], &["test", "env"]];

/// The suite of a file that is of another tool. None: it is of no format that is known here.
pub(super) fn read(file: &TestFile, diagnostics: &mut Diagnostics) -> Option<Suite> {
    if is_text_form(&file.text) {
        return Some(read_text_form(file, diagnostics));
    }
    let documents = file.documents.as_slice();
    if documents.iter().any(|it| validator::is_one(it)) {
        return Some(validator::read(file, diagnostics));
    }
    let proto_file = ProtoFile {
        file,
        documents,
        is_text_form: false,
    };
    if documents.iter().any(|it| router_check::is_one(it)) {
        return Some(router_check::read(&proto_file, diagnostics));
    }
    if documents.iter().any(|it| plugin_tester::is_one(it)) {
        return Some(plugin_tester::read(&proto_file, diagnostics));
    }
    None
}

/// Whether a file is in proto's text form, which is not YAML.
pub(super) fn is_text_form(text: &str) -> bool {
    TEXT_FORM.iter().any(|it| proto_text::begins_with(text, it))
}

/// Whether a text, in whatever form, is a test file of another tool; without reading it to the end.
pub fn is_test_file(text: &str) -> bool {
    is_text_form(text) || detect::like_a_test(text)
}

fn read_text_form(file: &TestFile, diagnostics: &mut Diagnostics) -> Suite {
    let documents: Vec<Arc<Node>> = match proto_text::parse(&file.text) {
        Ok(root) => vec![Arc::new(root)],
        Err(error) => {
            let message = format!("this is not in proto's text form: {}", error.message);
            diagnostics
                .error(Code::TestFile, message)
                .at(file.span(error.place));
            Vec::new()
        }
    };
    let proto_file = ProtoFile {
        file,
        documents: &documents,
        is_text_form: true,
    };
    if proto_text::begins_with(&file.text, TEXT_FORM[0]) {
        router_check::read(&proto_file, diagnostics)
    } else {
        plugin_tester::read(&proto_file, diagnostics)
    }
}
