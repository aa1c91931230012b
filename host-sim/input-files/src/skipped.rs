//! What a folder holds beside resources, and what is said about it: one line for all of it.
//!
//! A folder that a tool renders, a kustomization or a Helm chart, gets the command that renders it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use fingerpost_curl::quote;
use fingerpost_renderers::{Tool, as_argument};
use fingerpost_resources::visible;
use fingerpost_terminal::count;
use fingerpost_terminal::messages::note_once;

use crate::rendered::Render;

/// What `compile` writes.
const BOOTSTRAP: &str = "envoy.json";
const ROUTING: &str = "routing.json";

/// Why a file of a folder is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// It has no resource.
    Other,
    /// It has to be rendered first.
    Template,
    /// A kustomization applies it to other resources.
    Patch,
    /// Its resources are in a list or map.
    Nested,
}

/// The files of folders that are not read.
#[derive(Debug, Default)]
pub struct Skipped {
    files: BTreeMap<PathBuf, Reason>,
    /// Folders that are not entered.
    folders: BTreeSet<PathBuf>,
    /// Folders with a kustomization, and with a chart.
    kustomizations: BTreeSet<PathBuf>,
    charts: BTreeSet<PathBuf>,
}

impl Skipped {
    /// Keeps a file in mind.
    pub(crate) fn add(&mut self, path: &Path, reason: Reason) {
        self.files.insert(path.to_owned(), reason);
    }

    /// Keeps folders in mind that are not entered.
    pub(crate) fn add_folders(&mut self, folders: impl IntoIterator<Item = PathBuf>) {
        self.folders.extend(folders);
    }

    /// Keeps a folder in mind that the tool would render.
    pub(crate) fn notice_renderer(&mut self, tool: Tool, file: &Path) {
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            Some(_) | None => PathBuf::from("."),
        };
        match tool {
            Tool::Kustomize => self.kustomizations.insert(folder),
            Tool::Helm => self.charts.insert(folder),
        };
    }

    /// How many files of each kind there are, such as `31 other files, 14 templates`. None if there is none.
    pub fn summary(&self) -> Option<String> {
        let number = |reason| self.files.values().filter(|it| **it == reason).count();
        let mut parts = Vec::new();
        match number(Reason::Other) {
            0 => {}
            others => parts.push(count(others, "other file")),
        }
        match number(Reason::Template) {
            0 => {}
            templates => parts.push(format!(
                "{} (render with `helm template` or your own tool)",
                count(templates, "template")
            )),
        }
        match number(Reason::Patch) {
            0 => {}
            1 => parts.push("1 patch of a kustomization".to_owned()),
            patches => parts.push(format!("{patches} patches of kustomizations")),
        }
        match number(Reason::Nested) {
            0 => {}
            1 => parts.push("1 list of resources (`kubectl` does not apply it)".to_owned()),
            lists => parts.push(format!(
                "{lists} lists of resources (`kubectl` does not apply them)"
            )),
        }
        match self.folders.len() {
            0 => {}
            1 => parts.push("1 folder of other tools".to_owned()),
            folders => parts.push(format!("{folders} folders of other tools")),
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Names every file with its reason.
    pub fn list(&self) -> String {
        let mut text = String::from("skipped:");
        for (path, reason) in &self.files {
            let reason = match reason {
                Reason::Other => "no `apiVersion` and `kind`",
                Reason::Template => "a template",
                Reason::Patch => "a patch of a kustomization",
                Reason::Nested => "its resources are in a list or map, and `kubectl` applies none of them",
            };
            let _ = write!(text, "\n  {}: {reason}", shown(path));
        }
        for folder in &self.folders {
            let _ = write!(text, "\n  {}/: files of other tools", shown(folder));
        }
        text
    }

    /// Says that templates are read without their tool.
    pub(crate) fn note_templates(&self, number: usize) {
        let are = if number == 1 { "is" } else { "are" };
        note_once(format!(
            "{} {are} read without rendering, as no other file has a VirtualService: conditions are taken to hold, loops run once, \
             values are those of values.yaml or stand-ins",
            count(number, "template")
        ));
    }

    /// Says which folders a tool renders, and how to read what it makes of them.
    pub(crate) fn note_renderers(&self, command: &str, wanted: &Render) {
        let tools = [
            (
                &self.kustomizations,
                "a kustomization",
                "kustomizations",
                "kubectl kustomize",
                "--kustomize",
                wanted.kustomize,
            ),
            (
                &self.charts,
                "a Helm chart",
                "Helm charts",
                "helm template",
                "--helm",
                wanted.helm,
            ),
        ];
        for (folders, one, many, tool, flag, is_wanted) in tools {
            if is_wanted {
                continue;
            }
            // The last: overlays come behind their base.
            let Some(last) = folders.last() else { continue };
            let what = match folders.len() {
                1 => format!("{} is {one}: its files are read as they are written", shown(last)),
                number => format!("{number} folders are {many}: their files are read as they are written"),
            };
            let folder = quote(&shown(&as_argument(last)));
            note_once(format!(
                "{what}. To read what a cluster gets, add {flag}, or: {tool} {folder} | fingerpost {command} -f -"
            ));
        }
    }
}

/// A path on one line, whatever characters it has.
pub fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// Whether a folder inside one that is walked is passed over: it holds files of other tools, and many of them.
pub(crate) fn is_of_other_tools(folder: &Path) -> bool {
    folder
        .file_name()
        .is_some_and(|it| it == "node_modules" || it == "target")
}

/// Whether `compile` has written this file.
pub(crate) fn is_our_output(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_output = |folder: &Path| folder.join(BOOTSTRAP).is_file() && folder.join(ROUTING).is_file();
    let Some(folder) = path.parent() else { return false };
    let is_certificate = || {
        let is_json = path.extension().is_some_and(|it| it == "json");
        is_json && folder.ends_with("certs") && folder.parent().is_some_and(is_output)
    };
    (name == BOOTSTRAP || name == ROUTING) && is_output(folder) || is_certificate()
}
