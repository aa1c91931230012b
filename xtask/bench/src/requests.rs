//! `fingerpost request`: how many of the recorded cases it answers a second, and how long a single one takes.
//!
//! Measured from outside, as a script would use it. Every answer is compared with what was recorded, for a wrong one
//! may be quicker; whether each field is right in detail is the tests' matter.

use std::fs::{self, File};
use std::io::BufWriter;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fingerpost_workload::{Kind, request, yaml};
use serde_json::Value;
use tempfile::TempDir;

use crate::Failure;
use crate::statistics::median;

/// How the filter runs.
const RUNTIMES: [&str; 2] = ["wasm", "native"];
/// How many requests one process answers where its start is not to count.
const MANY: usize = 20_000;
/// How often a single request is timed.
const TIMES: usize = 15;

/// The command, and the recorded cases.
pub(crate) struct Requests {
    /// The `fingerpost` that is measured.
    pub(crate) command: PathBuf,
    /// The folder of the corpus.
    pub(crate) corpus: PathBuf,
    /// How many rules the tables of a single request have.
    pub(crate) rules: Vec<usize>,
}

struct Scenario {
    folder: PathBuf,
    cases: Vec<Value>,
}

#[derive(Default)]
struct Tally {
    equal: usize,
    different: Vec<String>,
    skipped: usize,
    took: Duration,
}

impl Requests {
    /// Measures everything and prints the tables.
    pub(crate) fn measure(&self) -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        let scenarios = self.scenarios()?;
        let largest = scenarios
            .iter()
            .max_by_key(|it| it.cases.len())
            .ok_or("the corpus is empty")?;
        let mut different = Vec::new();
        println!("| the recorded cases | runtime | equal | different | skipped | seconds | cases/s |");
        println!("|---|---|---:|---:|---:|---:|---:|");
        for runtime in RUNTIMES {
            let mut all = Tally::default();
            for scenario in &scenarios {
                self.ask(scenario, &scenario.cases, runtime, &folder, &mut all)?;
            }
            all.print(
                &format!("a process for each of {} scenarios", scenarios.len()),
                runtime,
            );

            let mut many = Tally::default();
            let cases: Vec<Value> = largest.cases.iter().cycle().take(MANY).cloned().collect();
            self.ask(largest, &cases, runtime, &folder, &mut many)?;
            many.print(&format!("{MANY} lines for one process"), runtime);
            different.extend(all.different.into_iter().chain(many.different));
        }
        println!("\n| a single request | runtime | milliseconds, with its start |");
        println!("|---|---|---:|");
        for rules in &self.rules {
            for runtime in RUNTIMES {
                let took = self.single(*rules, runtime, &folder)?;
                println!("| {rules} rules | {runtime} | {:.1} |", took * 1e3);
            }
        }
        match different.first() {
            None => Ok(()),
            Some(first) => Err(format!("{} answers differ; the first: {first}", different.len()).into()),
        }
    }

    fn scenarios(&self) -> Result<Vec<Scenario>, Failure> {
        let mut scenarios = Vec::new();
        for entry in fs::read_dir(self.corpus.join("routing"))? {
            let folder = entry?.path();
            let cases = serde_json::from_slice(&fs::read(folder.join("cases.json"))?)?;
            scenarios.push(Scenario { folder, cases });
        }
        scenarios.sort_by(|one, other| one.folder.cmp(&other.folder));
        Ok(scenarios)
    }

    /// Puts cases of a scenario to one process.
    fn ask(
        &self,
        scenario: &Scenario,
        cases: &[Value],
        runtime: &str,
        folder: &TempDir,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let requests = folder.path().join("requests.jsonl");
        let mut lines = BufWriter::new(File::create(&requests)?);
        for case in cases {
            writeln!(lines, "{}", case["request"])?;
        }
        lines.into_inner()?.sync_all()?;

        let resources = scenario.folder.join("resources.yaml");
        let mut command = self.request(runtime, folder);
        command
            .arg("-f")
            .arg(self.corpus.join("world.yaml"))
            .arg("-f")
            .arg(&resources)
            .args(proxy(&resources)?)
            .args(["--format", "json", "--requests"])
            .arg(&requests);
        let start = Instant::now();
        let output = command.output()?;
        tally.took += start.elapsed();

        let answers: Vec<Value> = String::from_utf8(output.stdout)?
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        if !output.status.success() || answers.len() != cases.len() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {}: {said}", scenario.folder.display(), output.status).into());
        }
        for (case, answer) in cases.iter().zip(&answers) {
            tally.count(case, answer, &scenario.folder);
        }
        Ok(())
    }

    /// The median time of a request to a table of so many rules, in seconds.
    fn single(&self, rules: usize, runtime: &str, folder: &TempDir) -> Result<f64, Failure> {
        let table = folder.path().join("table.yaml");
        fs::write(&table, yaml(Kind::Exact, rules))?;
        let asked = request(Kind::Exact, rules)?;
        let url = format!("http://{}{}", asked.authority, asked.path);
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let mut command = self.request(runtime, folder);
            command.arg("-f").arg(&table).arg(&url);
            let start = Instant::now();
            let output = command.output()?;
            times.push(start.elapsed().as_secs_f64());
            if !output.stdout.starts_with(b"200 ") {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("a table of {rules} rules: {}: {said}", output.status).into());
            }
        }
        median(times).ok_or_else(|| "no request was timed".into())
    }

    /// `fingerpost request`, with a cache that is empty and can't be written.
    fn request(&self, runtime: &str, folder: &TempDir) -> Command {
        let mut command = Command::new(&self.command);
        command
            .args(["request", "--filter-runtime", runtime])
            .env("XDG_CACHE_HOME", folder.path().join("requests.jsonl")) // a file
            .stdin(Stdio::null());
        command
    }
}

/// The options that the comments at the top of a scenario's resources ask for.
fn proxy(resources: &Path) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(resources)?;
    let comments = [
        ("# proxy-labels:", "--labels"),
        ("# proxy-namespace:", "--proxy-namespace"),
    ];
    let options = comments.into_iter().filter_map(|(comment, flag)| {
        let value = text.lines().find_map(|line| line.strip_prefix(comment))?;
        Some([flag.to_owned(), value.replace(' ', "")])
    });
    Ok(options.flatten().collect())
}

impl Tally {
    fn count(&mut self, case: &Value, answer: &Value, folder: &Path) {
        let directs_the_echo = case["request"]["headers"]
            .as_array()
            .is_some_and(|headers| headers.iter().any(|it| it[0] == "x-echo"));
        let recorded = case["expect_one_of"].as_array();
        let recorded = recorded.map_or(std::slice::from_ref(&case["expect"]), Vec::as_slice);
        if recorded.contains(answer) {
            self.equal += 1;
        } else if directs_the_echo && answer.get("skipped").is_some() {
            self.skipped += 1;
        } else {
            let request = &case["request"];
            self.different
                .push(format!("{}: {request}: {answer}", folder.display()));
        }
    }

    fn print(&self, what: &str, runtime: &str) {
        let all = self.equal + self.different.len() + self.skipped;
        let seconds = self.took.as_secs_f64();
        println!(
            "| {what} | {runtime} | {} | {} | {} | {seconds:.2} | {:.0} |",
            self.equal,
            self.different.len(),
            self.skipped,
            all as f64 / seconds
        );
    }
}
