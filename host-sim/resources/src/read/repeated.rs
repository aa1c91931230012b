//! A resource that is given more than once: a cluster has one of each kind, namespace and name, the one applied last.

use crate::code::Code;
use std::collections::BTreeMap;

use super::Resources;
use crate::diagnostic::Diagnostics;
use crate::resource::Resource;

/// Keeps the last of those with one name, as `kubectl apply` does in the order of files and documents.
pub(super) fn keep_last(resources: &mut Resources, diagnostics: &mut Diagnostics) {
    let Resources {
        gateways,
        virtual_services,
        destination_rules,
        service_entries,
        workload_entries,
        services,
        pods,
        endpoint_slices,
        endpoints,
        secrets,
        unreadable_secrets: _, // an error wherever one is needed
        unenforced: _,         // none of them is acted on
        unread_routes: _,
        others: _,
        without_namespace: _,
        sources: _,
    } = resources;
    keep_last_of(gateways, diagnostics);
    keep_last_of(virtual_services, diagnostics);
    keep_last_of(destination_rules, diagnostics);
    keep_last_of(service_entries, diagnostics);
    keep_last_of(workload_entries, diagnostics);
    keep_last_of(services, diagnostics);
    keep_last_of(pods, diagnostics);
    keep_last_of(endpoint_slices, diagnostics);
    keep_last_of(endpoints, diagnostics);
    keep_last_of(secrets, diagnostics);
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

fn keep_last_of<T>(resources: &mut Vec<Resource<T>>, diagnostics: &mut Diagnostics) {
    let mut last = BTreeMap::new();
    for (index, resource) in resources.iter().enumerate() {
        last.insert(resource.meta.qualified_name(), index);
    }
    if last.len() == resources.len() {
        return;
    }
    let places: BTreeMap<String, (usize, String)> = last
        .into_iter()
        .map(|(name, index)| {
            let span = resources.get(index).map(|it| it.origin.at("metadata.name"));
            let place = span
                .map(|it| format!("{}:{}", it.file, it.line))
                .unwrap_or_default();
            (name, (index, place))
        })
        .collect();
    let mut index = 0;
    resources.retain(|resource| {
        let last = places.get(&resource.meta.qualified_name());
        let later = last.filter(|(last, _)| *last != index && !resource.meta.name.is_empty());
        index += 1;
        if let Some((_, place)) = later {
            let subject = resource.origin.subject();
            diagnostics
                .warn(
                    Code::RepeatedResource,
                    format!("{subject} is given again at {place}: only the last one counts, as with `kubectl apply`"),
                )
                .on(&resource.origin, "metadata.name")
                .help(help(resource.origin.file(), place));
        }
        later.is_none()
    });
}
