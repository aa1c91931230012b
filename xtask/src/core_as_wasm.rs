//! The tests of `filters/routing` once more, as wasm32 under Node.js: there a `usize` has 32 bits, and the stack is
//! small, as in Envoy.

use std::process::Stdio;

use crate::failure::Failure;
use crate::setup;
use crate::tally::Tally;
use crate::workspace::{Workspace, does_not_run, say};

/// Not Envoy's target: wasm-bindgen knows this one only.
const TARGET: &str = "wasm32-unknown-unknown";
const RUNNER: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER";
const CORE: [&str; 4] = ["test", "--package", "fingerpost-routing", "--lib"];

/// Sets up what it takes, and runs the tests. The flag says whether all was well.
pub(crate) fn tests(workspace: &Workspace) -> Result<(Tally, bool), Failure> {
    setup::node()?;
    setup::rust_target(workspace, TARGET)?;
    let runner = setup::wasm_test_runner(workspace)?;
    say("test", format_args!("the core as {TARGET}, under Node.js"));
    let mut cargo = workspace.cargo(CORE);
    let (tally, is_ok) = Tally::run(cargo.args(["--target", TARGET]).env(RUNNER, runner))?;
    let (expected, ran) = (native_tests(workspace)?, tally.passed + tally.failed);
    if is_ok && ran != expected {
        return Err(Failure::Found(format!(
            "of the core's {expected} tests {ran} ran as wasm32: each module of tests there needs \
             `use wasm_bindgen_test::wasm_bindgen_test as test;`"
        )));
    }
    Ok((tally, is_ok))
}

/// How many tests the core has on this machine.
fn native_tests(workspace: &Workspace) -> Result<u64, Failure> {
    let mut cargo = workspace.cargo(CORE);
    cargo.args(["--quiet", "--", "--list"]).stderr(Stdio::inherit());
    let output = cargo.output().map_err(|error| does_not_run(&cargo, &error))?;
    let listed = String::from_utf8_lossy(&output.stdout);
    Ok(listed
        .lines()
        .map(|line| u64::from(line.ends_with(": test")))
        .sum())
}
