//! Which proxies are meant where `--labels` is not given.
//!
//! The usual one is the gateway of Istio's installation. If no Gateway is for that one, those that the Gateways select are
//! meant: each of them that has a route, and the usual one too if a VirtualService names a Gateway that is not in the input. The
//! only one runs in the namespace of its Gateway if it has no route in the usual one.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{Assume, Options, SelectedProxy, lacks_gateways, other_proxies};
use fingerpost_resources::{Resources, visible};

use crate::caller::Caller;
use crate::skipped::note_once;

/// A proxy to compile for.
pub(crate) struct Proxy {
    pub(crate) options: Options,
    /// What may be assumed for it.
    pub(crate) assume: Assume,
    /// The first Gateway that selects it, as `namespace/name`, if its labels are taken from there.
    pub(crate) gateway: Option<String>,
}

/// Proxies to choose from, at least one each.
pub(crate) enum Proxies {
    /// The first one that has a route.
    FirstOf(Vec<Proxy>),
    /// Every one that has a route.
    EachOf(Vec<Proxy>),
}

/// The proxies that the Gateways leave to choose from. Some have no route: nothing comes to a proxy for egress by the Gateways
/// alone.
pub(crate) fn find(resources: &Resources, options: Options, assume: Assume) -> Proxies {
    let others = other_proxies(resources, &options);
    let lacks_gateways = assume == Assume::GatewaysAndServices && lacks_gateways(resources, &options);
    let of = |other: &SelectedProxy, assume| Proxy {
        options: Options {
            labels: other.labels.clone(),
            ..options.clone()
        },
        assume,
        gateway: Some(other.gateway.clone()),
    };
    let assumes_services = match assume {
        Assume::Nothing => Assume::Nothing,
        Assume::Services | Assume::GatewaysAndServices => Assume::Services,
    };
    let mut proxies: Vec<Proxy> = match others.as_slice() {
        [one] => {
            let mut proxies = vec![of(one, assume)];
            // A gateway is often installed beside its Gateways.
            if options.namespace == Options::default().namespace {
                let mut beside = of(one, assume);
                let namespace = one.gateway.split('/').next().unwrap_or_default();
                beside.options.namespace = namespace.to_owned();
                proxies.push(beside);
            }
            proxies
        }
        several => several.iter().map(|it| of(it, assumes_services)).collect(),
    };
    if lacks_gateways || proxies.is_empty() {
        proxies.push(Proxy {
            options,
            assume,
            gateway: None,
        });
    }
    if others.len() > 1 {
        Proxies::EachOf(proxies)
    } else {
        Proxies::FirstOf(proxies)
    }
}

/// Says what of the proxy is taken from a Gateway: its labels, and its namespace if that is not the one that was given.
pub(crate) fn note_labels(options: &Options, given: &str, gateway: &str, caller: Caller) {
    let option = caller.option_for_labels();
    let labels = shown(&options.labels);
    let gateway = visible(gateway);
    note_once(if options.namespace == given {
        format!(
            "the labels of the proxy, {labels}, are taken from Gateway {gateway}: {option} chooses others"
        )
    } else {
        format!(
            "the labels of the proxy, {labels}, and its namespace, {}, are taken from Gateway {gateway}: {option} chooses others",
            visible(&options.namespace)
        )
    });
}

/// Labels as `--labels` takes them.
pub(crate) fn shown(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    visible(&pairs.join(",")).into_owned()
}
