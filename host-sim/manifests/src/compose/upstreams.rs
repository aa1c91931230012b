//! The upstreams that get an echo server: the host names among the endpoints, each with its ports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fingerpost_config_compiler::{ClusterSummary, EndpointAddress, Endpoints, Summary};

/// A host name that Envoy connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upstream {
    /// The name.
    pub(super) host: String,
    /// The ports that endpoints of this name have.
    pub(super) ports: BTreeSet<u32>,
    /// The full names of the services that it is an endpoint of.
    pub(super) services: BTreeSet<String>,
    /// The subsets that it is in.
    pub(super) subsets: BTreeSet<String>,
}

/// Sorted by name.
pub(super) fn upstreams(summary: &Summary) -> Vec<Upstream> {
    let mut found: BTreeMap<String, Upstream> = BTreeMap::new();
    for cluster in &summary.clusters {
        for (host, port) in sockets(cluster) {
            if host.parse::<IpAddr>().is_ok() {
                continue;
            }
            let upstream = found.entry(host.clone()).or_insert_with(|| Upstream {
                host,
                ports: BTreeSet::new(),
                services: BTreeSet::new(),
                subsets: BTreeSet::new(),
            });
            upstream.ports.insert(port);
            upstream.services.insert(cluster.host.clone());
            upstream.subsets.extend(cluster.subset.clone());
        }
    }
    found.into_values().collect()
}

/// Where a cluster connects to, as host and port.
fn sockets(cluster: &ClusterSummary) -> Vec<(String, u32)> {
    match &cluster.endpoints {
        Endpoints::Known(endpoints) => {
            let addresses = endpoints.iter().map(|it| &it.address);
            let sockets = addresses.filter_map(|address| match address {
                EndpointAddress::Socket { host, port } => Some((host.clone(), *port)),
                EndpointAddress::Pipe(_) => None,
            });
            sockets.collect()
        }
        Endpoints::Dns { host, port } => vec![(host.clone(), *port)],
        Endpoints::Empty(_) => Vec::new(),
    }
}
