//! Test files of other tools.

use fingerpost_resources::Diagnostics;

use super::read::TestFile;
use super::suite::Suite;

/// The suite of a file that is of another tool. None: it is of no format that is known here.
pub(super) fn read(_file: &TestFile, _diagnostics: &mut Diagnostics) -> Option<Suite> {
    None
}
