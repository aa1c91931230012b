//! Adds up the closing lines of test runners, so that one line at the end tells how many tests ran.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::workspace::does_not_run;

/// How many tests did what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
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
            // Whether anybody still reads our output is no reason to stop the tests.
            let _ = std::io::stdout().write_all(&line);
            tally.count(&String::from_utf8_lossy(&line));
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
        output.lines().for_each(|line| tally.count(line));
        assert_eq!(
            tally,
            Tally {
                passed: 20,
                failed: 2,
                skipped: 1
            }
        );
        assert_eq!(tally.to_string(), "20 passed, 2 failed, 1 skipped");
    }
}
