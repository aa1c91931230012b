//! Tests, and all that must hold before a change lands. Nothing is skipped: what can't be checked fails.

use std::path::Path;
use std::process::Command;
use std::time::Instant;
use std::{env, thread};

use fingerpost_envoy_runner::VARIABLE;

use crate::build::{self, FILTERS, Profile};
use crate::compose;
use crate::core_as_wasm;
use crate::counts;
use crate::failure::Failure;
use crate::fuzz;
use crate::reproducible;
use crate::setup::{self, WASM_TARGET};
use crate::tally::Tally;
use crate::up;
use crate::workspace::{Workspace, run, say};

/// How many tests of a program run at once.
const THREADS: &str = "RUST_TEST_THREADS";

/// Sets everything up and runs all tests; `arguments` go to `cargo test`.
pub(crate) fn test(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    let (mut tally, is_ok) = tests(workspace, arguments)?;
    let mut outcome = judge(&tally, is_ok);
    if arguments.is_empty() {
        outcome = outcome.and(core_tests(workspace, &mut tally));
    }
    repeat(&tally);
    println!("{tally}");
    outcome
}

/// What failed tests said, once more: the end of a long log is what people see.
fn repeat(tally: &Tally) {
    for line in tally.failures() {
        println!("{line}");
    }
}

/// Runs the core's tests as wasm32, and adds them to the tally.
fn core_tests(workspace: &Workspace, tally: &mut Tally) -> Result<(), Failure> {
    let (core, is_ok) = core_as_wasm::tests(workspace)?;
    let outcome = judge(&core, is_ok);
    tally.add(core);
    outcome
}

/// Sets everything up and runs all tests, and says how many and whether all was well.
fn tests(workspace: &Workspace, arguments: &[&str]) -> Result<(Tally, bool), Failure> {
    let envoy = setup::envoy(workspace)?;
    build::filters(workspace)?;
    build::precompiled(workspace, Profile::Dev)?;
    say("test", "cargo test --workspace");
    let mut cargo = workspace.cargo(["test", "--workspace", "--no-fail-fast"]);
    cargo.args(arguments).env(VARIABLE, envoy.path());
    if env::var_os(THREADS).is_none() {
        // Most tests wait for a process that they have started.
        let cores = thread::available_parallelism().map_or(1, usize::from);
        cargo.env(THREADS, (cores + 2).to_string());
    }
    Tally::run(&mut cargo)
}

fn judge(tally: &Tally, is_ok: bool) -> Result<(), Failure> {
    match (is_ok, tally.failed) {
        (true, _) if tally.passed == 0 => Err(Failure::NoTests),
        (true, _) => Ok(()),
        (false, 0) => Err(Failure::Found(
            "the tests do not build, or one ended its program".to_owned(),
        )),
        (false, failed) => Err(Failure::Found(format!("{failed} tests failed"))),
    }
}

/// Runs every check, also after one has failed, so that one run tells all.
pub(crate) fn ci(workspace: &Workspace) -> Result<(), Failure> {
    let start = Instant::now();
    let mut failures = Vec::new();
    let mut check = |name: &'static str, outcome: Result<(), Failure>| {
        if let Err(failure) = outcome {
            say("FAILED", format_args!("{name}: {failure}"));
            failures.push((name, failure));
        }
        say(
            "time",
            format_args!("{:.0} s after the start", start.elapsed().as_secs_f64()),
        );
    };

    check("format", format(workspace));
    let mut tally = Tally::default();
    let outcome = tests(workspace, &[]).and_then(|(counted, is_ok)| {
        tally = counted;
        judge(&tally, is_ok)
    });
    check("tests", outcome);
    check("tests as wasm32", core_tests(workspace, &mut tally));
    check("docker compose", compose::test(workspace));
    check("real servers", up::check_with_servers(workspace));
    check("fuzz", fuzz::run(workspace, &fuzz::Request::default()));
    check(
        "instruction counts",
        counts::run_all(workspace, counts::Then::Compare),
    );
    check("lints", lints(workspace));
    check("lints for Wasm", wasm_lints(workspace));
    check("documents", documents(workspace));
    check("dependencies", dependencies(workspace));
    check("reproducible module", reproducible::check(workspace));
    check("packages", packages(workspace));

    repeat(&tally);
    for (name, failure) in &failures {
        say("FAILED", format_args!("{name}: {failure}"));
    }
    // The last line of the output, and one that a script can read.
    println!("{tally}");
    let names: Vec<_> = failures.iter().map(|(name, _)| *name).collect();
    match failures.into_iter().next() {
        None => Ok(()),
        Some((_, only)) if names.len() == 1 => Err(only),
        Some(_) => Err(Failure::Found(format!(
            "these checks failed: {}",
            names.join(", ")
        ))),
    }
}

fn format(workspace: &Workspace) -> Result<(), Failure> {
    say("check", "cargo fmt");
    run(
        &mut workspace.cargo(["fmt", "--all", "--check"]),
        "the code is not formatted: run `cargo fmt --all`",
    )
}

fn lints(workspace: &Workspace) -> Result<(), Failure> {
    say("check", "cargo clippy");
    let mut cargo = workspace.cargo([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    run(&mut cargo, "clippy has found something")?;
    // Criterion is behind a feature.
    let mut cargo = workspace.cargo(["clippy", "--quiet", "--package", "fingerpost-workload"]);
    cargo.args(["--features", "criterion", "--benches", "--", "-D", "warnings"]);
    run(&mut cargo, "clippy has found something in the micro-benchmarks")
}

/// The filters once more as Envoy gets them: their shims exist for that target only.
fn wasm_lints(workspace: &Workspace) -> Result<(), Failure> {
    setup::rust_target(workspace, WASM_TARGET)?;
    for filter in FILTERS {
        say("check", format_args!("cargo clippy for {WASM_TARGET}: {filter}"));
        let mut cargo = build::for_envoy(workspace, "clippy")?;
        cargo.args(["--quiet", "--package", filter, "--", "-D", "warnings"]);
        run(&mut cargo, "clippy has found something in the filter")?;
    }
    Ok(())
}

fn documents(workspace: &Workspace) -> Result<(), Failure> {
    say("check", "cargo doc");
    let mut cargo = workspace.cargo(["doc", "--quiet", "--workspace", "--no-deps"]);
    run(
        cargo.env("RUSTDOCFLAGS", "-D warnings"),
        "the documents have mistakes",
    )
}

/// What a registry would refuse of the crates that others can use. They are not built once more from their packages.
fn packages(workspace: &Workspace) -> Result<(), Failure> {
    say("check", "cargo publish --dry-run");
    let mut cargo = workspace.cargo(["publish", "--quiet", "--dry-run", "--workspace", "--no-verify"]);
    run(
        cargo
            .args(["--allow-dirty", "--locked", "--target-dir"])
            .arg(workspace.target.join("package")),
        "a crate cannot be published as it is",
    )
}

/// Licences, banned crates and sources; advisories where their database can be had.
fn dependencies(workspace: &Workspace) -> Result<(), Failure> {
    let cargo_deny = setup::cargo_deny(workspace)?;
    say("check", "cargo deny: licences, bans, sources");
    let mut deny = deny(workspace, &cargo_deny);
    run(
        deny.args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]),
        "cargo-deny has found something",
    )?;

    let fetched = self::deny(workspace, &cargo_deny).args(["fetch", "db"]).output();
    if !fetched.is_ok_and(|output| output.status.success()) {
        say(
            "note",
            "the database of advisories can't be reached from here: they are not checked",
        );
        return Ok(());
    }
    say("check", "cargo deny: advisories");
    let mut deny = self::deny(workspace, &cargo_deny);
    run(
        deny.args(["check", "--hide-inclusion-graph", "advisories"]),
        "a dependency has a known weakness",
    )
}

fn deny(workspace: &Workspace, cargo_deny: &Path) -> Command {
    let mut command = Command::new(cargo_deny);
    command
        .args(["--workspace", "--all-features"])
        .current_dir(&workspace.root);
    command
}
