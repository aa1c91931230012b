//! Writes the pages of `docs/` that are made of data: the fields and the rules.
//!
//! The tests that hold these pages make them. With `FINGERPOST_ACCEPT` they write what they make.

use crate::failure::Failure;
use crate::workspace::{Workspace, run, say};

/// The tests that hold generated pages.
const TESTS: [&str; 2] = ["fields", "pages"];

pub(crate) fn write(workspace: &Workspace) -> Result<(), Failure> {
    say("write", "docs/fields.md, docs/rules, docs/SUMMARY.md");
    // The whole workspace, as for all tests: other features would build most of the dependencies once more.
    let mut cargo = workspace.cargo(["test", "--quiet", "--workspace"]);
    for test in TESTS {
        cargo.args(["--test", test]);
    }
    run(cargo.env("FINGERPOST_ACCEPT", "1"), "a page can't be made")
}
