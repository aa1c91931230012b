//! What an answer rests on that is not in the input.
//!
//! What is assumed, the compiler decides.

use std::collections::BTreeSet;
use std::fmt;

use fingerpost_config_compiler::{Compilation, gateway_name, is_stand_in};

use crate::explanation::{Assumed, AssumedKind, Explanation, Outcome};

/// What is assumed of this answer.
pub(crate) fn of_explanation(loaded: &Compilation, told: &Explanation) -> Vec<Assumed> {
    let services = told.host.as_ref().map(|it| it.virtual_services.as_slice());
    let hosts: Vec<&str> = match &told.outcome {
        Outcome::Forward(forward) => forward.destinations.iter().map(|it| it.host.as_str()).collect(),
        Outcome::Answer { .. }
        | Outcome::ToHttps { .. }
        | Outcome::NotFound { .. }
        | Outcome::Refused { .. }
        | Outcome::Unknown { .. }
        | Outcome::NoConnection { .. }
        | Outcome::Bytes { .. } => Vec::new(),
    };
    assumed_for(loaded, services, &hosts)
}

/// What is assumed of an answer by these VirtualServices, as `namespace/name`, that leads to these hosts. Without
/// VirtualServices it rests on the assumed Gateways, if there are no others.
#[must_use]
pub fn assumed_for(
    loaded: &Compilation,
    virtual_services: Option<&[String]>,
    hosts: &[&str],
) -> Vec<Assumed> {
    let named: Option<Vec<String>> = virtual_services.map(|answering| {
        let services = loaded.resources.virtual_services.iter();
        let services = services.filter(|it| answering.contains(&it.meta.qualified_name()));
        let names = services.flat_map(|it| {
            let names = it.spec.gateways.iter();
            names.map(|name| gateway_name(name, &it.meta.namespace))
        });
        names.collect()
    });
    let gateways = loaded.assumed.gateways.iter();
    let are_alone = loaded.resources.gateways.iter().all(is_stand_in);
    let gateways = gateways.filter(|it| named.as_ref().map_or(are_alone, |names| names.contains(it)));
    let services = loaded.assumed.hosts.iter();
    let services = services.filter(|it| hosts.contains(&it.as_str()));
    let of_kind = |kind: AssumedKind| {
        move |name: &String| Assumed {
            kind,
            name: name.clone(),
        }
    };
    let values = values_in(loaded, virtual_services.unwrap_or_default());
    gateways
        .map(of_kind(AssumedKind::Gateway))
        .chain(services.map(of_kind(AssumedKind::Service)))
        .chain(values.iter().map(of_kind(AssumedKind::Value)))
        .collect()
}

/// What was filled in in the files of these VirtualServices and of the Gateways that they name.
fn values_in(loaded: &Compilation, virtual_services: &[String]) -> BTreeSet<String> {
    let services = loaded.resources.virtual_services.iter();
    let services = services.filter(|it| virtual_services.contains(&it.meta.qualified_name()));
    let services: Vec<_> = services.collect();
    let named = services.iter().flat_map(|it| {
        let names = it.spec.gateways.iter();
        names.map(|name| gateway_name(name, &it.meta.namespace))
    });
    let named: BTreeSet<String> = named.collect();
    let gateways = loaded.resources.gateways.iter();
    let gateways = gateways.filter(|it| named.contains(&it.meta.qualified_name()) && !is_stand_in(it));
    let files = services.iter().map(|it| it.origin.file());
    let files: BTreeSet<&str> = files.chain(gateways.map(|it| it.origin.file())).collect();
    let sources = &loaded.resources.sources;
    let stand_ins = files.into_iter().flat_map(|it| sources.stand_ins(it));
    stand_ins.map(|(it, with)| format!("{it} = {with}")).collect()
}

impl fmt::Display for Assumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            AssumedKind::Gateway => "Gateway",
            AssumedKind::Service => "service",
            AssumedKind::Value => "value",
        };
        write!(f, "{kind} {}", self.name)
    }
}
