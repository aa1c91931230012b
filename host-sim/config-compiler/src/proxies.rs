//! For which proxies the Gateways of the input are.
//!
//! Decides which selectors are for a proxy at all: not one that is misspelt. A compilation is for the proxy in [`Options`],
//! and its caller chooses that one.

use std::collections::BTreeMap;

use fingerpost_resources::Resources;

use crate::gateways::selects_proxy;
use crate::options::Options;
use crate::slips::meant_labels;

/// A proxy by the selector of its Gateways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedProxy {
    /// The selector, which a proxy with these labels satisfies.
    pub labels: BTreeMap<String, String>,
    /// The first Gateway with it, as `namespace/name`.
    pub gateway: String,
}

/// Whether a Gateway selects the proxy of `options`.
pub fn is_selected(resources: &Resources, options: &Options) -> bool {
    resources.gateways.iter().any(|it| selects_proxy(it, options))
}

/// The proxies of the Gateways that do not select the proxy of `options`; each once, in the order of the input. A proxy that
/// one selector describes in full satisfies those that ask for a part of its labels. A selector that probably meant the proxy
/// of `options` is for none.
pub fn other_proxies(resources: &Resources, options: &Options) -> Vec<SelectedProxy> {
    let mut proxies: Vec<SelectedProxy> = Vec::new();
    for gateway in &resources.gateways {
        let labels = &gateway.spec.selector;
        if selects_proxy(gateway, options) || is_misspelt(labels, resources, options) {
            continue;
        }
        let covers =
            |one: &Labels, other: &Labels| other.iter().all(|(key, value)| one.get(key) == Some(value));
        if proxies.iter().any(|it| covers(&it.labels, labels)) {
            continue;
        }
        proxies.retain(|it| !covers(labels, &it.labels));
        proxies.push(SelectedProxy {
            labels: labels.clone(),
            gateway: gateway.meta.qualified_name(),
        });
    }
    proxies
}

/// Whether the selector is for the proxy of `options` but for a slip, and no workload of the input has such labels.
fn is_misspelt(selector: &Labels, resources: &Resources, options: &Options) -> bool {
    let templates = resources.pod_templates.iter().map(|it| &it.labels);
    let mut workloads = templates.chain(resources.pods.iter().map(|it| &it.meta.labels));
    let has_all = |labels: &Labels| selector.iter().all(|(key, value)| labels.get(key) == Some(value));
    !meant_labels(selector, &options.labels).is_empty() && !workloads.any(has_all)
}

type Labels = BTreeMap<String, String>;
