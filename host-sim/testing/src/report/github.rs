//! Commands for GitHub's workflows, which show what failed beside the line of the test.

use std::io::{self, Write};

use super::{Report, Status};

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for test in &report.tests {
        let (level, text) = match test.status {
            Status::Passed | Status::Accepted => continue,
            Status::Failed | Status::New => ("error", test.details()),
            Status::Skipped => ("notice", test.headline()),
        };
        let line = test.differences.first().map_or(test.line, |it| it.line);
        annotate(level, &test.file, line, &test.name, &text, out)?;
    }
    for missing in report.coverage.iter().flat_map(|it| &it.missing) {
        let text = format!("{} ({})", missing.rule, missing.conditions);
        annotate(
            "warning",
            &missing.file,
            missing.line,
            "no test reaches this",
            &text,
            out,
        )?;
    }
    Ok(())
}

fn annotate(
    level: &str,
    file: &str,
    line: usize,
    title: &str,
    text: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    let (file, title) = (property(file), property(title));
    writeln!(
        out,
        "::{level} file={file},line={line},title={title}::{}",
        data(text)
    )
}

/// As GitHub's own toolkit writes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Likewise, a property of one.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
