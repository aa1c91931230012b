//! The Test Anything Protocol, version 14: a line a test, with what is wrong in a block of YAML below it.

use std::io::{self, Write};

use fingerpost_resources::{visible, visible_yaml};
use serde_json::json;

use super::{Report, Status, Tested};

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "TAP version 14\n1..{}", report.tests.len())?;
    for (at, test) in report.tests.iter().enumerate() {
        let verdict = match test.status {
            Status::Passed | Status::Accepted | Status::Skipped => "ok",
            Status::Failed | Status::New => "not ok",
        };
        write!(out, "{verdict} {} - {}", at + 1, escaped(&test.name))?;
        match test.status {
            Status::Skipped => writeln!(out, " # SKIP {}", escaped(&test.headline()))?,
            Status::Passed | Status::Accepted => writeln!(out)?,
            Status::Failed | Status::New => {
                writeln!(out)?;
                diagnostic(test, out)?;
            }
        }
    }
    Ok(())
}

/// JSON is YAML.
fn diagnostic(test: &Tested, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  ---")?;
    for (field, value) in [
        ("message", json!(test.headline())),
        ("at", json!({"file": test.file, "line": test.line})),
        ("request", json!(test.request)),
        ("differences", json!(test.differences)),
        ("found", json!(test.found)),
        ("why", json!(test.why)),
    ] {
        writeln!(out, "  {field}: {}", visible_yaml(&value.to_string()))?;
    }
    writeln!(out, "  ...")
}

/// A `#` would begin a directive, and a line break end the line.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('#', "\\#");
    visible(&text.split(['\n', '\r']).collect::<Vec<_>>().join(" ")).into_owned()
}
