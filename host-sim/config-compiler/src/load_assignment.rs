//! Endpoints as an Envoy `ClusterLoadAssignment`, grouped by locality.
//!
//! Decides how weights and localities are written. A cluster without either is written without: to Envoy that is the same.
//! No locality has a priority: which is near depends on where the proxy runs, and that is not known.
//! Source: istio `pilot/pkg/xds/endpoints/endpoint_builder.go`, `generate`.

use std::collections::BTreeMap;

use fingerpost_envoy_config::core::Locality;
use fingerpost_envoy_config::endpoint::{ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints};

use crate::address::{address, pipe};
use crate::endpoints::{Endpoint, EndpointAddress};

/// The assignment of the cluster `name`.
pub(crate) fn load_assignment(name: &str, endpoints: &[Endpoint]) -> ClusterLoadAssignment {
    let are_plain = endpoints
        .iter()
        .all(|it| it.weight == 1 && it.locality.is_empty());
    let groups = if are_plain {
        vec![LocalityLbEndpoints {
            lb_endpoints: endpoints.iter().map(|it| lb_endpoint(it, None)).collect(),
            ..LocalityLbEndpoints::default()
        }]
    } else {
        let groups = by_locality(endpoints).into_iter();
        groups
            .map(|(locality, group)| weighted(locality, &group))
            .collect()
    };
    ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        endpoints: groups,
    }
}

fn by_locality(endpoints: &[Endpoint]) -> BTreeMap<&str, Vec<&Endpoint>> {
    let mut groups: BTreeMap<&str, Vec<&Endpoint>> = BTreeMap::new();
    for endpoint in endpoints {
        groups.entry(&endpoint.locality).or_default().push(endpoint);
    }
    groups
}

/// The weight of a locality: at most the largest number there is, as in Istio.
fn sum(group: &[&Endpoint]) -> u32 {
    let weights = group.iter().map(|it| it.weight);
    weights.fold(0, u32::saturating_add)
}

fn weighted(locality: &str, group: &[&Endpoint]) -> LocalityLbEndpoints {
    let mut parts = locality.split('/').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    let locality = Locality {
        region: part(),
        zone: part(),
        sub_zone: part(),
    };
    let endpoints = group.iter().map(|it| lb_endpoint(it, Some(it.weight)));
    LocalityLbEndpoints {
        locality: Some(locality).filter(|it| *it != Locality::default()),
        lb_endpoints: endpoints.collect(),
        load_balancing_weight: Some(sum(group)),
    }
}

fn lb_endpoint(endpoint: &Endpoint, weight: Option<u32>) -> LbEndpoint {
    let address = match &endpoint.address {
        EndpointAddress::Socket { host, port } => address(host, *port),
        EndpointAddress::Pipe(path) => pipe(path),
    };
    LbEndpoint {
        endpoint: fingerpost_envoy_config::endpoint::Endpoint { address },
        load_balancing_weight: weight,
    }
}
