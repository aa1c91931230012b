//! Our own format.

use fingerpost_resources::Diagnostics;

use super::TestFile;
use crate::test::suite::{Inputs, Suite};

/// Reads a file of our own format.
pub(super) fn read(file: &TestFile, _diagnostics: &mut Diagnostics) -> Suite {
    Suite {
        file: file.path.clone(),
        format: "fingerpost",
        inputs: Inputs::default(),
        cases: Vec::new(),
    }
}
