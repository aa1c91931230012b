//! Resources that kustomize or Helm makes of folders, where `--kustomize` or `--helm` asks for it.
//!
//! Which folders are rendered, and how, is in the crate `renderers`. Decides what a failure means: a command that
//! answers without invalid resources answers without such a folder too.

use std::path::{Path, PathBuf};

use fingerpost_renderers::{
    Chart, Kustomization, RenderError, RenderedFolder, Tool, normal, rendered_folders, rendered_parts,
};
use fingerpost_resources::{Source, visible_lines};
use fingerpost_terminal::messages::{listed, note, note_once};

use crate::error::InputError;

/// How the names of rendered texts end.
const MARKS: [&str; 2] = [" (kustomize)", " (helm)"];

/// Which tools to run on folders.
#[derive(Debug, Clone, Default)]
pub struct Render {
    /// Read folders with a kustomization through `kustomize build` or `kubectl kustomize`, whichever is installed.
    pub kustomize: bool,
    /// Read Helm charts through `helm template`.
    pub helm: bool,
    /// Files of values for `helm template`.
    pub helm_values: Vec<PathBuf>,
}

/// What the tools made.
#[derive(Debug, Default)]
pub(crate) struct RenderedSources {
    pub(crate) sources: Vec<Source>,
    /// Folders whose files are read through a tool, or not at all.
    folders: Vec<PathBuf>,
    /// Files and folders elsewhere that a kustomization takes.
    taken: Vec<PathBuf>,
}

impl RenderedSources {
    /// Whether a file of a folder is read through a tool.
    pub(crate) fn covers(&self, file: &Path) -> bool {
        let file = normal(file);
        self.folders
            .iter()
            .chain(&self.taken)
            .any(|it| file.starts_with(it))
    }
}

/// Renders the folders among `found`, the files of folders, for which a tool is wanted. If the caller answers in part,
/// a folder that its tool refuses is left out.
pub(crate) fn render<'s>(
    wanted: &Render,
    answers_in_part: bool,
    kustomizations: &[Kustomization],
    found: impl Iterator<Item = (&'s Path, &'s Source)>,
) -> Result<RenderedSources, InputError> {
    let kustomizations = if wanted.kustomize { kustomizations } else { &[] };
    let charts: Vec<Chart> = found
        .filter(|(path, _)| wanted.helm && Tool::of(path) == Some(Tool::Helm))
        .map(|(path, source)| Chart::read(path, source))
        .collect();
    let mut rendered = RenderedSources::default();
    let folders = rendered_folders(kustomizations, &charts);
    let parts = rendered_parts(&folders, kustomizations);
    let mut made = Vec::new();
    let mut failed = Vec::new();
    for folder in &folders {
        match folder.tool.render(&folder.folder, &wanted.helm_values) {
            Ok(it) => {
                made.push(format!("`{}`", it.command));
                let name = format!("{}{}", shown(&folder.folder), mark(folder.tool));
                rendered.sources.push(Source::from_bytes(name, it.yaml));
            }
            Err(error @ (RenderError::NotInstalled(_) | RenderError::Run { .. })) => {
                return Err(InputError::Tool(format!("{}: {error}", flag(folder))));
            }
            Err(error @ RenderError::Failed { .. }) => {
                let message = visible_lines(&error.to_string()).into_owned();
                if !answers_in_part {
                    return Err(InputError::refused(message));
                }
                failed.push((shown(&folder.folder), message));
            }
        }
    }
    note_rendered(&made, &failed);
    rendered.taken = parts
        .iter()
        .flat_map(|it| it.resources.iter().chain(&it.patches).cloned())
        .collect();
    let parts = parts.into_iter().map(|it| it.folder.clone());
    rendered.folders = folders.into_iter().map(|it| it.folder).chain(parts).collect();
    note_left_alone(&rendered, kustomizations, &charts);
    Ok(rendered)
}

/// Says which parts no folder takes, so that their files are read as they are written.
fn note_left_alone(rendered: &RenderedSources, kustomizations: &[Kustomization], charts: &[Chart]) {
    let folders = kustomizations.iter().map(|it| &it.folder);
    let alone: Vec<String> = folders
        .chain(charts.iter().map(|it| &it.folder))
        .filter(|it| !rendered.covers(it))
        .map(|it| visible_lines(&shown(it)).into_owned())
        .collect();
    if !alone.is_empty() {
        note_once(format!(
            "read as written, as they are parts that nothing here takes (components, library charts): {}",
            listed(&alone)
        ));
    }
}

/// Says what was rendered, and why a folder was not: in full for the first one, as many fail for one reason.
fn note_rendered(made: &[String], failed: &[(String, String)]) {
    match made {
        [] => {}
        [one] => note_once(format!("read what {one} makes")),
        several => note_once(format!("read what these commands make: {}", listed(several))),
    }
    let Some(((folder, message), others)) = failed.split_first() else {
        return;
    };
    note(format_args!("left out {folder}: {message}"));
    if !others.is_empty() {
        let names: Vec<&String> = others.iter().map(|(folder, _)| folder).collect();
        note(format_args!(
            "left out too, as their tool failed: {}",
            listed(&names)
        ));
    }
}

/// The folder or file that a place is in, from the name of its text: that of rendered text has its tool behind it.
pub fn path_of_source(name: &str) -> &Path {
    let folder = MARKS.iter().find_map(|mark| name.strip_suffix(mark));
    Path::new(folder.unwrap_or(name))
}

/// What the text is called in places. Its last part is all that a table has room for.
fn shown(folder: &Path) -> String {
    if folder.as_os_str().is_empty() {
        return ".".to_owned();
    }
    folder.to_string_lossy().into_owned()
}

/// What is behind the folder in the name of its text.
fn mark(tool: Tool) -> &'static str {
    let [kustomize, helm] = MARKS;
    match tool {
        Tool::Kustomize => kustomize,
        Tool::Helm => helm,
    }
}

fn flag(folder: &RenderedFolder) -> &'static str {
    match folder.tool {
        Tool::Kustomize => "--kustomize",
        Tool::Helm => "--helm",
    }
}
