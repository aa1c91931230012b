//! Finds and reads what `-f` names.
//!
//! Decides which files of a directory count, and in which order. What is in them is `load`'s matter.
//!
//! What is named is read, whatever it is: a FIFO is how a shell hands over the output of a command. Of a directory only
//! regular files with resources are read, directly or by a link; `skipped` has the rest.

use std::collections::HashSet;
use std::fs::{self, File, FileType};
use std::io::{self, BufRead, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use fingerpost_curl::quote;
use fingerpost_renderers::{Kustomization, Tool, normal};
use fingerpost_resources::{Contents, Source, contents, fill_in};
use fingerpost_settings::FILE_NAME;
use fingerpost_terminal::messages::{listed, note};
use fingerpost_testing::{has_only_tests, is_test_file};
use rustix::io::Errno;
use walkdir::{DirEntry, WalkDir};

use crate::caller::Caller;
use crate::failure::Failure;
use crate::rendered::{Render, render};
use crate::skipped::{Reason, Skipped, is_of_other_tools, is_our_output, shown};
use crate::templates::read_templates;
use crate::working_folder::relative;

/// What standard input is called in messages.
const STDIN: &str = "<stdin>";
/// How the files of a directory end that are read.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];
/// No more is read of one file: a device may have no end.
const MOST_MEGABYTES: u64 = 256;

/// How to read folders.
#[derive(Debug)]
pub(crate) struct ReadOptions<'o> {
    pub(crate) caller: Caller,
    /// Which folders are read through the tools that make resources of them.
    pub(crate) render: &'o Render,
    /// What is invalid is left out, and the rest answers.
    pub(crate) answers_in_part: bool,
    /// Placeholders get values, and templates are read without their tool where nothing else has a VirtualService.
    pub(crate) fills_in: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// The files with resources.
    pub(crate) sources: Vec<Source>,
    /// The names of those sources that are of a folder, and not named themselves.
    pub(crate) found: HashSet<String>,
    /// Files of folders that have none.
    pub(crate) skipped: Skipped,
}

/// Reads everything, in the order given. A file that is named more than once counts where it is named last: as with
/// `kubectl apply`, the resource that is applied last wins. What tools make of folders comes behind the files.
pub(crate) fn read(names: &[PathBuf], options: &ReadOptions<'_>) -> Result<Files, Failure> {
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
            return Err(Failure::refused(format!(
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
        options.render,
        options.answers_in_part,
        &kustomizations,
        found().map(|(named, source)| (named.path.as_path(), source)),
    )?;
    check_wanted(
        names,
        options.render,
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
    files.skipped.note_renderers(options.caller, options.render);
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
) -> Result<(), Failure> {
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
    Err(Failure::refused(format!(
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
fn nothing_to_compile(names: &[PathBuf], empty: &[String], skipped: &Skipped) -> Failure {
    let names: Vec<String> = match (empty, skipped.summary()) {
        ([], Some(summary)) => {
            let names: Vec<String> = names.iter().map(|it| shown(it)).collect();
            return Failure::refused(format!(
                "nothing to compile: no resource in {}; skipped {summary}: --list-skipped lists them",
                names.join(", ")
            ));
        }
        ([], None) => {
            let first = names
                .first()
                .map(|it| it.display().to_string())
                .unwrap_or_default();
            return Failure::refused(format!(
                "nothing to compile: {first} holds tests and no resource; say with -f where the resources are"
            ));
        }
        (empty, _) => empty.to_vec(),
    };
    Failure::refused(format!(
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
fn named_files(names: &[PathBuf], skipped: &mut Skipped) -> Result<Vec<Named>, Failure> {
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
fn read_stdin() -> Result<Source, Failure> {
    static READ: OnceLock<Vec<u8>> = OnceLock::new();
    if READ.get().is_none() {
        let bytes = read_limited(io::stdin().lock()).map_err(|error| unreadable(Path::new(STDIN), &error))?;
        let _ = READ.set(bytes); // this is the only reader
    }
    Ok(Source::from_bytes(STDIN, READ.get().cloned().unwrap_or_default()))
}

/// The files of a directory and of those in it, by name. Hidden ones are passed over, as in `.git`, and so are our
/// settings, and tests of routing by their name, `*.test.json` and the like. Those of other tools are known by their text alone.
fn files_below(directory: &Path, skipped: &mut Skipped) -> Result<Vec<PathBuf>, Failure> {
    let is_test = |path: &Path| {
        path.file_stem()
            .is_some_and(|it| it.to_string_lossy().ends_with(".test"))
    };
    let (files, folders) = walk(directory, |path| {
        let is_ours = is_test(path) || path.file_name().is_some_and(|it| it == FILE_NAME);
        !is_ours && (is_read(path) || Tool::of(path).is_some()) && !is_our_output(path)
    })?;
    skipped.add_folders(folders);
    if files.is_empty() {
        return Err(Failure::refused(format!(
            "{}: no file in this directory ends in .yaml, .yml or .json",
            directory.display()
        )));
    }
    Ok(files)
}

/// The content of a file.
///
/// # Errors
/// The system's, or that it has more than 256 MiB.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    read_limited(File::open(path)?)
}

/// What a flag names: a file, or with `-` standard input.
pub(crate) fn read_named(name: &str) -> io::Result<Vec<u8>> {
    match name {
        "-" => read_limited(io::stdin().lock()),
        file => read_file(Path::new(file)),
    }
}

/// As [`read_file`], for text.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_file(path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// The next line with its line feed, of no more than 256 MiB; none at the end.
pub(crate) fn read_line(reader: &mut impl BufRead) -> Option<io::Result<Vec<u8>>> {
    let most = MOST_MEGABYTES * 1024 * 1024;
    let mut line = Vec::new();
    match reader.take(most + 1).read_until(b'\n', &mut line) {
        Ok(0) => None,
        Ok(length) if length as u64 > most => Some(Err(too_large())),
        Ok(_) => Some(Ok(line)),
        Err(error) => Some(Err(error)),
    }
}

/// What is read up to the end, unless that is too much.
fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let most = MOST_MEGABYTES * 1024 * 1024;
    let mut bytes = Vec::new();
    let length = reader.take(most + 1).read_to_end(&mut bytes)?;
    if length as u64 > most {
        return Err(too_large());
    }
    Ok(bytes)
}

fn too_large() -> io::Error {
    io::Error::other(format!(
        "more than {MOST_MEGABYTES} MiB: no more is read of one file or line"
    ))
}

/// The files of a directory and of those in it that count, by name. Hidden ones do not, nor those in folders of other
/// tools; what is not a regular file is left out with a note.
pub(crate) fn below(directory: &Path, counts: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Failure> {
    walk(directory, counts).map(|(files, _)| files)
}

/// As [`below`], with the folders of other tools beside the files.
fn walk(directory: &Path, counts: impl Fn(&Path) -> bool) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let mut folders = Vec::new();
    let mut entered = Entered::new(directory);
    let entries = WalkDir::new(directory)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| {
            let is_other = entry.file_type().is_dir() && is_of_other_tools(entry.path());
            if entry.depth() > 0 && is_other {
                folders.push(relative(entry.path()));
            }
            entry.depth() == 0 || !is_hidden(entry) && !is_other && entered.is_first(entry)
        });
    let mut files = Vec::new();
    let mut left_out = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                left_out.extend(dead_link(&error)?);
                continue;
            }
        };
        let kind = entry.file_type();
        if kind.is_file() {
            if counts(entry.path()) {
                files.push(relative(entry.path()));
            }
        } else if !kind.is_dir() && is_read(entry.path()) {
            left_out.push((relative(entry.path()), special(kind)));
        }
    }
    note_left_out(&left_out);
    Ok((files, folders))
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

/// Enters each folder once, or the walk through links that meet again would double with each of them. A folder is entered where
/// it is, and by its first link only if it is elsewhere.
struct Entered {
    /// Those that are reached without a link.
    real: HashSet<FolderId>,
    entered: HashSet<FolderId>,
}

/// Its device and its inode.
type FolderId = (u64, u64);

impl Entered {
    fn new(directory: &Path) -> Self {
        let is_walked = |entry: &DirEntry| {
            let is_inside = !is_hidden(entry) && !is_of_other_tools(entry.path());
            entry.file_type().is_dir() && (entry.depth() == 0 || is_inside)
        };
        let entries = WalkDir::new(directory).into_iter().filter_entry(is_walked);
        Self {
            // What can't be read is said of the walk itself.
            real: entries.flatten().filter_map(|it| folder_id(&it)).collect(),
            entered: HashSet::new(),
        }
    }

    fn is_first(&mut self, entry: &DirEntry) -> bool {
        if !entry.file_type().is_dir() {
            return true;
        }
        let Some(id) = folder_id(entry) else {
            return true; // the walk says why it can't be read
        };
        let is_elsewhere = !(entry.path_is_symlink() && self.real.contains(&id));
        is_elsewhere && self.entered.insert(id)
    }
}

fn folder_id(entry: &DirEntry) -> Option<FolderId> {
    let metadata = entry.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// A link that leads nowhere, and why; none if its target would not be read. Other errors are errors.
fn dead_link(error: &walkdir::Error) -> Result<Option<(PathBuf, &'static str)>, Failure> {
    let is_link = |path: &&Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
    let Some(path) = error.path().filter(is_link) else {
        return Err(Failure::refused(error.to_string()));
    };
    if error.loop_ancestor().is_some() {
        return Ok(Some((relative(path), "a link to a directory around it")));
    }
    let what = match error.io_error().and_then(Errno::from_io_error) {
        Some(Errno::NOENT) => "a link to nothing",
        Some(Errno::LOOP) => "a link to itself",
        _ => return Err(Failure::refused(error.to_string())),
    };
    Ok(is_read(path).then(|| (relative(path), what)))
}

fn special(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// One note for all that is new: a directory is walked again for each test and after each change.
fn note_left_out(left_out: &[(PathBuf, &'static str)]) {
    static NOTED: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    let noted = noted.get_or_insert_default();
    let new = left_out.iter().filter(|(path, _)| noted.insert(path.clone()));
    let new: Vec<String> = new
        .map(|(path, what)| format!("{} ({what})", path.display()))
        .collect();
    if !new.is_empty() {
        note(format_args!(
            "left out, as only regular files of a directory are read: {}",
            listed(&new)
        ));
    }
}

/// Whether a file of a directory is read, by its ending.
pub(crate) fn is_read(file: &Path) -> bool {
    let ending = file.extension().and_then(|it| it.to_str());
    ending.is_some_and(|it| ENDINGS.contains(&it))
}

/// Whether there is nothing but blank lines, comments and document marks.
fn holds_nothing(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---" || line == "..."
    })
}

/// What is said of a file or a directory that can't be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => error.to_string(),
    };
    Failure::refused(format!("{}: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_is_entered_once_however_many_links_lead_to_it() {
        let folder = tempfile::tempdir().expect("a directory");
        for level in 0..10 {
            let here = folder.path().join(format!("{level}"));
            fs::create_dir(&here).expect("a directory");
            for link in ["a", "b"] {
                symlink(format!("../{}", level + 1), here.join(link)).expect("a link");
            }
        }
        fs::create_dir(folder.path().join("10")).expect("a directory");
        for (start, entered) in [("", 11), ("0", 10)] {
            let mut first = Entered::new(&folder.path().join(start));
            let entries = WalkDir::new(folder.path().join(start))
                .follow_links(true)
                .min_depth(1)
                .into_iter()
                .filter_entry(|it| it.depth() == 0 || first.is_first(it));
            assert_eq!(entries.flatten().count(), entered, "{start}");
        }
    }
}
