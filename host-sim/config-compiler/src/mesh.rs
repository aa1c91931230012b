//! What the routes of every listener look things up in: services and DestinationRules.

use fingerpost_resources::Resources;

use crate::destination_rules::{DestinationRules, EffectiveRule};
use crate::endpoints::Inventory;
use crate::options::Options;
use crate::proxy_place::ProxyPlace;
use crate::services::{ClusterRef, Services};

/// The surroundings of the routes.
#[derive(Debug)]
pub(crate) struct Mesh<'a> {
    /// The services that the proxy sees.
    pub services: Services<'a>,
    /// The DestinationRules of the input.
    pub destination_rules: DestinationRules<'a>,
    /// The workloads of the input.
    pub inventory: Inventory<'a>,
    /// Where the proxy runs.
    pub place: ProxyPlace,
    /// For whom is compiled.
    pub options: &'a Options,
    /// The input.
    pub resources: &'a Resources,
}

impl<'a> Mesh<'a> {
    /// Gathers them.
    pub(crate) fn new(resources: &'a Resources, options: &'a Options) -> Self {
        let inventory = Inventory::new(resources);
        Self {
            services: Services::new(resources, options),
            destination_rules: DestinationRules::new(resources, options),
            place: ProxyPlace::find(options, &inventory),
            inventory,
            options,
            resources,
        }
    }

    /// The DestinationRule of a cluster, as a VirtualService of `namespace` sees its service.
    pub(crate) fn rule_of(&self, cluster: &ClusterRef, namespace: &str) -> Option<&EffectiveRule<'a>> {
        let service = self.services.find(&cluster.hostname, namespace)?;
        self.destination_rules.find(&cluster.hostname, service.namespace)
    }
}
