//! Which proxies are meant where `--labels` is not given.
//!
//! The usual one is the gateway of Istio's installation. If no Gateway is for that one, or it has no route, those that the
//! other Gateways select are meant: each of them that has a route, and the usual one too if a VirtualService names a Gateway
//! that is not in the input. The only one runs in the namespace of its Gateway if it has no route in the usual one.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{
    Assume, Options, SelectedProxy, is_selected, lacks_gateways, other_proxies,
};
use fingerpost_resources::{Resources, visible};
use fingerpost_terminal::messages::note_once;

use crate::caller::Caller;

/// A proxy to compile for.
pub(crate) struct Proxy {
    pub(crate) options: Options,
    /// What may be assumed for it.
    pub(crate) assume: Assume,
    /// The first Gateway that selects it, as `namespace/name`, if its labels are taken from there.
    pub(crate) gateway: Option<String>,
}

/// Proxies to choose from: of the first group with a route each that has one, or the first group if none has. No group is empty.
pub(crate) type Choice = Vec<Vec<Proxy>>;

/// The proxies that the Gateways leave to choose from. Some have no route: nothing comes to a proxy for egress by the Gateways
/// alone.
pub(crate) fn find(resources: &Resources, options: &Options, assume: Assume) -> Choice {
    let others = other_proxies(resources, options);
    let is_selected = is_selected(resources, options);
    let lacks_gateways = assume == Assume::GatewaysAndServices && lacks_gateways(resources, options);
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
    let usual = || Proxy {
        options: options.clone(),
        assume,
        gateway: None,
    };
    let mut groups = Vec::new();
    if is_selected || others.is_empty() {
        groups.push(vec![usual()]);
    }
    // A Gateway that is not in the input belongs to the usual proxy.
    let has_assumed = !is_selected && lacks_gateways;
    match others.as_slice() {
        [] => {}
        [one] => {
            groups.push(vec![of(one, assume)]);
            // A gateway is often installed beside its Gateways.
            if options.namespace == Options::default().namespace {
                let mut beside = of(one, assume);
                let namespace = one.gateway.split('/').next().unwrap_or_default();
                beside.options.namespace = namespace.to_owned();
                groups.push(vec![beside]);
            }
            if has_assumed {
                groups.push(vec![usual()]);
            }
        }
        several => {
            let several = several.iter().map(|it| of(it, assumes_services));
            groups.push(several.chain(has_assumed.then(usual)).collect());
        }
    }
    groups
}

/// Every proxy that the Gateways select, or the usual one if they select none.
pub(crate) fn find_all(resources: &Resources, options: &Options, assume: Assume) -> Choice {
    let others = other_proxies(resources, options);
    let usual = (is_selected(resources, options) || others.is_empty()).then(|| Proxy {
        options: options.clone(),
        assume,
        gateway: None,
    });
    let others = others.into_iter().map(|other| Proxy {
        options: Options {
            labels: other.labels,
            ..options.clone()
        },
        assume,
        gateway: Some(other.gateway),
    });
    vec![usual.into_iter().chain(others).collect()]
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
