//! The tools by which people make resources out of folders: kustomize and Helm.
//!
//! [`Tool::of`] tells by a file's name which tool its folder is for, [`Kustomization`] and [`Chart`] read what such a
//! file says of other files, [`rendered_folders`] chooses which folders to render, and [`Tool::render`] runs the tool
//! as the user has installed it. What is read without the tools, and what is said about it, is the caller's matter.

mod chart;
mod kustomization;
mod path;
mod plan;
mod run;

use std::path::Path;

pub use chart::Chart;
pub use kustomization::Kustomization;
pub use path::{as_argument, normal};
pub use plan::{RenderedFolder, rendered_folders, rendered_parts};
pub use run::{RenderError, Rendered};

/// A tool that makes resources of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// `kustomize`, alone or in `kubectl`.
    Kustomize,
    /// `helm`.
    Helm,
}

impl Tool {
    /// The tool that makes resources of the folder with this file, by the file's name.
    ///
    /// The names are those of kustomize (`konfig.RecognizedKustomizationFileNames`) and Helm (`chartutil.ChartfileName`).
    pub fn of(file: &Path) -> Option<Self> {
        match file.file_name()?.to_str()? {
            "kustomization.yaml" | "kustomization.yml" | "Kustomization" => Some(Self::Kustomize),
            "Chart.yaml" => Some(Self::Helm),
            _ => None,
        }
    }
}
