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

/// The folders to render: those that no other one takes, ordered by path. Of kustomizations that take each other in a
/// circle it is one, so that kustomize reports it.
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
    for it in kustomizations {
        let is_part = rendered_parts(&folders, kustomizations).contains(&it);
        if !is_part && !it.is_component && !is_below_chart(&it.folder) {
            folders.push(RenderedFolder {
                folder: it.folder.clone(),
                tool: Tool::Kustomize,
            });
        }
    }
    folders.sort();
    folders.dedup();
    folders
}

/// The kustomizations of these folders, and those that they take.
pub fn rendered_parts<'k>(
    folders: &[RenderedFolder],
    kustomizations: &'k [Kustomization],
) -> Vec<&'k Kustomization> {
    let is_rendered = |it: &Kustomization| {
        let mut folders = folders.iter().filter(|it| it.tool == Tool::Kustomize);
        folders.any(|folder| folder.folder == it.folder)
    };
    let (mut parts, mut others): (Vec<_>, Vec<_>) = kustomizations.iter().partition(|it| is_rendered(it));
    loop {
        let (taken, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(|it| {
            parts
                .iter()
                .any(|part: &&Kustomization| part.resources.contains(&it.folder))
        });
        if taken.is_empty() {
            return parts;
        }
        parts.extend(taken);
        others = rest;
    }
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
    fn of_a_circle_one_is_rendered() {
        let circle = [kustomization("a", &["b"]), kustomization("b", &["a"])];
        check(&circle, &[], &["a"]);
    }

    #[test]
    fn a_component_is_a_part_where_it_is_taken() {
        let mut component = kustomization("tls", &[]);
        component.is_component = true;
        for (overlay, number) in [
            (kustomization("prod", &["tls"]), 2),
            (kustomization("prod", &[]), 1),
        ] {
            let all = [component.clone(), overlay];
            let parts = rendered_parts(&rendered_folders(&all, &[]), &all);
            assert_eq!(parts.len(), number);
        }
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
