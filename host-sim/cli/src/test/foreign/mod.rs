//! Test files of other tools, read as they are.
//!
//! The content tells whose they are. Each format has a reader that turns it into a suite. How requests are answered and judged is not known here.

mod fields;
mod implied;
mod rule_block;
mod validator;

use fingerpost_resources::Diagnostics;

use super::read::TestFile;
use super::suite::Suite;

pub(crate) use implied::imply;
pub(crate) use rule_block::{Compared, RuleBlock};

/// The suite of a file that is of another tool. None: it is of no format that is known here.
pub(super) fn read(file: &TestFile, diagnostics: &mut Diagnostics) -> Option<Suite> {
    if file.documents.iter().any(|it| validator::is_one(it)) {
        return Some(validator::read(file, diagnostics));
    }
    None
}
