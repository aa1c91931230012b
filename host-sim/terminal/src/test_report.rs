//! The report of `fingerpost test` for a person: a line a test, what differs below it, a summary at the end.

use std::io::{self, Write};

use anstyle::Style;
use fingerpost_resources::visible;
use fingerpost_testing::{CoverageReport, Report, Status, Summary, Tested};

use crate::messages::note;
use crate::prose;
use crate::style::{BAD, BOLD, DIM, GOOD, ODD, paint};
use crate::table;

/// As many of the slowest tests are named.
const SLOWEST: usize = 3;
/// On a terminal, where each test has its time, the slowest are named if all together take so many seconds.
const LONG: f64 = 1.0;
/// How many columns a time takes.
const TIME: usize = 6;
/// Where the name of a test begins, and what is said of it.
const INDENT: usize = 8;

/// All of it.
///
/// # Errors
/// It can't be printed.
pub fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for (at, (file, tests)) in report.by_file().enumerate() {
        let blank = if at == 0 { "" } else { "\n" };
        writeln!(out, "{blank}{}", paint(BOLD, file))?;
        for (index, test) in tests.iter().enumerate() {
            let is_wrong = |it: &Tested| matches!(it.status, Status::Failed | Status::New);
            let before = index.checked_sub(1).and_then(|it| tests.get(it));
            if before.is_some_and(is_wrong) {
                writeln!(out)?;
            }
            show(test, out)?;
        }
    }
    if let Some(coverage) = &report.coverage {
        show_coverage(coverage, out)?;
    }
    writeln!(out)?;
    print_summary(report, out)
}

/// The last lines: how many tests passed, how long they took, and which are the slowest if that is long.
///
/// # Errors
/// It can't be printed.
pub fn print_summary(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let total: f64 = report.tests.iter().map(|it| it.seconds).sum();
    let summary = summary(&report.summary);
    // What is on standard output is the same in every run, unless a person looks at it.
    let Some(width) = table::terminal_width() else {
        writeln!(out, "{summary}")?;
        note(format_args!("{} in all{}", seconds(total), {
            let named = slowest(report).map(|it| format!("{} {}", seconds(it.seconds), visible(&it.name)));
            let named: Vec<String> = named.collect();
            if named.is_empty() {
                String::new()
            } else {
                format!("; slowest: {}", named.join(", "))
            }
        }));
        return Ok(());
    };
    writeln!(out, "{summary}  {}", paint(DIM, seconds(total)))?;
    if total >= LONG {
        for (index, test) in slowest(report).enumerate() {
            let label = if index == 0 { "slowest" } else { "" };
            let head = format!("{label:7}  {:>TIME$}  ", seconds(test.seconds));
            let name = prose::hanging(&visible(&test.name), head.len(), Some(width));
            writeln!(out, "{}", lines_in(DIM, &(head + &name)))?;
        }
    }
    Ok(())
}

fn slowest(report: &Report) -> impl Iterator<Item = &Tested> {
    let mut slowest: Vec<&Tested> = report.tests.iter().collect();
    slowest.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    slowest.into_iter().take(SLOWEST)
}

/// Each line in this style.
fn lines_in(style: Style, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|it| paint(style, it)).collect();
    lines.join("\n")
}

fn seconds(seconds: f64) -> String {
    if seconds < 0.001 {
        "<1 ms".to_owned()
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1000.0)
    } else {
        format!("{seconds:.1} s")
    }
}

/// `3 passed, 1 failed`
fn summary(summary: &Summary) -> String {
    let Summary {
        passed,
        failed,
        new,
        accepted,
        skipped,
        left_out,
    } = summary;
    let colour = if *passed > 0 { GOOD } else { DIM };
    let mut parts = vec![paint(colour, format_args!("{passed} passed"))];
    if *failed > 0 {
        parts.push(paint(BAD, format_args!("{failed} failed")));
    }
    if *new > 0 {
        parts.push(paint(
            BAD,
            format_args!("{new} new: `--accept` writes what was found"),
        ));
    }
    if *accepted > 0 {
        parts.push(paint(ODD, format_args!("{accepted} accepted")));
    }
    if *skipped > 0 {
        parts.push(paint(ODD, format_args!("{skipped} skipped")));
    }
    if *left_out > 0 {
        parts.push(paint(DIM, format_args!("{left_out} left out by --filter")));
    }
    parts.join(", ")
}

fn show(test: &Tested, out: &mut impl Write) -> io::Result<()> {
    let (colour, word) = match test.status {
        Status::Passed => (GOOD, "PASS"),
        Status::Failed => (BAD, "FAIL"),
        Status::New => (BAD, " NEW"),
        Status::Accepted => (ODD, " NEW"),
        Status::Skipped => (ODD, "SKIP"),
    };
    // Times differ from run to run: they are for people, and in the JSON form.
    let width = table::terminal_width();
    let time = match width {
        Some(_) => format!("{:>TIME$}  ", seconds(test.seconds)),
        None => String::new(),
    };
    let name = prose::hanging(&visible(&test.name), INDENT + time.len(), width);
    writeln!(out, "  {}  {}{name}", paint(colour, word), paint(DIM, time))?;
    for reason in &test.reasons {
        let reason = prose::hanging(&visible(reason), INDENT, width);
        writeln!(out, "        {}", lines_in(DIM, &reason))?;
    }
    if matches!(test.status, Status::Passed | Status::Skipped) {
        return Ok(());
    }
    if !test.name.ends_with(&test.request) {
        writeln!(out, "        {}", paint(DIM, &test.request))?;
    }
    for difference in &test.differences {
        let place = paint(
            DIM,
            format_args!("{}:{}:{}", test.file, difference.line, difference.column),
        );
        writeln!(out, "        {}  {place}", paint(BOLD, &difference.field))?;
        writeln!(out, "          expected  {}", paint(GOOD, &difference.expected))?;
        writeln!(out, "          found     {}", paint(BAD, &difference.actual))?;
        if let Some(when) = &difference.when {
            writeln!(out, "          when      {}", visible(when))?;
        }
    }
    for found in &test.found {
        writeln!(out, "          {}: {}", found.field, visible(&found.value))?;
    }
    for line in test.why.iter().chain(&test.advice) {
        writeln!(out, "        {}", prose::hanging(&visible(line), INDENT, width))?;
    }
    Ok(())
}

fn show_coverage(coverage: &CoverageReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{}  {} of {} matches ({} %), {} of {} rules",
        paint(BOLD, "coverage"),
        coverage.matches_reached,
        coverage.matches,
        coverage.percent,
        coverage.rules_reached,
        coverage.rules
    )?;
    let width = table::terminal_width();
    for missing in &coverage.missing {
        let place = format!("{}:{}:{}", missing.file, missing.line, missing.column);
        let (rule, conditions) = (visible(&missing.rule), visible(&missing.conditions));
        let label = "never reached";
        let line = format!("{rule}  {conditions}");
        let indent = "  ".len() + label.len() + "  ".len();
        let has_room = |width| indent + table::length(&line) + "  ".len() + table::length(&place) <= width;
        writeln!(
            out,
            "  {}  {}{}{}",
            paint(ODD, label),
            prose::hanging(&line, indent, width),
            // A place is not cut: terminals and editors open it.
            if width.is_none_or(has_room) {
                "  ".to_owned()
            } else {
                format!("\n{}", " ".repeat(indent))
            },
            paint(DIM, place)
        )?;
    }
    Ok(())
}
