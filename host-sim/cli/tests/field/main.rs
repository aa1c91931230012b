//! Configurations that real users met, and what the command must say about each.
//!
//! A case is a folder in `cases/`: the input, and `case.json` with the reason and the commands (`case.rs` has its
//! fields). The expectations come from what Istio and a stock Envoy do, never from what the command printed.
//! `cargo test -p fingerpost-cli --test field -- NAME` runs the cases whose name contains NAME.

mod case;
mod step;

use std::fs;
use std::path::Path;
use std::thread;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // Much of a case is waiting for Envoy.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(cores + 2);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field/cases");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut trials: Vec<Trial> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .map(|path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            Trial::test(format!("field: {name}"), move || {
                case::run(&path).map_err(Failed::from)
            })
        })
        .collect();
    trials.sort_by(|one, other| one.name().cmp(other.name()));
    libtest_mimic::run(&arguments, trials).exit();
}
