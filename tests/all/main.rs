//! Runs the house rules and puts the corpus to every engine.
//!
//! `cargo test -p fingerpost-tests -- core` runs what has `core` in its name. `FINGERPOST_SCENARIO=cors` asks only
//! scenarios whose name contains it, `FINGERPOST_VERBOSE=1` prints a table, `FINGERPOST_BLESS=1` raises the floors.

mod engines;
mod house;
mod tables;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(
        house::RULES
            .iter()
            .map(|(name, rule)| trial(&format!("house: {name}"), *rule)),
    );
    trials.push(trial(
        "tables: equal those of the control plane",
        tables::equal_those_of_the_control_plane,
    ));
    trials.push(trial("core", engines::core));
    trials.push(trial("core: shares", engines::shares));
    trials.push(trial("envoy: its own router", engines::envoys_own_router));
    trials.push(trial("envoy: the filter as wasm", engines::wasm_in_envoy));
    trials.push(trial("harness: the control plane's tables", engines::control_plane).with_ignored_flag(true));
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(name: &str, run: impl FnOnce() -> Result<(), String> + Send + 'static) -> Trial {
    Trial::test(name, || run().map_err(Failed::from))
}
