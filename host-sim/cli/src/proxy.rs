//! Which proxies are meant where `--labels` is not given.
//!
//! The usual one is the gateway of Istio's installation. If no Gateway is for that one, those that the Gateways select are
//! meant: each of them, and the usual one too if a VirtualService names a Gateway that is not in the input.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{Assume, Options, lacks_gateways, other_proxies};
use fingerpost_resources::{Resources, visible};

use crate::skipped::note_once;

/// A proxy to compile for.
pub(crate) struct Proxy {
    pub(crate) options: Options,
    /// What may be assumed for it.
    pub(crate) assume: Assume,
    /// The first Gateway that selects it, as `namespace/name`, if its labels are taken from there.
    pub(crate) gateway: Option<String>,
}

/// The proxies that the Gateways leave to choose from, at least one. Says where labels are taken from.
pub(crate) fn find(resources: &Resources, options: Options, assume: Assume) -> Vec<Proxy> {
    let others = other_proxies(resources, &options);
    let of = |labels: &BTreeMap<String, String>, gateway: &str, assume| Proxy {
        options: Options {
            labels: labels.clone(),
            ..options.clone()
        },
        assume,
        gateway: Some(gateway.to_owned()),
    };
    match others.as_slice() {
        [] => vec![Proxy {
            options,
            assume,
            gateway: None,
        }],
        [one] => {
            note_once(format!(
                "the labels of the proxy, {}, are taken from Gateway {}: --labels chooses others",
                shown(&one.labels),
                visible(&one.gateway)
            ));
            vec![of(&one.labels, &one.gateway, assume)]
        }
        several => {
            let without_gateways = match assume {
                Assume::Nothing => Assume::Nothing,
                Assume::Services | Assume::GatewaysAndServices => Assume::Services,
            };
            let several = several.iter();
            let mut proxies: Vec<Proxy> = several
                .map(|it| of(&it.labels, &it.gateway, without_gateways))
                .collect();
            if assume == Assume::GatewaysAndServices && lacks_gateways(resources, &options) {
                proxies.push(Proxy {
                    options,
                    assume,
                    gateway: None,
                });
            }
            proxies
        }
    }
}

/// Labels as `--labels` takes them.
pub(crate) fn shown(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    visible(&pairs.join(",")).into_owned()
}
