//! Adds up the closing lines of test runners, so that one line at the end tells how many tests ran, and keeps what
//! failed tests said, so that the end of a long log tells that too.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::workspace::does_not_run;

/// Lines that are kept of what failed tests said.
const KEPT: usize = 200;

/// How many tests did what, and what those said that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    failures: Vec<String>,
    is_telling: bool,
}

impl Tally {
    /// Runs a test command, passes its output on, and counts. The flag says whether the command succeeded.
    pub(crate) fn run(command: &mut Command) -> Result<(Self, bool), Failure> {
        command.stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| does_not_run(command, &error))?;
        let mut tally = Self::default();
        let mut lines = BufReader::new(child.stdout.take().ok_or(Failure::NoTests)?);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            // A closed output must not stop the tests.
            let _ = std::io::stdout().write_all(&line);
            tally.read(&String::from_utf8_lossy(&line));
            line.clear();
        }
        let status = child.wait().map_err(|error| does_not_run(command, &error))?;
        Ok((tally, status.success()))
    }

    /// Takes another's counts in.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }

    /// What failed tests said, as their runner printed it.
    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Takes a line in: between `failures:` and the closing line a runner says what went wrong.
    fn read(&mut self, line: &str) {
        self.count(line);
        match line.trim_end() {
            "failures:" => self.is_telling = true,
            closing if closing.starts_with("test result:") => self.is_telling = false,
            said if self.is_telling && self.failures.len() < KEPT => self.failures.push(said.to_owned()),
            _ => {}
        }
    }

    /// Counts a line such as `test result: ok. 19 passed; 0 failed; 1 ignored; 0 measured; …`.
    fn count(&mut self, line: &str) {
        let Some(counts) = line.trim().strip_prefix("test result:") else {
            return;
        };
        let words: Vec<_> = counts
            .split([' ', ';', '.'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let [number, what] = pair else { continue };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match *what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up_and_other_lines_are_not() {
        let mut tally = Tally::default();
        let output = "running 2 tests\ntest a ... ok\n\
            test result: ok. 19 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s\n\
            all 7 passed;\ntest result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 3 filtered out";
        output.lines().for_each(|line| tally.read(line));
        assert_eq!((tally.passed, tally.failed, tally.skipped), (20, 2, 1));
        assert!(tally.failures().is_empty());
        assert_eq!(tally.to_string(), "20 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn what_failed_tests_said_is_kept_for_the_end() {
        let mut tally = Tally::default();
        let output = "test a ... FAILED\n\nfailures:\n\n---- a ----\nleft is not right\n\n\nfailures:\n    a\n\n\
            test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\nrunning 3 tests";
        output.lines().for_each(|line| tally.read(line));
        let said: Vec<_> = tally.failures().iter().filter(|line| !line.is_empty()).collect();
        assert_eq!(said, ["---- a ----", "left is not right", "    a"]);
    }
}
