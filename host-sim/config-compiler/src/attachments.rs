//! Which VirtualServices a server takes: those that name its Gateway and have a host in common with it, and for which
//! domains.
//!
//! Decides by Gateway and host alone; whether a rule is for the server's port is for `routes` and `tcp`. A gateway may
//! have thousands of servers and of VirtualServices, so that not every pair is compared.

use std::collections::HashMap;

use crate::gateways::{BoundServer, MergedListener};
use crate::host::{self, HostIndex};
use crate::virtual_services::BoundVirtualService;

/// Servers and VirtualServices that belong together.
#[derive(Debug)]
pub(crate) struct Attachments<'a, 'r> {
    services: &'a [BoundVirtualService<'r>],
    /// The servers of each Gateway, in order of merging.
    by_gateway: HashMap<String, Vec<&'a BoundServer<'r>>>,
    /// By the server's place: those of its VirtualServices, in order, each with the domains.
    of_server: HashMap<usize, Vec<(usize, Vec<String>)>>,
    /// By the VirtualService's place: its servers, in order of its Gateways.
    of_service: Vec<Vec<&'a BoundServer<'r>>>,
}

/// A VirtualService that a server takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attached<'s, 'r> {
    /// The VirtualService.
    pub service: &'s BoundVirtualService<'r>,
    /// What they have in common: one name or more.
    pub domains: &'s [String],
}

impl<'a, 'r> Attachments<'a, 'r> {
    /// Finds them all.
    pub(crate) fn new(listeners: &'a [MergedListener<'r>], services: &'a [BoundVirtualService<'r>]) -> Self {
        let mut by_gateway: HashMap<String, Vec<&BoundServer<'r>>> = HashMap::new();
        for server in listeners.iter().flat_map(MergedListener::servers) {
            by_gateway.entry(server.gateway_name()).or_default().push(server);
        }
        let mut near_gateway: HashMap<&str, HostIndex> = HashMap::new();
        for (place, service) in services.iter().enumerate() {
            for gateway in &service.gateways {
                let index = near_gateway.entry(gateway).or_default();
                index.add(place, service.hosts.iter().map(String::as_str));
            }
        }
        let mut of_server = HashMap::new();
        let mut taken_by: Vec<HashMap<&str, Vec<&BoundServer<'r>>>> = vec![HashMap::new(); services.len()];
        for (gateway, servers) in &by_gateway {
            let Some(near) = near_gateway.get(gateway.as_str()) else {
                continue;
            };
            for server in servers {
                let own = Names::new(server);
                let mut taken = Vec::new();
                for place in near.near(own.all()) {
                    let (Some(service), Some(takers)) = (services.get(place), taken_by.get_mut(place)) else {
                        continue;
                    };
                    let domains = own.in_common_with(service);
                    if !domains.is_empty() {
                        taken.push((place, domains));
                        takers.entry(gateway).or_default().push(server);
                    }
                }
                of_server.insert(server.place, taken);
            }
        }
        let in_order = |(service, mut takers): (&BoundVirtualService<'_>, HashMap<&str, Vec<_>>)| {
            let gateways = service.gateways.iter();
            gateways
                .flat_map(|it| takers.remove(it.as_str()).unwrap_or_default())
                .collect()
        };
        let of_service = services.iter().zip(taken_by).map(in_order).collect();
        Self {
            services,
            by_gateway,
            of_server,
            of_service,
        }
    }

    /// The VirtualServices that the server takes, in Istio's order.
    pub(crate) fn of_server(&self, server: &BoundServer<'_>) -> impl Iterator<Item = Attached<'_, 'r>> {
        let taken = self.of_server.get(&server.place).into_iter().flatten();
        taken.filter_map(|(place, domains)| {
            let service = self.services.get(*place)?;
            Some(Attached { service, domains })
        })
    }

    /// The same, without the domains.
    pub(crate) fn services(
        &self,
        server: &BoundServer<'_>,
    ) -> impl Iterator<Item = &BoundVirtualService<'r>> {
        self.of_server(server).map(|it| it.service)
    }

    /// What a server and a VirtualService have in common.
    pub(crate) fn domains(&self, server: &BoundServer<'_>, service: &BoundVirtualService<'_>) -> &[String] {
        let taken = self.of_server.get(&server.place).map_or(&[][..], Vec::as_slice);
        let found = taken.binary_search_by_key(&service.place, |(place, _)| *place);
        let found = found.ok().and_then(|it| taken.get(it));
        found.map_or(&[], |(_, domains)| domains)
    }

    /// The servers of a Gateway, in order of merging.
    pub(crate) fn of_gateway(&self, gateway: &str) -> impl Iterator<Item = &'a BoundServer<'r>> {
        self.by_gateway.get(gateway).into_iter().flatten().copied()
    }

    /// The servers that take the VirtualService, by its Gateways.
    pub(crate) fn of_service(&self, service: &BoundVirtualService<'_>) -> &[&'a BoundServer<'r>] {
        self.of_service.get(service.place).map_or(&[], Vec::as_slice)
    }

    /// The first server of the Gateways that the VirtualService names, whether it takes it or not.
    pub(crate) fn first_of_gateways(&self, service: &BoundVirtualService<'_>) -> Option<&'a BoundServer<'r>> {
        let gateways = service.gateways.iter();
        let firsts = gateways.filter_map(|it| self.of_gateway(it).next());
        firsts.min_by_key(|it| it.place)
    }
}

/// The host names of a server: there may be thousands.
struct Names<'s, 'r> {
    server: &'s BoundServer<'r>,
    index: HostIndex,
}

impl<'s, 'r> Names<'s, 'r> {
    fn new(server: &'s BoundServer<'r>) -> Self {
        let mut index = HostIndex::default();
        for (place, name) in server.hosts.iter().enumerate() {
            index.add(place, [host::without_namespace(name)]);
        }
        Self { server, index }
    }

    fn all(&self) -> impl Iterator<Item = &'s str> {
        self.server.hosts.iter().map(|it| host::without_namespace(it))
    }

    fn in_common_with(&self, service: &BoundVirtualService<'_>) -> Vec<String> {
        let near = self.index.near(service.hosts.iter().map(String::as_str));
        let near = near.into_iter().filter_map(|place| self.server.hosts.get(place));
        let open = host::open_to(near, &service.resource.meta.namespace);
        host::intersection(open, &service.hosts)
    }
}

/// Whether the server has a host of the VirtualService: for one that is in no listener.
pub(crate) fn have_host_in_common(server: &BoundServer<'_>, service: &BoundVirtualService<'_>) -> bool {
    !Names::new(server).in_common_with(service).is_empty()
}
