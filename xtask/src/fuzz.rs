//! The fuzz targets of `tests/fuzz`: built with libFuzzer's instrumentation, fed with seeds and the corpus.
//!
//! A stable toolchain is enough: coverage is LLVM's own, and there is no unsafe code for a sanitizer to watch.
//! What was found before is kept below the target folder, so that a longer run goes on where the last one ended.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::{env, fs};

use crate::build::host;
use crate::failure::Failure;
use crate::workspace::{Workspace, run as run_to_end, say};

/// Coverage for libFuzzer, and our own assertions.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Ccodegen-units=1";

/// Each target, with the folders that its first inputs come from.
const TARGETS: [(&str, &[&str]); 4] = [
    ("decide", &["tests/fuzz/seeds/decide"]),
    ("guest", &["tests/fuzz/seeds/guest"]),
    ("load", &["tests/fuzz/seeds/load"]),
    (
        "yaml",
        &[
            "tests/conformance/routing",
            "tests/conformance/validation",
            "examples",
        ],
    ),
];

/// The target that runs only when it is named. It needs a build apart: its program holds wasmtime's compiler, which
/// takes half an hour to build with instrumentation and tells the fuzzer nothing about our own code, so only the
/// workspace's crates are instrumented there. Its seeds and a fixed set of random guests are in the tests.
const ON_DEMAND: &str = "guest";

/// Set for the compiler calls of that build: see [`as_compiler`].
const INSTRUMENT: &str = "FINGERPOST_XTASK_INSTRUMENT";

/// How long a target runs by default.
const SECONDS: u32 = 20;

/// What is to be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    target: Option<&'a str>,
    seconds: u32,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self {
            target: None,
            seconds: SECONDS,
        }
    }
}

impl<'a> Request<'a> {
    pub(crate) fn parse(arguments: &[&'a str]) -> Result<Self, Failure> {
        let usage = || Failure::Usage("expected `fuzz [decide|guest|load|yaml] [--seconds N]`".to_owned());
        let mut request = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match *argument {
                "--seconds" => {
                    request.seconds = rest.next().and_then(|it| it.parse().ok()).ok_or_else(usage)?;
                }
                name if TARGETS.iter().any(|(target, _)| *target == name) => request.target = Some(name),
                _ => return Err(usage()),
            }
        }
        Ok(request)
    }
}

/// Builds the targets and runs those that are wanted.
pub(crate) fn run(workspace: &Workspace, request: &Request<'_>) -> Result<(), Failure> {
    let folder = match request.target {
        Some(ON_DEMAND) => build_guest(workspace)?,
        Some(_) | None => build(workspace)?,
    };
    for (target, seeds) in TARGETS {
        if request
            .target
            .map_or(target != ON_DEMAND, |wanted| wanted == target)
        {
            say("fuzz", format_args!("{target}, {} s", request.seconds));
            fuzz(
                workspace,
                &folder.join(format!("fuzz-{target}")),
                target,
                seeds,
                request.seconds,
            )?;
        }
    }
    Ok(())
}

/// Acts as `rustc` where cargo compiles a crate of the workspace for the `guest` target, and adds the flags.
///
/// Returns `None` in every other call of this program.
pub(crate) fn as_compiler() -> Option<ExitCode> {
    env::var_os(INSTRUMENT)?;
    let mut arguments = env::args_os().skip(1);
    let mut rustc = Command::new(arguments.next()?);
    let status = rustc.args(arguments).args(FLAGS.split_whitespace()).status();
    Some(match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: cannot start rustc: {error}");
            ExitCode::FAILURE
        }
    })
}

/// The folder of the programs of all targets but `guest`, with every crate instrumented. No other build has these
/// flags, so they have a separate target folder.
fn build(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let mut cargo = cargo(workspace, "fuzz", "libfuzzer")?;
    run_to_end(cargo.env("RUSTFLAGS", FLAGS), "the fuzz targets do not build")?;
    Ok(workspace.target.join("fuzz").join(host()?).join("release"))
}

/// The folder of the program of the `guest` target, with the workspace's crates instrumented.
fn build_guest(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let this = env::current_exe()
        .map_err(|error| Failure::Surroundings(format!("cannot find the path of xtask: {error}")))?;
    let mut cargo = cargo(workspace, "fuzz-guest", "guest,libfuzzer")?;
    cargo.env("RUSTC_WORKSPACE_WRAPPER", this).env(INSTRUMENT, "1");
    run_to_end(&mut cargo, "the fuzz target `guest` does not build")?;
    Ok(workspace.target.join("fuzz-guest").join(host()?).join("release"))
}

fn cargo(workspace: &Workspace, folder: &str, features: &str) -> Result<Command, Failure> {
    say("build", "the fuzz targets (libFuzzer needs a C++ compiler)");
    let mut cargo = workspace.cargo(["build", "--quiet", "--release", "--package", "fingerpost-fuzz"]);
    // A named target keeps the flags from build scripts, which have no fuzzer to report to.
    cargo
        .args(["--no-default-features", "--features", features])
        .args(["--target", &host()?, "--target-dir"])
        .arg(workspace.target.join(folder));
    Ok(cargo)
}

fn fuzz(
    workspace: &Workspace,
    program: &std::path::Path,
    target: &str,
    seeds: &[&str],
    seconds: u32,
) -> Result<(), Failure> {
    let found = workspace.target.join("fuzz/found").join(target);
    fs::create_dir_all(&found).map_err(|error| Failure::file(&found, &error))?;
    let log = found.with_extension("log");
    let file = fs::File::create(&log).map_err(|error| Failure::file(&log, &error))?;
    let mut fuzzer = Command::new(program);
    fuzzer.current_dir(&workspace.root).stderr(file);
    fuzzer.args([
        &format!("-max_total_time={seconds}"),
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-max_len=16384",
    ]);
    fuzzer.arg(format!(
        "-artifact_prefix={}/",
        found.with_extension("crash").display()
    ));
    let crashes = found.with_extension("crash");
    fs::create_dir_all(&crashes).map_err(|error| Failure::file(&crashes, &error))?;
    fuzzer.arg(&found).args(seeds);
    let failed = format!(
        "{target} has found a fault: its input lies in {}, the report in {}",
        workspace.shown(&crashes),
        workspace.shown(&log)
    );
    run_to_end(&mut fuzzer, &failed)?;
    let report = fs::read_to_string(&log).unwrap_or_default();
    let done = report.lines().rev().find(|line| line.starts_with("Done "));
    // A fuzzer that ran nothing has found nothing, and shall not count as a check.
    let done =
        done.ok_or_else(|| Failure::Found(format!("{target} did not run: see {}", workspace.shown(&log))))?;
    say("fuzz", format_args!("{target}: {done}, no fault"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_a_target_and_a_time_or_neither() {
        let parsed = |arguments: &[&'static str]| Request::parse(arguments).map_err(|it| it.code());
        assert_eq!(parsed(&[]), Ok(Request::default()));
        assert_eq!(
            parsed(&["load", "--seconds", "5"]),
            Ok(Request {
                target: Some("load"),
                seconds: 5
            })
        );
        assert_eq!(parsed(&["lode"]), Err(2));
        assert_eq!(parsed(&["--seconds"]), Err(2));
    }
}
