//! Which of Kubernetes' own objects Istio's resources refer to.
//!
//! An object that nothing refers to does not affect routing, so an error in it must not refuse the input. Names are
//! compared loosely: too many objects may count as referred to, never too few.

use std::collections::BTreeSet;

use super::Resources;
use crate::resource::Meta;
use crate::virtual_service::Destination;

/// The names that are referred to.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Secrets, in any namespace.
    secrets: BTreeSet<String>,
    /// The first labels of destinations' hosts, in lower case.
    hosts: BTreeSet<String>,
    /// Namespaces in which destinations may have workloads.
    namespaces: BTreeSet<String>,
}

impl References {
    pub(super) fn of(resources: &Resources) -> Self {
        let mut references = Self::default();
        let servers = resources.gateways.iter().flat_map(|it| &it.spec.servers);
        for tls in servers.filter_map(|it| it.tls.as_ref()) {
            references.secret(&tls.credential_name);
            references.secret(&tls.ca_cert_credential_name);
            tls.credential_names.iter().for_each(|it| references.secret(it));
        }
        let rules = resources.destination_rules.iter().map(|it| &it.spec);
        let policies = rules.flat_map(|it| {
            let subsets = it.subsets.iter().filter_map(|it| it.traffic_policy.as_ref());
            it.traffic_policy.iter().chain(subsets)
        });
        let settings = policies.flat_map(|it| {
            let ports = it.port_level_settings.iter().filter_map(|it| it.tls.as_ref());
            it.tls.iter().chain(ports)
        });
        settings.for_each(|it| references.secret(&it.credential_name));
        for entry in &resources.service_entries {
            references.namespaces.insert(entry.meta.namespace.clone());
        }
        for service in &resources.virtual_services {
            references.namespaces.insert(service.meta.namespace.clone());
            let service = &service.spec;
            for rule in &service.http {
                let routes = rule.route.iter().map(|it| it.destination.as_ref());
                let mirrors = rule.mirrors.iter().map(|it| it.destination.as_ref());
                routes
                    .chain(mirrors)
                    .chain([rule.mirror.as_deref()])
                    .for_each(|it| references.destination(it));
            }
            let tls = service.tls.iter().flat_map(|it| &it.route);
            let tcp = service.tcp.iter().flat_map(|it| &it.route);
            tls.chain(tcp)
                .for_each(|it| references.destination(it.destination.as_ref()));
        }
        references
    }

    fn secret(&mut self, name: &str) {
        // `kubernetes://name` and `namespace/name` are names of Secrets too.
        let name = name.rsplit('/').next().unwrap_or(name);
        self.secrets.insert(name.to_owned());
        self.secrets.insert(format!("{name}-cacert"));
    }

    fn destination(&mut self, destination: Option<&Destination>) {
        if let Some(destination) = destination {
            self.hosts.insert(first_label(&destination.host));
            let namespace = destination.host.split('.').nth(1);
            self.namespaces.extend(namespace.map(str::to_owned));
        }
    }

    /// Whether a credential names this Secret.
    pub(super) fn has_secret(&self, meta: &Meta) -> bool {
        self.secrets.contains(&meta.name)
    }

    /// Whether a destination may be the service of this name.
    pub(super) fn has_service(&self, name: &str) -> bool {
        self.hosts.contains(&first_label(name))
    }

    /// Whether a destination may have this workload.
    pub(super) fn has_workload(&self, meta: &Meta) -> bool {
        self.namespaces.contains(&meta.namespace)
    }
}

fn first_label(host: &str) -> String {
    host.split('.').next().unwrap_or(host).to_ascii_lowercase()
}
