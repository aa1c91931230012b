//! The tests of `filters/routing` once more, as wasm32 under Node.js: there a `usize` has 32 bits, and the stack is
//! small, as in Envoy.

use crate::failure::Failure;
use crate::setup::{self, WASM_TARGET};
use crate::tally::Tally;
use crate::workspace::{Workspace, say};

/// Runs a program for Envoy's target under Node.js.
const RUNNER: &str = "xtask/src/wasi.mjs";

/// Sets up what it takes, and runs the tests. The flag says whether all was well.
///
/// A panic ends a program for this target, and with it the tests: what it said must not wait for the end of the test.
pub(crate) fn tests(workspace: &Workspace) -> Result<(Tally, bool), Failure> {
    setup::node()?;
    setup::rust_target(workspace, WASM_TARGET)?;
    say("test", format_args!("the core as {WASM_TARGET}, under Node.js"));
    let runner = workspace.root.join(RUNNER);
    let mut cargo = workspace.cargo([
        "test",
        "--package",
        "fingerpost-routing",
        "--lib",
        "--target",
        WASM_TARGET,
    ]);
    cargo.arg("--config").arg(format!(
        "target.{WASM_TARGET}.runner = ['node', '--no-warnings', '{}']",
        runner.display()
    ));
    Tally::run(cargo.args(["--", "--nocapture"]))
}
