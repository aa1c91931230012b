//! Values that another tool would have filled in, and that the caller has stand-ins for: what rests on them.
//!
//! What gets a stand-in, and which, `fingerpost-resources` decides. This says what that means for names of services and Gateways.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::{Resource, Resources, Source, VirtualService};

use crate::virtual_services::gateway_name;

/// Where resources that name no namespace are, if they have none of their own and VirtualServices name their Gateways in one
/// other namespace: that of `kubectl apply -n`. The files of these Gateways are beside it.
pub fn namespace_of_gateways(resources: &Resources) -> Option<(String, BTreeSet<String>)> {
    let services = resources.virtual_services.iter();
    let named: BTreeSet<String> = services
        .flat_map(|it| {
            it.spec
                .gateways
                .iter()
                .map(|name| gateway_name(name, &it.meta.namespace))
        })
        .collect();
    let known: BTreeSet<String> = resources
        .gateways
        .iter()
        .map(|it| it.meta.qualified_name())
        .collect();
    let unplaced = resources
        .gateways
        .iter()
        .filter(|it| !it.origin.has("metadata.namespace"));
    let mut namespaces = BTreeSet::new();
    let mut files = BTreeSet::new();
    for gateway in unplaced {
        if named.contains(&gateway.meta.qualified_name()) {
            return None;
        }
        let missing = named
            .iter()
            .filter(|it| !known.contains(*it))
            .filter_map(|it| it.split_once('/'));
        let elsewhere = missing.filter(|(_, name)| *name == gateway.meta.name);
        let before = namespaces.len();
        namespaces.extend(elsewhere.map(|(namespace, _)| namespace.to_owned()));
        if namespaces.len() > before {
            files.insert(gateway.origin.file().to_owned());
        }
    }
    let only = namespaces.pop_first().filter(|_| namespaces.is_empty())?;
    Some((only, files))
}

/// Whether the host of a destination has a part that was filled in: the name of the service is not known then.
pub(crate) fn is_filled_in(host: &str, service: &Resource<VirtualService>, resources: &Resources) -> bool {
    let mut stand_ins = resources.sources.stand_ins(service.origin.file());
    stand_ins.any(|(_, value)| value.contains(char::is_alphabetic) && host.contains(value))
}

/// What was filled in for placeholders, each once.
pub(crate) fn filled_in(resources: &Resources) -> Vec<String> {
    let mut values: BTreeMap<&str, &str> = BTreeMap::new();
    for (placeholder, value) in resources.sources.iter().flat_map(Source::stand_ins) {
        values.entry(placeholder).or_insert(value);
    }
    values.iter().map(|(it, with)| format!("{it} = {with}")).collect()
}
