//! Findings as a screen: grouped by cause, errors first, and no more lines than a person reads.
//!
//! Of each cause the first finding is shown with its line of the source, the next ones by their places, the rest as a
//! number. Where that is too long, the last causes get one line each. Errors come first: warnings never hide one. A line
//! at the end counts everything.

mod cause;
mod json;
mod kept;

use std::collections::BTreeSet;

use anstyle::Style;
use cause::Group;
use fingerpost_resources::{Diagnostic, Diagnostics, FindingRenderer, Severity, Sources, brief, visible};

pub use json::{only_findings, with_findings};
pub use kept::show;

use crate::messages::{Verbosity, verbosity};
use crate::prose::{self, WIDEST};
use crate::screen::ours;
use crate::style::{BOLD, DIM, ERROR, NOTE, WARNING, paint};
use crate::words::shortened;
use crate::{count, table};

/// A screen of findings. With the notes of a command it is still less than 60 lines.
const MOST_LINES: usize = 50;
/// As above, where the screen shows something else too.
const FEW_LINES: usize = 25;
/// The summary names so many codes of a severity.
const MOST_CODES: usize = 6;
/// The lines around the causes: an empty one before them, what is not shown, and the summary.
const AROUND: usize = 3;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Every finding with its line of the source.
    All,
    /// The causes, in at most 50 lines.
    Causes,
    /// The first place of each cause, in at most 25 lines: the screen has something else to show.
    FirstPlaces,
}

/// The findings that the user wants.
fn wanted(findings: &Diagnostics) -> Diagnostics {
    let is_wanted = |severity| severity == Severity::Error || verbosity() != Verbosity::Quiet;
    let mut wanted = Diagnostics::new();
    wanted.extend(findings.iter().filter(|it| is_wanted(it.severity)).cloned());
    wanted
}

/// The findings and a summary, such as `3 errors, 12 warnings (unknown-host 9, unreachable-match 3) in 87 files`. Empty if
/// there are none. Ends with a line feed. `ignored` others are only counted. Lists are cut at `width`; without one, there is
/// no terminal to fit into.
pub fn screen(
    findings: &Diagnostics,
    sources: &Sources,
    ignored: usize,
    detail: Detail,
    width: Option<usize>,
) -> String {
    if findings.is_empty() && ignored == 0 {
        return String::new();
    }
    let mut renderer = FindingRenderer::new(sources, true);
    if let Some(width) = width {
        renderer = renderer.within(width, WIDEST, prose::lines);
    }
    let width = width.unwrap_or(usize::MAX);
    let groups = Group::all(findings);
    let mut text = match detail {
        Detail::All => everything(&groups, &mut renderer),
        Detail::Causes | Detail::FirstPlaces => causes(&groups, &mut renderer, detail, width),
    };
    let files = sources.iter().count();
    let summary = prose::lines(&summary(findings, ignored, files), width.min(WIDEST));
    for line in summary {
        text.push_str(&format!("{}\n", paint(BOLD, line)));
    }
    text
}

/// How many findings there are, by severity and code, and how many are ignored.
pub fn summary(findings: &Diagnostics, ignored: usize, files: usize) -> String {
    let parts = [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Note, "note"),
    ];
    let parts = parts
        .into_iter()
        .filter(|(severity, _)| findings.count(*severity) > 0)
        .map(|(severity, noun)| {
            let number = count(findings.count(severity), noun);
            match severity {
                // They are shown first, or all there is.
                Severity::Error => number,
                Severity::Warning | Severity::Note => format!("{number} ({})", codes(findings, severity)),
            }
        });
    let ignored = (ignored > 0).then(|| format!("{ignored} ignored"));
    let all = parts.chain(ignored).collect::<Vec<_>>().join(", ");
    format!("{all} in {}", count(files, "file"))
}

/// The codes of a severity, the most frequent first: `unknown-host 9, unreachable-match 3`.
fn codes(findings: &Diagnostics, severity: Severity) -> String {
    let mut numbers: Vec<(String, usize)> = Vec::new();
    for finding in findings.iter().filter(|it| it.severity == severity) {
        let code = finding.code.to_string();
        match numbers.iter_mut().find(|(known, _)| *known == code) {
            Some((_, number)) => *number += 1,
            None => numbers.push((code, 1)),
        }
    }
    numbers.sort_by_key(|(_, number)| usize::MAX - number);
    let rest: usize = numbers.iter().skip(MOST_CODES).map(|(_, number)| number).sum();
    let mut parts: Vec<String> = numbers
        .into_iter()
        .take(MOST_CODES)
        .map(|(code, number)| format!("{code} {number}"))
        .collect();
    if rest > 0 {
        parts.push(format!("others {rest}"));
    }
    parts.join(", ")
}

fn everything(groups: &[Group<'_>], renderer: &mut FindingRenderer<'_>) -> String {
    let all = groups.iter().flat_map(|it| &it.findings);
    all.map(|it| ours(&renderer.render(it)) + "\n").collect()
}

/// How many further places of a cause are shown, in the order in which the lengths are tried: all of a few, the first of
/// many.
fn numbers_of_places(detail: Detail, others: usize) -> &'static [usize] {
    match detail {
        Detail::All | Detail::Causes if others <= 10 => &[10, 3, 0],
        Detail::All | Detail::Causes => &[3, 0],
        Detail::FirstPlaces => &[0],
    }
}

/// The causes, as many as a screen has room for, and what is not shown.
fn causes(groups: &[Group<'_>], renderer: &mut FindingRenderer<'_>, detail: Detail, width: usize) -> String {
    let most = match detail {
        Detail::All | Detail::Causes => MOST_LINES,
        Detail::FirstPlaces => FEW_LINES,
    };
    let mut text = String::new();
    let mut room = most.saturating_sub(AROUND);
    let mut hidden = 0;
    let mut groups = groups.iter().peekable();
    let mut behind = groups.len();
    while let Some(group) = groups.peek() {
        behind -= 1;
        // Each of those behind it keeps a line, as far as that leaves most of the screen. An empty line ends them.
        let kept = behind.min(most / 3) + usize::from(behind > 0);
        let mut shown = numbers_of_places(detail, group.findings.len() - 1)
            .iter()
            .map(|places| in_full(group, renderer, *places, width));
        let Some((part, left_out)) = shown.find(|(part, _)| part.lines().count() + kept <= room) else {
            break;
        };
        text.push_str(&part);
        room -= part.lines().count();
        hidden += left_out;
        groups.next();
    }
    let mut is_list = false;
    for group in groups {
        if room > 1 {
            text.push_str(&in_one_line(group, width));
            room -= 1;
            is_list = true;
            hidden += group.findings.len() - 1;
        } else {
            hidden += group.findings.len();
        }
    }
    if is_list {
        text.push('\n');
    }
    if hidden > 0 {
        let are = if hidden == 1 { "is" } else { "are" };
        let line = format!(
            "{} {are} not shown: --all shows everything",
            count(hidden, "finding")
        );
        text.push_str(&format!("{}\n", paint(DIM, line)));
    }
    text
}

/// The first finding with its line, up to `places` further ones, and the number of those that are left out. Ends with
/// an empty line.
fn in_full(
    group: &Group<'_>,
    renderer: &mut FindingRenderer<'_>,
    places: usize,
    width: usize,
) -> (String, usize) {
    let Some((first, others)) = group.findings.split_first() else {
        return (String::new(), 0);
    };
    let mut text = ours(&renderer.render(first));
    // One more is as short as its number.
    let is_short = places > 0 && others.len() <= places + 1;
    let shown = if is_short { others.len() } else { places };
    for other in others.iter().take(shown) {
        let help = other.help.as_ref().filter(|it| Some(*it) != first.help.as_ref());
        let line = format!("  also {}", on_one_line(other, help, width));
        text.push_str(&line_of(&line, DIM, width));
    }
    let left_out = others.get(shown..).unwrap_or_default();
    if !left_out.is_empty() {
        let spans = left_out.iter().filter_map(|it| it.span.as_ref());
        let files: BTreeSet<&str> = spans.map(|it| &*it.file).collect();
        let within = match files.len() {
            0 => String::new(),
            number => format!(" in {}", count(number, "file")),
        };
        let line = format!("  … and {} more like this{within}", left_out.len());
        text.push_str(&line_of(&line, DIM, width));
    }
    text.push('\n');
    (text, left_out.len())
}

/// The first finding on one line, and how many more there are.
fn in_one_line(group: &Group<'_>, width: usize) -> String {
    let Some((first, others)) = group.findings.split_first() else {
        return String::new();
    };
    let (style, name) = match first.severity {
        Severity::Error => (ERROR, "error"),
        Severity::Warning => (WARNING, "warning"),
        Severity::Note => (NOTE, "note"),
    };
    let name = format!("{name}[{}]", first.code);
    let more = match others.len() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let room = width.saturating_sub(table::length(&name) + table::length(&more) + 2);
    let line = shortened(&visible(&on_one_line(first, first.help.as_ref(), width)), room);
    format!("{}: {line}{}\n", paint(style, name), paint(DIM, more))
}

/// A finding behind its place, as terminals and editors find it: `k8s/shop.yaml:28:19: no service has the host …`. Where
/// there is room, it has its resource, its field and its help too.
fn on_one_line(finding: &Diagnostic, help: Option<&String>, width: usize) -> String {
    let place = finding
        .span
        .as_ref()
        .map(|it| format!("{it}: "))
        .unwrap_or_default();
    let help = help.map(|it| format!("; help: {it}")).unwrap_or_default();
    let whole = format!("{place}{}{help}", brief(&finding.to_string()));
    if table::length(&whole) < width {
        whole
    } else {
        format!("{place}{}", finding.message)
    }
}

fn line_of(text: &str, style: Style, width: usize) -> String {
    format!("{}\n", paint(style, shortened(&visible(text), width)))
}

#[cfg(test)]
mod tests;
