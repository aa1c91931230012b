//! A resource that is given more than once: a cluster has one of each kind, namespace and name, the one applied last.

use std::collections::BTreeMap;

use super::Resources;
use super::each_kind::each_kind;
use crate::code::Code;
use crate::diagnostic::Diagnostics;
use crate::resource::{Origin, Resource};

/// The last resource with a name: how many come before it, and where it is written.
type Last = BTreeMap<String, (usize, String)>;

/// Keeps the last of those with one name, as `kubectl apply` does in the order of files and documents.
pub(super) fn keep_last(resources: &mut Resources, diagnostics: &mut Diagnostics) {
    let mut last = Last::new();
    let mut index = 0;
    each_kind!(&*resources, |list| for resource in list {
        let name = resource.origin.at("metadata.name");
        let place = name.to_string();
        last.insert(resource.origin.subject().to_owned(), (index, place));
        index += 1;
    });
    if last.len() == index {
        return;
    }
    let mut index = 0;
    each_kind!(resources, |list| list.retain(|it| {
        let later = later(it, index, &last);
        index += 1;
        if let Some(place) = later {
            report(&it.origin, place, diagnostics);
        }
        later.is_none()
    }));
}

/// Where a resource is given again, if it is. Those without a name are all kept: their errors say so.
fn later<'l, T>(resource: &Resource<T>, index: usize, last: &'l Last) -> Option<&'l str> {
    let (last_index, place) = last.get(resource.origin.subject())?;
    (*last_index != index && !resource.meta.name.is_empty()).then_some(place)
}

fn report(origin: &Origin, place: &str, diagnostics: &mut Diagnostics) {
    let subject = origin.subject();
    diagnostics
        .warn(
            Code::RepeatedResource,
            format!("{subject} is given again at {place}: only the last one counts, as with `kubectl apply`"),
        )
        .on(origin, "metadata.name")
        .help(help(origin.file(), place));
}

/// Folders often hold one resource for each environment, and name it alike in all.
fn help(file: &str, later_place: &str) -> String {
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    match (folder(file), folder(later_place)) {
        (Some(one), Some(other)) if one != other => {
            format!("if the folders are for different clusters, read one of them: `-f {other}` or `-f {one}`")
        }
        (Some(_), Some(_)) | (None, _) | (_, None) => {
            "remove one of them, or give them different names".to_owned()
        }
    }
}
