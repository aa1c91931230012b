//! Counts the instructions of a fixed set of steps by callgrind, and compares them with the baseline in the repository.
//!
//! Time differs from run to run; a count does not. It must not differ between machines either, so it is narrow:
//! - Only instructions of the program itself count. Those of the C library do not: it has other code for other processors
//!   and releases. What the program asks of it is visible in the number of allocations, which is compared too.
//! - Callgrind shows every program the same processor, as long as the machine has AVX2, and the same addresses. The
//!   environment is empty and the program is run by a relative path, because both lie on its stack.
//! - The compiler is the pinned one, and the crates those of `Cargo.lock`: an update of either renews the baseline.
//!
//! What remains is the random seed of Rust's hash maps; it changes less than a hundredth, and the margin is [`MARGIN`].

mod baseline;
mod callgrind;
mod difference;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::build::rustc;
use crate::failure::Failure;
use crate::workspace::{Workspace, does_not_run, run, say};
use baseline::{Baseline, Cost};

/// How much more than the baseline is a finding, in hundredths.
const MARGIN: u64 = 5;
/// The package of the counted program, and the program.
const PACKAGE: &str = "fingerpost-workload";
const PROGRAM: &str = "fingerpost-counted";
/// The profile that it is built with.
const PROFILE: &str = "bench";
/// The folder of that profile in the target folder: it shares that of the release.
const FOLDER: &str = "release";
/// The baseline, in the repository.
const BASELINE: &str = "xtask/bench/instructions.json";
/// How the baseline is renewed.
const BLESS: &str = "cargo xtask bench counts --bless";

/// The steps, and the tables that they are counted with. Small tables where a step costs much for each rule.
const CASES: [Case; 15] = [
    Case::new("decide", "exact", 1000),
    Case::new("decide", "prefix", 1000),
    Case::new("decide", "regex", 1000),
    Case::new("decide", "header", 1000),
    Case::new("decide", "hosts", 1000),
    Case::new("decide", "mix", 1000),
    Case::new("load", "exact", 1000),
    Case::new("load", "prefix", 1000),
    Case::new("load", "regex", 100),
    Case::new("load", "header", 1000),
    Case::new("load", "hosts", 1000),
    Case::new("load", "mix", 1000),
    Case::new("compile", "hosts", 100),
    Case::new("compile", "mix", 10),
    Case::new("compile", "mix", 100),
];

/// A step and the table that it is counted with.
#[derive(Debug, Clone, Copy)]
struct Case {
    step: &'static str,
    kind: &'static str,
    rules: usize,
}

/// What to do with the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Compare them with the baseline.
    Compare,
    /// Make them the baseline.
    Bless,
}

/// Counts every case, and compares or renews the baseline.
pub(crate) fn run_all(workspace: &Workspace, then: Then) -> Result<(), Failure> {
    let host = crate::build::host()?;
    if !host.starts_with("x86_64-unknown-linux-") {
        say(
            "note",
            format_args!(
                "the baseline of instruction counts is for x86-64 Linux: nothing is compared on {host}"
            ),
        );
        return Ok(());
    }
    require_valgrind()?;
    say("build", format_args!("{PROGRAM}, as it is released"));
    let mut cargo = workspace.cargo(["build", "--quiet", "--locked", "--profile", PROFILE]);
    cargo.args(["--package", PACKAGE, "--bin", PROGRAM]);
    run(&mut cargo, "the counted program does not build")?;
    say("count", format_args!("{} steps, by callgrind", CASES.len()));
    let now = Baseline {
        rustc: rustc("release")?,
        cases: count_all(workspace)?.into_iter().collect(),
    };
    let file = workspace.root.join(BASELINE);
    match then {
        Then::Bless => {
            let text = now.to_json().map_err(Failure::Surroundings)?;
            fs::write(&file, text).map_err(|error| Failure::file(&file, &error))?;
            say("write", workspace.shown(&file));
            Ok(())
        }
        Then::Compare => compare(&file, &now),
    }
}

fn compare(file: &Path, now: &Baseline) -> Result<(), Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
    let before = Baseline::parse(&text)
        .map_err(|error| Failure::Surroundings(format!("{BASELINE}: {error}; renew it by `{BLESS}`")))?;
    let report = difference::report(&before, now, MARGIN);
    print!("{report}");
    if report.is_fine() {
        return Ok(());
    }
    Err(Failure::Found(format!(
        "instruction counts rose by more than {MARGIN} %, or do not fit {BASELINE}: see above. If this is intended, renew \
         the baseline by `{BLESS}` and commit it"
    )))
}

fn require_valgrind() -> Result<(), Failure> {
    let version = Command::new("valgrind").arg("--version").output();
    match version {
        Ok(output) if output.status.success() => {
            say(
                "setup",
                format_args!("{} … present", String::from_utf8_lossy(&output.stdout).trim()),
            );
            Ok(())
        }
        Ok(_) | Err(_) => Err(Failure::Surroundings(
            "valgrind is missing, which counts instructions: install it by `apt-get install valgrind`"
                .to_owned(),
        )),
    }
}

/// The cost of each case, by its name. Two run at a time: more would not fit everywhere.
fn count_all(workspace: &Workspace) -> Result<Vec<(String, Cost)>, Failure> {
    let folder = workspace.target.join("counts");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let program = folder.join(PROGRAM);
    let built = workspace.target.join(FOLDER).join(PROGRAM);
    fs::copy(&built, &program).map_err(|error| Failure::file(&built, &error))?;
    let mut tables: Vec<String> = CASES.iter().map(Case::table).collect();
    tables.sort();
    tables.dedup();
    let mut write = Command::new(&program);
    write.args(["write", "."]).args(tables).current_dir(&folder);
    run(&mut write, "the tables that are counted do not compile")?;

    let next = AtomicUsize::new(0);
    let worker = || {
        let mut counted = Vec::new();
        while let Some(case) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
            counted.push((case.name(), case.count(&folder)?));
        }
        Ok(counted)
    };
    thread::scope(|scope| {
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        let mut counted = Vec::new();
        for worker in workers {
            let stopped = || Failure::Surroundings("a thread that counts stopped".to_owned());
            counted.extend(worker.join().map_err(|_| stopped())??);
        }
        Ok(counted)
    })
}

impl Case {
    const fn new(step: &'static str, kind: &'static str, rules: usize) -> Self {
        Self { step, kind, rules }
    }

    fn name(&self) -> String {
        format!("{} {} {}", self.step, self.kind, self.rules)
    }

    fn table(&self) -> String {
        format!("{}-{}", self.kind, self.rules)
    }

    /// The instructions of the step done once; the allocations as the difference between twice and once, because
    /// callgrind counts calls outside of the step too.
    fn count(&self, folder: &Path) -> Result<Cost, Failure> {
        let once = self.callgrind(1, folder)?;
        let twice = self.callgrind(2, folder)?;
        Ok(Cost {
            allocations: twice.allocations.saturating_sub(once.allocations),
            ..once
        })
    }

    fn callgrind(&self, times: u32, folder: &Path) -> Result<Cost, Failure> {
        let file = format!("{}-{}-{times}.callgrind", self.step, self.table());
        let mut valgrind = Command::new("valgrind");
        valgrind
            .args([
                "--quiet",
                "--tool=callgrind",
                "--toggle-collect=fingerpost_counted::counted*",
            ])
            .args(["--compress-strings=no", "--compress-pos=no", "--dump-line=no"])
            .arg(format!("--callgrind-out-file={file}"))
            .arg(format!("./{PROGRAM}"))
            .args([
                "run",
                self.step,
                self.kind,
                &self.rules.to_string(),
                &times.to_string(),
                ".",
            ])
            .current_dir(folder)
            // The program gets this environment too, on its stack.
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::null());
        let output = valgrind
            .output()
            .map_err(|error| does_not_run(&valgrind, &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::Found(format!("{}: {}", self.name(), said.trim())));
        }
        let file = folder.join(file);
        let text = fs::read_to_string(&file).map_err(|error| Failure::file(&file, &error))?;
        callgrind::read(&text, PROGRAM)
            .map_err(|error| Failure::Surroundings(format!("{}: {error}", file.display())))
    }
}
