//! Which proxy is meant where `--labels` is not given.
//!
//! The usual one is the gateway of Istio's installation. If no Gateway is for that one, and all are for one other, that one
//! is meant. Where several could be, it is not guessed.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{Options, other_proxies};
use fingerpost_resources::{Resources, visible};

use crate::skipped::note_once;

/// Takes the labels of the proxy from the Gateways, if they leave no choice. Says what it does.
pub(crate) fn find(resources: &Resources, options: &mut Options) {
    match other_proxies(resources, options).as_slice() {
        [] => {}
        [one] => {
            note_once(format!(
                "the labels of the proxy, {}, are taken from Gateway {}: --labels chooses others",
                shown(&one.labels),
                visible(&one.gateway)
            ));
            options.labels.clone_from(&one.labels);
        }
        several => {
            let choices = several.iter().map(|it| {
                format!(
                    "--labels {} (Gateway {})",
                    shown(&it.labels),
                    visible(&it.gateway)
                )
            });
            note_once(format!(
                "the Gateways are for {} proxies, and none for {}; choose one: {}",
                several.len(),
                shown(&options.labels),
                choices.collect::<Vec<_>>().join(", ")
            ));
        }
    }
}

fn shown(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    visible(&pairs.join(",")).into_owned()
}
