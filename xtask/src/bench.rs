//! The benchmarks: builds what they need, and starts them.

use std::process::Command;

use fingerpost_envoy_runner::VARIABLE;

use crate::build::{self, Profile};
use crate::counts::{self, Then};
use crate::failure::Failure;
use crate::setup;
use crate::workspace::{Workspace, run, say};

const FAILED: &str = "the benchmark failed";

/// Runs a benchmark; `arguments` go to it.
pub(crate) fn run_one(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    match arguments {
        ["counts"] => counts::run_all(workspace, Then::Compare),
        ["counts", "--bless"] => counts::run_all(workspace, Then::Bless),
        ["counts", ..] => Err(Failure::Usage(
            "`cargo xtask bench counts` takes no argument but --bless".to_owned(),
        )),
        ["steps", rest @ ..] => steps(workspace, rest),
        ["requests", ..] => command(workspace, arguments, "fingerpost request"),
        ["commands", ..] => command(workspace, arguments, "fingerpost compile, explain and request"),
        ["publish", ..] => {
            proxies(workspace, arguments)?;
            counts::run_all(workspace, Then::Bless)
        }
        ["render", ..] | ["--help"] => run(benchmark(workspace).args(arguments), FAILED),
        _ => proxies(workspace, arguments),
    }
}

/// Criterion.
fn steps(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    say("bench", "decide, load and compile");
    let mut cargo = workspace.cargo(["bench", "--quiet", "--package", "fingerpost-workload"]);
    cargo
        .args(["--features", "criterion", "--bench", "steps", "--"])
        .args(arguments);
    run(&mut cargo, FAILED)
}

/// A benchmark of the command itself.
fn command(workspace: &Workspace, arguments: &[&str], what: &str) -> Result<(), Failure> {
    let command = build::all(workspace, Profile::Release)?;
    say("bench", what);
    run(
        benchmark(workspace).args(arguments).arg("--command").arg(command),
        FAILED,
    )
}

fn proxies(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    let envoy = setup::envoy(workspace)?;
    build::filters(workspace)?;
    say("bench", "our filter beside Envoy's own router");
    let mut bench = benchmark(workspace);
    bench
        .args(arguments)
        .arg("--module")
        .arg(workspace.module())
        .arg("--empty-module")
        .arg(build::empty_module(workspace))
        .env(VARIABLE, envoy.path());
    run(&mut bench, FAILED)
}

/// The benchmark, as soon as it has its arguments.
fn benchmark(workspace: &Workspace) -> Command {
    let package = ["--package", "fingerpost-bench", "--"];
    let mut cargo = workspace.cargo(["run", "--quiet", "--profile", "bench"]);
    cargo.args(package);
    cargo
}
