//! From the command line to a compilation: reads, compiles, and shows what was found.

use std::collections::BTreeSet;
use std::path::PathBuf;

use fingerpost_config_compiler::{
    Compilation, Options, Summary, compile_valid, compile_without_invalid, imply,
};
use fingerpost_resources::{Code, Diagnostics, Resources, Severity, Sources, read, visible};
use fingerpost_terminal::findings::{self, Detail};
use fingerpost_terminal::messages::{self, Verbosity, note, show_findings, verbosity};
use fingerpost_terminal::{count, list};

use crate::args::Input;
use crate::caller::Caller;
use crate::certificates;
use crate::failure::Failure;
use crate::files::{self, ReadOptions};
use crate::proxy;
use crate::rendered::Render;
use crate::skipped::{Skipped, note_once};

/// A note names so many things, unless the user wants all.
const MOST_NAMES: usize = 5;

/// What to read, and how to judge it.
pub(crate) struct LoadOptions<'o> {
    pub(crate) caller: Caller,
    /// Files and folders, as `-f` names them.
    pub(crate) files: &'o [PathBuf],
    /// Treat warnings as errors, and refuse what is invalid.
    pub(crate) strict: bool,
    /// Take the labels of the proxy from the Gateways, if none of them is for the usual one.
    pub(crate) finds_proxy: bool,
    /// Name each file of a folder that is not read.
    pub(crate) list_skipped: bool,
    /// Binds every VirtualService to a Gateway for all hosts on port 80, in place of those that are written.
    pub(crate) implies_gateway: bool,
    /// Codes of findings that the caller reports itself, or that have no effect for it.
    pub(crate) ignored_codes: &'o [Code],
    /// Which folders are read through the tools that make resources of them.
    pub(crate) render: &'o Render,
}

impl LoadOptions<'_> {
    /// Whether what is invalid is left out, and the rest answers.
    pub(crate) fn answers_in_part(&self) -> bool {
        self.caller.leaves_invalid_out() && !self.strict
    }
}

/// Reads and compiles. What is found is shown on standard error, except findings with a code in
/// `ignored_codes`. An error ends it, except one in a resource that the caller answers without.
pub(crate) fn load(
    input: &Input,
    caller: Caller,
    options: Options,
    ignored_codes: &[Code],
) -> Result<Compilation, Failure> {
    let reading = LoadOptions {
        caller,
        files: &input.files,
        strict: input.strict,
        // What Envoy is to run is never guessed.
        finds_proxy: input.labels.is_none() && caller != Caller::Compile,
        list_skipped: input.list_skipped,
        implies_gateway: false,
        ignored_codes,
        render: &input.render,
    };
    load_with(&reading, options)
}

/// Does what [`load`] does, for other than the usual options.
pub(crate) fn load_with(reading: &LoadOptions<'_>, mut options: Options) -> Result<Compilation, Failure> {
    let files = files::read(
        reading.files,
        &ReadOptions {
            caller: reading.caller,
            render: reading.render,
            answers_in_part: reading.answers_in_part(),
        },
    )?;
    let number_of_files = files.sources.len();
    let mut diagnostics = Diagnostics::new();
    let mut resources = read(files.sources, &mut diagnostics);
    note_skipped(&files.skipped, &resources, number_of_files, reading.list_skipped);
    if reading.implies_gateway {
        imply(&mut resources, &options, &mut diagnostics);
    } else if reading.finds_proxy {
        proxy::find(&resources, &mut options);
    }
    let compiled = if reading.answers_in_part() {
        compile_without_invalid(&mut resources, &options, &mut diagnostics, |file| {
            files.found.contains(file)
        })
    } else {
        compile_valid(&resources, &options, &mut diagnostics).map(|it| (it, BTreeSet::new()))
    };
    if let Some((compiled, _)) = compiled
        .as_ref()
        .filter(|_| !reading.ignored_codes.contains(&certificates::NOT_FOUND))
    {
        certificates::check(compiled, &mut diagnostics);
    }
    diagnostics = judge(diagnostics, reading.strict, reading.ignored_codes);
    show(&diagnostics, &resources.sources, reading.caller);
    let Some((compiled, invalid)) = compiled else {
        return Err(Failure::Diagnosed);
    };
    // Where nothing is left to answer with, the errors are the answer.
    let is_answered = !invalid.is_empty() && !compiled.summary.listeners.is_empty();
    if diagnostics.has_errors() && !is_answered {
        return Err(Failure::Diagnosed);
    }
    if !invalid.is_empty() {
        let names: Vec<_> = invalid.iter().map(|it| visible(it)).collect();
        note(format_args!("left out because of the errors: {}", listed(&names)));
    }
    Ok(Compilation {
        resources,
        options,
        compiled,
        invalid,
        findings: diagnostics,
    })
}

/// Says in one line what folders hold beside resources.
fn note_skipped(skipped: &Skipped, resources: &Resources, number_of_files: usize, list: bool) {
    let Some(summary) = skipped.summary() else { return };
    let read = format!(
        "read {} from {}; skipped {summary}",
        count(resources.number(), "resource"),
        count(number_of_files, "file")
    );
    if list {
        note_once(format!("{read}\n{}", skipped.list()));
    } else {
        note_once(format!("{read}: --list-skipped lists them"));
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

/// Names on one line, no more than the user wants.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    match verbosity() {
        Verbosity::All => list(names, usize::MAX),
        Verbosity::Quiet | Verbosity::Usual => {
            let shown = list(names, MOST_NAMES);
            if names.len() > MOST_NAMES {
                format!("{shown}: --all names them")
            } else {
                shown
            }
        }
    }
}

/// Drops findings whose code is ignored; if `strict`, turns warnings into errors.
fn judge(diagnostics: Diagnostics, strict: bool, ignored_codes: &[Code]) -> Diagnostics {
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

/// The findings that the user wants to see, as many as there is room for beside the screen of the command.
pub(crate) fn show(diagnostics: &Diagnostics, sources: &Sources, caller: Caller) {
    let detail = match (verbosity(), caller.goes_on()) {
        (Verbosity::All, _) => Detail::All,
        (Verbosity::Quiet | Verbosity::Usual, true) => Detail::FirstPlaces,
        (Verbosity::Quiet | Verbosity::Usual, false) => Detail::Causes,
    };
    let mut wanted = Diagnostics::new();
    let is_wanted = |severity| severity == Severity::Error || verbosity() != Verbosity::Quiet;
    wanted.extend(diagnostics.iter().filter(|it| is_wanted(it.severity)).cloned());
    show_findings(&findings::screen(&wanted, sources, detail, messages::width()));
}
