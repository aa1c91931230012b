//! `fingerpost compile`, `explain` and `request` on large inputs: how long they take, and how much memory.
//!
//! Measured from outside, as a user would: with the start of the process, the reading of the file, and the writing of the
//! result. Whether the results are right is the tests' matter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fingerpost_workload::{Kind, request, yaml};
use tempfile::TempDir;

use crate::Failure;
use crate::process::{cpu_time, memory};
use crate::statistics::median;

/// How often each command runs.
const TIMES: usize = 3;
/// How long between two looks at a process. Its memory's peak is what the kernel remembers, so nothing is missed but the
/// last moments.
const INTERVAL: Duration = Duration::from_millis(2);

/// The command, and what it is put to.
pub(crate) struct Commands {
    /// The `fingerpost` that is measured.
    pub(crate) command: PathBuf,
    /// The kinds of rules that are compiled.
    pub(crate) kinds: Vec<Kind>,
    /// How many rules there are.
    pub(crate) rules: Vec<usize>,
}

/// What a run took.
#[derive(Default)]
struct Taken {
    seconds: Vec<f64>,
    cpu: Vec<f64>,
    peak_kib: u64,
}

impl Commands {
    /// Measures everything and prints the table.
    pub(crate) fn measure(&self) -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        println!("| command | rules | seconds | CPU s | peak MiB |");
        println!("|---|---|---:|---:|---:|");
        for rules in &self.rules {
            for kind in &self.kinds {
                let file = folder.path().join("rules.yaml");
                fs::write(&file, yaml(*kind, *rules))?;
                let what = format!("{kind} {rules}");
                self.run("compile", &["-o", "out"], &what, &folder)?;
                let asked = request(*kind, *rules)?;
                let url = format!("http://{}{}", asked.authority, asked.path);
                let headers = asked.headers.iter().filter(|(name, _)| name == "x-tenant");
                let headers = headers.map(|(name, value)| format!("-H{name}: {value}"));
                let arguments: Vec<String> = headers.chain([url]).collect();
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                self.run("explain", &arguments, &what, &folder)?;
                self.run("request", &arguments, &what, &folder)?;
            }
        }
        Ok(())
    }

    /// Runs a command on the file and prints what it took: the median time, and the highest peak.
    fn run(&self, verb: &str, arguments: &[&str], what: &str, folder: &TempDir) -> Result<(), Failure> {
        let mut taken = Taken::default();
        for _ in 0..TIMES {
            let mut command = Command::new(&self.command);
            command
                .args([verb, "-f", "rules.yaml"])
                .args(arguments)
                .current_dir(folder.path());
            taken.add(&mut command, folder.path())?;
        }
        let of = |times: Vec<f64>| median(times).ok_or("nothing was timed");
        println!(
            "| {verb} | {what} | {:.2} | {:.2} | {} |",
            of(taken.seconds)?,
            of(taken.cpu)?,
            taken.peak_kib / 1024
        );
        Ok(())
    }
}

impl Taken {
    fn add(&mut self, command: &mut Command, folder: &Path) -> Result<(), Failure> {
        let errors = folder.join("errors");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&errors)?);
        let start = Instant::now();
        let mut child = command.spawn()?;
        let mut cpu = Duration::ZERO;
        let status = loop {
            // Nothing is left to read of a process that has just ended.
            if let (Ok(memory), Ok(time)) = (memory(child.id()), cpu_time(child.id())) {
                self.peak_kib = self.peak_kib.max(memory.peak);
                cpu = time;
            }
            if let Some(status) = child.try_wait()? {
                break status;
            }
            sleep(INTERVAL);
        };
        self.seconds.push(start.elapsed().as_secs_f64());
        self.cpu.push(cpu.as_secs_f64());
        if !status.success() {
            let said = fs::read_to_string(&errors)?;
            return Err(format!("{command:?}: {status}: {said}").into());
        }
        Ok(())
    }
}
