//! Which folders to render, if several have a kustomization or a chart.
//!
//! A base is rendered as a part of its overlay, and a chart below `charts/` as a part of the chart above it. Folders
//! that nothing else takes are rendered each. The files in and below such folders come out of the tool, or are not
//! applied at all, as kustomize and Helm would have it.

use std::path::{Path, PathBuf};

use crate::Tool;
use crate::chart::Chart;
use crate::kustomization::Kustomization;

/// A folder that a tool renders.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RenderedFolder {
    /// Its normal path; empty for the working folder.
    pub folder: PathBuf,
    /// What renders it.
    pub tool: Tool,
}

/// The folders to render: those that no other one takes, ordered by path.
pub fn rendered_folders(kustomizations: &[Kustomization], charts: &[Chart]) -> Vec<RenderedFolder> {
    let is_taken = |folder: &Path| {
        let others = kustomizations.iter().filter(|it| it.folder != folder);
        others
            .flat_map(|it| &it.resources)
            .any(|resource| resource == folder)
    };
    let is_below_chart = |folder: &Path| {
        charts
            .iter()
            .any(|it| it.folder != folder && folder.starts_with(&it.folder))
    };
    let overlays = kustomizations
        .iter()
        .filter(|it| !it.is_component && !is_taken(&it.folder) && !is_below_chart(&it.folder))
        .map(|it| (&it.folder, Tool::Kustomize));
    let charts = charts
        .iter()
        .filter(|it| !it.is_library && !is_below_chart(&it.folder))
        .map(|it| (&it.folder, Tool::Helm));
    let mut folders: Vec<RenderedFolder> = overlays
        .chain(charts)
        .map(|(folder, tool)| RenderedFolder {
            folder: folder.clone(),
            tool,
        })
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kustomization(folder: &str, resources: &[&str]) -> Kustomization {
        Kustomization {
            folder: folder.into(),
            is_component: false,
            resources: resources.iter().map(PathBuf::from).collect(),
            patches: Vec::new(),
        }
    }

    fn chart(folder: &str) -> Chart {
        Chart {
            folder: folder.into(),
            is_library: false,
        }
    }

    #[track_caller]
    fn check(kustomizations: &[Kustomization], charts: &[Chart], expected: &[&str]) {
        let folders = rendered_folders(kustomizations, charts);
        let names: Vec<_> = folders.iter().map(|it| it.folder.display().to_string()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_base_is_a_part_of_its_overlays() {
        let base = kustomization("base", &["base/app.yaml"]);
        let prod = kustomization("overlays/prod", &["base"]);
        check(std::slice::from_ref(&base), &[], &["base"]);
        check(&[base, prod], &[], &["overlays/prod"]);
    }

    #[test]
    fn a_component_is_not_built_alone() {
        let mut component = kustomization("tls", &[]);
        component.is_component = true;
        check(&[component, kustomization("", &["app.yaml"])], &[], &[""]);
    }

    #[test]
    fn a_chart_inside_a_chart_is_a_part_of_it() {
        let mut library = chart("lib");
        library.is_library = true;
        check(
            &[kustomization("shop/ci", &[])],
            &[chart("shop"), chart("shop/charts/db"), library],
            &["shop"],
        );
    }
}
