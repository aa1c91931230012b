//! Where the proxy runs, and the labels by which it is compared with endpoints.
//!
//! Decides its locality: the one that was given, else the one that its labels name, else the one of its Pods in the input
//! if all of them agree.
//! Source: istio `pilot/pkg/xds/ads.go`, `setTopologyLabels` and `localityFromProxyLabels`. Istio takes a Pod's own
//! labels first; here what the user says of the proxy goes before.

use std::collections::BTreeSet;

use crate::endpoints::{Inventory, Labels, locality_of_label, with_place};
use crate::locality::{Locality, REGION, SUB_ZONE, ZONE};
use crate::options::Options;

/// Where a proxy runs.
#[derive(Debug)]
pub(crate) struct ProxyPlace {
    /// Unknown if nothing says it, or if its Pods are in several localities.
    pub locality: Locality,
    /// Its labels, with those that Istio makes of its locality.
    pub labels: Labels,
    /// The localities of its Pods, if these are several.
    pub several: BTreeSet<String>,
}

impl ProxyPlace {
    /// Finds it.
    pub(crate) fn find(options: &Options, inventory: &Inventory<'_>) -> Self {
        let of_labels = || of_labels(&options.labels);
        let given = options.locality.clone().or_else(of_labels);
        let of_pods = match given {
            Some(_) => BTreeSet::new(),
            None => inventory.localities_of_pods(&options.namespace, &options.labels),
        };
        let of_all_pods = of_pods.first().filter(|_| of_pods.len() == 1);
        let locality = given.or_else(|| of_all_pods.map(|it| Locality::of(it)));
        let locality = locality.unwrap_or_default();
        Self {
            labels: with_place(&options.labels, &locality.to_string(), "", ""),
            locality,
            several: if of_pods.len() > 1 {
                of_pods
            } else {
                BTreeSet::new()
            },
        }
    }
}

fn of_labels(labels: &Labels) -> Option<Locality> {
    let part = |name: &str| labels.get(name).cloned().unwrap_or_default();
    let of_topology = Locality {
        region: part(REGION),
        zone: part(ZONE),
        sub_zone: part(SUB_ZONE),
    };
    if !of_topology.is_unknown() {
        return Some(of_topology);
    }
    Some(locality_of_label(labels))
        .filter(|it| !it.is_empty())
        .map(|it| Locality::of(&it))
}
