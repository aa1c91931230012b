//! Who the endpoints of a ServiceEntry are: the names that their certificates may have.
//!
//! Source: istio `pilot/pkg/model/push_context.go`, `addServiceAccounts`;
//! `pilot/pkg/serviceregistry/serviceentry/conversion.go`.

use std::collections::BTreeSet;

use super::Inventory;
use crate::services::{KnownService, ServiceSource};

/// The trust domain of a mesh that sets none.
const TRUST_DOMAIN: &str = "cluster.local";

/// The names of the ServiceEntry of a service, and the identities of its endpoints' service accounts. None for a Kubernetes
/// Service: Istio compares no names with those of its service accounts outside a mesh.
pub(crate) fn identities(service: &KnownService<'_>, inventory: &Inventory<'_>) -> BTreeSet<String> {
    let ServiceSource::Entry(own) = service.source else {
        return BTreeSet::new();
    };
    let mut names: BTreeSet<String> = own.spec.subject_alt_names.iter().cloned().collect();
    let namespace = service.namespace;
    let mut add = |account: &str| {
        if !account.is_empty() {
            names.insert(format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}"));
        }
    };
    for entry in inventory.service_entries(namespace, &service.hostname) {
        let Some(selector) = &entry.spec.workload_selector else {
            entry
                .spec
                .endpoints
                .iter()
                .for_each(|it| add(&it.service_account));
            continue;
        };
        let workloads = inventory.workload_entries.selected(namespace, &selector.labels);
        workloads.iter().for_each(|it| add(&it.spec.service_account));
        for pod in inventory.pods.selected(namespace, &selector.labels) {
            // Kubernetes fills in the account of a Pod that names none.
            match pod.spec.spec.service_account_name.as_str() {
                "" => add("default"),
                account => add(account),
            }
        }
    }
    names
}
