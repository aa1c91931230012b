//! From the command line to a compilation: reads, compiles, and shows what was found.

use std::path::PathBuf;

use fingerpost_config_compiler::{Compilation, Options, Summary, compile_valid, imply};
use fingerpost_resources::{Diagnostics, Resources, Severity, Sources, read, render};

use crate::args::Input;
use crate::certificates;
use crate::failure::{Failure, count};
use crate::files;
use crate::style::{note, say};

/// What to read, and how to judge it.
pub(crate) struct LoadOptions<'o> {
    /// Files and folders, as `-f` names them.
    pub(crate) files: &'o [PathBuf],
    /// Treat warnings as errors.
    pub(crate) strict: bool,
    /// Binds every VirtualService to a Gateway for all hosts on port 80, in place of those that are written.
    pub(crate) implies_gateway: bool,
    /// Codes of findings that the caller reports itself, or that have no effect for it.
    pub(crate) ignored_codes: &'o [&'o str],
}

/// Reads and compiles. What is found is shown on standard error, except findings with a code in
/// `ignored_codes`. An error ends it.
pub(crate) fn load(input: &Input, options: Options, ignored_codes: &[&str]) -> Result<Compilation, Failure> {
    let reading = LoadOptions {
        files: &input.files,
        strict: input.strict,
        implies_gateway: false,
        ignored_codes,
    };
    load_with(&reading, options)
}

/// Does what [`load`] does, for other than the usual options.
pub(crate) fn load_with(reading: &LoadOptions<'_>, options: Options) -> Result<Compilation, Failure> {
    let sources = files::read(reading.files)?;
    let mut diagnostics = Diagnostics::new();
    let mut resources = read(sources, &mut diagnostics);
    if reading.implies_gateway {
        imply(&mut resources, &options, &mut diagnostics);
    }
    let compiled = compile_valid(&resources, &options, &mut diagnostics);
    if let Some(compiled) = compiled
        .as_ref()
        .filter(|_| !reading.ignored_codes.contains(&certificates::NOT_FOUND))
    {
        certificates::check(compiled, &mut diagnostics);
    }
    diagnostics = judge(diagnostics, reading.strict, reading.ignored_codes);
    show(&diagnostics, &resources.sources);
    match compiled {
        Some(compiled) if !diagnostics.has_errors() => Ok(Compilation {
            resources,
            options,
            compiled,
            findings: diagnostics,
        }),
        Some(_) | None => Err(Failure::Diagnosed),
    }
}

/// Says what no file of the input can change.
pub(crate) fn note_plain_text(summary: &Summary) {
    if !summary.clusters.is_empty() {
        note(
            "upstreams are spoken to in plain text: neither the mesh's mutual TLS nor a DestinationRule's `tls`",
        );
    }
}

/// The kinds that have no say in routing, as `2 Deployment, 1 ConfigMap`.
pub(crate) fn left_out(resources: &Resources) -> Option<String> {
    let others: Vec<String> = resources
        .others
        .iter()
        .filter(|(kind, _)| !kind.starts_with('(')) // `(no kind)` was a warning
        .map(|(kind, number)| format!("{number} {kind}"))
        .collect();
    (!others.is_empty()).then(|| others.join(", "))
}

/// Drops findings whose code is ignored; if `strict`, turns warnings into errors.
fn judge(diagnostics: Diagnostics, strict: bool, ignored_codes: &[&str]) -> Diagnostics {
    let mut judged = Diagnostics::new();
    for mut diagnostic in diagnostics {
        if ignored_codes.contains(&diagnostic.code) {
            continue;
        }
        if strict && diagnostic.severity == Severity::Warning {
            diagnostic.severity = Severity::Error;
        }
        judged.push(diagnostic);
    }
    judged
}

/// Every finding beside its line, and how many there are.
pub(crate) fn show(diagnostics: &Diagnostics, sources: &Sources) {
    if diagnostics.is_empty() {
        return;
    }
    let numbers: Vec<String> = [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Note, "note"),
    ]
    .into_iter()
    .map(|(severity, noun)| (diagnostics.count(severity), noun))
    .filter(|(number, _)| *number > 0)
    .map(|(number, noun)| count(number, noun))
    .collect();
    // `anstream` takes the colours out where they are not wanted.
    say(format_args!(
        "{}\n{}",
        crate::screen::ours(&render(diagnostics, sources, true)),
        numbers.join(", ")
    ));
}
