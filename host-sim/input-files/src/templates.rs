//! Templates that are read without the tool that renders them, where a folder has its only rules in them.
//!
//! What a template holds, `fingerpost-resources` decides; which are read, and with which values, this does.

use std::path::{Path, PathBuf};

use fingerpost_resources::{Source, has_virtual_service, read_template};

use crate::read::Files;
use crate::skipped::Reason;

/// Reads templates without their tool if no other file has a VirtualService. Those that can't be read are skipped.
pub(crate) fn read_templates(
    files: &mut Files,
    templates: Vec<(PathBuf, Source)>,
    values: &[(PathBuf, Source)],
) {
    let is_only_source = !files.sources.iter().any(has_virtual_service);
    let mut read = Vec::new();
    for (path, source) in templates {
        let of_chart = values_of(&path, values);
        match Some(())
            .filter(|()| is_only_source)
            .and_then(|()| read_template(&source, of_chart))
        {
            Some(source) => read.push(source),
            None => files.skipped.add(&path, Reason::Template),
        }
    }
    if read.iter().any(has_virtual_service) {
        files.skipped.note_templates(read.len());
        files.found.extend(read.iter().map(|it| it.name.clone()));
        files.sources.extend(read);
    } else {
        for source in read {
            files.skipped.add(Path::new(&source.name), Reason::Template);
        }
    }
}

/// The `values.yaml` of the nearest folder around a template.
fn values_of<'v>(template: &Path, values: &'v [(PathBuf, Source)]) -> Option<&'v Source> {
    let around = values
        .iter()
        .filter(|(path, _)| path.parent().is_some_and(|it| template.starts_with(it)));
    around
        .max_by_key(|(path, _)| path.components().count())
        .map(|(_, source)| source)
}
