//! Chores of the repository, as `cargo xtask <verb>`: what a developer would have to know by heart otherwise.
//!
//! It sets up what it needs (the Wasm target, Envoy, cargo-deny) below the target folder and says so; it decides
//! nothing about the product.

mod bench;
mod build;
mod checks;
mod compose;
mod conformance;
mod core_as_wasm;
mod counts;
mod dist;
mod docs;
mod failure;
mod fuzz;
mod packages;
mod reproducible;
mod setup;
mod tally;
mod up;
mod workspace;

use std::process::ExitCode;

use failure::Failure;
use workspace::Workspace;

/// At most 80 columns wide: nothing wraps it.
const HELP: &str = "\
Usage: cargo xtask <verb>

To begin with:
  up [EXAMPLE]           set everything up, then run an example (the first one)
  up [EXAMPLE] --check   check what the example expects; with real servers too
                         where it names some, whose Debian packages are
                         installed if need be
  test                   set everything up, then run all tests, the core's as
                         wasm32 too
  test -- ARGUMENTS      those of `cargo test ARGUMENTS`

To build:
  build [--release]      the filters for Envoy, then the `fingerpost` command
                         with the filter inside it
  build --check-reproducible
                         the filter's module in two folders: are they equal?
  dist [TARGET…]         archives of a static `fingerpost` for x86-64 and arm64
                         Linux, with completions, manual pages, licences, an
                         SBOM and checksums, in target/dist
  docs                   write the generated pages of docs/ again

To check:
  ci                     everything that must hold before a change lands: tests,
                         compose-test, format, lints, documents, licences
  compose-test           bring up envoy/compose by docker compose, ask it, change
                         a rule, ask again, take it down. By the Docker daemon
                         that runs; else, as root, by one that it starts (and
                         by Debian's Docker, which it installs if need be)
  fuzz [TARGET] [--seconds N]
                         look for inputs that break `decide`, `load` or the
                         reading of `yaml`; `fuzz guest`: guests that break the
                         simulator, whose first build takes some minutes
  bench [--quick] [ARGUMENTS]
                         our filter beside Envoy's own router, an empty filter
                         and Lua; `cargo xtask bench --help` tells more
  bench steps            criterion's benchmarks of `decide`, `load`, `compile`
  bench counts [--bless] compare the instructions that they take with the
                         baseline, or renew it; needs valgrind
  bench requests         how quick `fingerpost request` is
  bench commands         how long `compile`, `explain` and `request` take on
                         large inputs, and how much memory
  bench publish          measure all that the documents show, write it there,
                         and renew the baseline
  sync-conformance       renew the copy of the conformance corpus from the
                         folder beside the repository

Exit codes: 0 done; 1 findings or failed tests; 2 usage error; 4 no test ran;
5 environment (a tool or file is missing).
Envoy is looked for in FINGERPOST_ENVOY and on the PATH, and installed below
the target folder if it is in neither.
";

fn main() -> ExitCode {
    if let Some(code) = fuzz::as_compiler() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Failure> {
    let usage = || {
        Failure::Usage(format!(
            "unknown verb `{}`: see `cargo xtask help`",
            arguments.join(" ")
        ))
    };
    if matches!(arguments, [] | ["help" | "--help" | "-h", ..]) {
        print!("{HELP}");
        return Ok(());
    }
    let workspace = Workspace::find()?;
    match arguments {
        ["build"] => build::all(&workspace, build::Profile::Dev).map(drop),
        ["build", "--check-reproducible"] => reproducible::check(&workspace),
        ["build", "--release"] => build::all(&workspace, build::Profile::Release).map(drop),
        ["dist", rest @ ..] if rest.iter().all(|it| !it.starts_with('-')) => dist::run(&workspace, rest),
        ["up", rest @ ..] => up::run(&workspace, &up::Request::parse(rest)?),
        ["test"] => checks::test(&workspace, &[]),
        ["test", "--", rest @ ..] => checks::test(&workspace, rest),
        ["compose-test"] => compose::test(&workspace),
        ["compose-test", compose::ISOLATED, envoy, fingerpost] => {
            compose::test_isolated(&workspace, envoy.as_ref(), fingerpost.as_ref())
        }
        ["ci"] => checks::ci(&workspace),
        ["docs"] => docs::write(&workspace),
        ["fuzz", rest @ ..] => fuzz::run(&workspace, &fuzz::Request::parse(rest)?),
        ["bench", rest @ ..] => bench::run_one(&workspace, rest),
        ["sync-conformance"] => conformance::sync(&workspace),
        _ => Err(usage()),
    }
}
