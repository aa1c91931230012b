//! Finds and reads what `-f` names.
//!
//! Decides which of the files are read, and in which order. What is in them is the caller's matter.
//!
//! What is named is read, whatever it is: a FIFO is how a shell hands over the output of a command. Of a directory only
//! regular files with resources are read, directly or by a link; `skipped` has the rest.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fingerpost_curl::quote;
use fingerpost_renderers::{Kustomization, Tool, normal};
use fingerpost_resources::{Contents, Source, contents, fill_in};
use fingerpost_terminal::messages::{listed, note};
use fingerpost_testing::{has_only_tests, is_test_file};

use crate::bytes::{read_file, read_limited, unreadable};
use crate::error::InputError;
use crate::folder::files_below;
use crate::rendered::{Render, render};
use crate::skipped::{Reason, Skipped, shown};
use crate::templates::read_templates;
use crate::working_folder::relative;

/// What standard input is called in messages.
const STDIN: &str = "<stdin>";

/// How to read folders.
#[derive(Debug)]
pub struct ReadOptions {
    /// The command that reads, as it is typed.
    pub command: &'static str,
    /// Which folders are read through the tools that make resources of them.
    pub render: Render,
    /// What is invalid is left out, and the rest answers.
    pub answers_in_part: bool,
    /// Placeholders get values, and templates are read without their tool where nothing else has a VirtualService.
    pub fills_in: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Files {
    /// The files with resources.
    pub sources: Vec<Source>,
    /// The names of those sources that are of a folder, and not named themselves.
    pub found: HashSet<String>,
    /// Files of folders that have none.
    pub skipped: Skipped,
}

/// Reads everything, in the order given. A file that is named more than once counts where it is named last: as with
/// `kubectl apply`, the resource that is applied last wins. What tools make of folders comes behind the files.
///
/// # Errors
/// What is named can't be read, has no resource, or a tool that has to render a folder can't.
pub fn read(names: &[PathBuf], options: &ReadOptions) -> Result<Files, InputError> {
    let mut files = Files::default();
    let mut empty = Vec::new();
    let mut read = Vec::new();
    for named in named_files(names, &mut files.skipped)? {
        if named.path.as_os_str() == "-" {
            read.push((named, read_stdin()?));
            continue;
        }
        let bytes = read_file(&named.path).map_err(|error| unreadable(&named.path, &error))?;
        if named.is_found && is_test_file(&String::from_utf8_lossy(&bytes)) {
            continue;
        }
        let source = Source::from_bytes(named.path.to_string_lossy(), bytes);
        if !named.is_found && has_only_tests(&source.text) {
            let file = quote(&source.name);
            return Err(InputError::refused(format!(
                "{file} has tests, not resources: `fingerpost test {file}` runs them, and `-f` takes the resources"
            )));
        }
        read.push((named, source));
    }
    let found = || read.iter().filter(|(named, _)| named.is_found);
    let kustomizations: Vec<Kustomization> = found()
        .filter(|(named, _)| Tool::of(&named.path) == Some(Tool::Kustomize))
        .map(|(named, source)| Kustomization::read(&named.path, source))
        .collect();
    let patches: HashSet<PathBuf> = kustomizations
        .iter()
        .flat_map(|it| it.patches.iter().cloned())
        .collect();
    let rendered = render(
        &options.render,
        options.answers_in_part,
        &kustomizations,
        found().map(|(named, source)| (named.path.as_path(), source)),
    )?;
    check_wanted(
        names,
        &options.render,
        &kustomizations,
        found().map(|(named, _)| named.path.as_path()),
    )?;
    let chart_values: Vec<(PathBuf, Source)> = found()
        .filter(|(named, _)| named.path.file_name().is_some_and(|it| it == "values.yaml"))
        .map(|(named, source)| (named.path.clone(), source.clone()))
        .collect();
    let mut templates = Vec::new();
    for (named, source) in read {
        if named.is_found && rendered.covers(&named.path) {
            continue;
        }
        match reason_to_skip(&named, &source, &patches, &mut files.skipped) {
            Some(Reason::Template) if options.fills_in => templates.push((named.path, source)),
            Some(reason) => files.skipped.add(&named.path, reason),
            None if holds_nothing(&source.text) => empty.push(source.name),
            None => {
                if named.is_found {
                    files.found.insert(source.name.clone());
                }
                files.sources.push(source);
            }
        }
    }
    let made = rendered.sources.into_iter();
    files
        .sources
        .extend(made.filter(|source| !holds_nothing(&source.text)));
    if options.fills_in {
        fill_in(&mut files.sources);
        read_templates(&mut files, templates, &chart_values);
    }
    files.skipped.note_renderers(options.command, &options.render);
    if files.sources.is_empty() {
        return Err(nothing_to_compile(names, &empty, &files.skipped));
    }
    match empty.as_slice() {
        [] => {}
        [one] => note(format_args!("{one} is empty")),
        several => note(format_args!(
            "{} files are empty: {}",
            several.len(),
            listed(several)
        )),
    }
    Ok(files)
}

/// The error where the command line wants a tool and no folder is for it.
fn check_wanted<'p>(
    names: &[PathBuf],
    wanted: &Render,
    kustomizations: &[Kustomization],
    mut found: impl Iterator<Item = &'p Path>,
) -> Result<(), InputError> {
    let folders: Vec<String> = names
        .iter()
        .filter(|it| it.is_dir())
        .map(|it| shown(it))
        .collect();
    let has_chart = found.any(|it| Tool::of(it) == Some(Tool::Helm));
    let has_some = wanted.kustomize && !kustomizations.is_empty() || wanted.helm && has_chart;
    let (flags, files) = match (wanted.kustomize, wanted.helm) {
        (true, true) => ("--kustomize and --helm", "kustomization.yaml or Chart.yaml"),
        (true, false) => ("--kustomize", "kustomization.yaml"),
        (false, true) => ("--helm", "Chart.yaml"),
        (false, false) => return Ok(()),
    };
    // Files that are named, and standard input, are read as they are.
    if has_some || folders.is_empty() {
        return Ok(());
    }
    Err(InputError::refused(format!(
        "no {files} in {}: name a folder that has one, or leave out {flags}",
        folders.join(", ")
    )))
}

/// Why a file is not read; none for one that has resources or is named itself.
fn reason_to_skip(
    named: &Named,
    source: &Source,
    patches: &HashSet<PathBuf>,
    skipped: &mut Skipped,
) -> Option<Reason> {
    if !named.is_found {
        return None;
    }
    if let Some(tool) = Tool::of(&named.path) {
        skipped.notice_renderer(tool, &named.path);
        return Some(Reason::Other);
    }
    if patches.contains(&normal(&named.path)) {
        return Some(Reason::Patch);
    }
    match contents(source) {
        Contents::Resources => None,
        Contents::Template => Some(Reason::Template),
        Contents::Nested => Some(Reason::Nested),
        Contents::Other => Some(Reason::Other),
    }
}

/// The error where no file has a resource.
fn nothing_to_compile(names: &[PathBuf], empty: &[String], skipped: &Skipped) -> InputError {
    let names: Vec<String> = match (empty, skipped.summary()) {
        ([], Some(summary)) => {
            let names: Vec<String> = names.iter().map(|it| shown(it)).collect();
            return InputError::refused(format!(
                "nothing to compile: no resource in {}; skipped {summary}: --list-skipped lists them",
                names.join(", ")
            ));
        }
        ([], None) => {
            let first = names
                .first()
                .map(|it| it.display().to_string())
                .unwrap_or_default();
            return InputError::refused(format!(
                "nothing to compile: {first} holds tests and no resource; say with -f where the resources are"
            ));
        }
        (empty, _) => empty.to_vec(),
    };
    InputError::refused(format!(
        "nothing to compile: {} no resource",
        match names.as_slice() {
            [one] => format!("{one} holds"),
            names => format!("{} hold", names.join(", ")),
        }
    ))
}

/// A file to read; `-` is standard input.
struct Named {
    path: PathBuf,
    /// It is of a directory, and not named itself.
    is_found: bool,
}

/// The files of `names` and of the directories among them, each once.
fn named_files(names: &[PathBuf], skipped: &mut Skipped) -> Result<Vec<Named>, InputError> {
    let mut files = Vec::new();
    for name in names {
        let named = |path: PathBuf, is_found| Named { path, is_found };
        if name.as_os_str() == "-" {
            files.push(named(name.clone(), false));
            continue;
        }
        let metadata = fs::metadata(name).map_err(|error| unreadable(name, &error))?;
        if metadata.is_dir() {
            files.extend(files_below(name, skipped)?.into_iter().map(|it| named(it, true)));
        } else {
            files.push(named(relative(name), false));
        }
    }
    let mut seen = HashSet::new();
    let mut is_last = |path: &Path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    files.reverse();
    files.retain(|it| is_last(&it.path));
    files.reverse();
    Ok(files)
}

/// Standard input, which can be read only once: later calls get the same bytes.
fn read_stdin() -> Result<Source, InputError> {
    static READ: OnceLock<Vec<u8>> = OnceLock::new();
    if READ.get().is_none() {
        let bytes = read_limited(io::stdin().lock()).map_err(|error| unreadable(Path::new(STDIN), &error))?;
        let _ = READ.set(bytes); // this is the only reader
    }
    Ok(Source::from_bytes(STDIN, READ.get().cloned().unwrap_or_default()))
}

/// Whether there is nothing but blank lines, comments and document marks.
fn holds_nothing(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---" || line == "..."
    })
}
