//! Endpoints as an Envoy `ClusterLoadAssignment`.
//!
//! Decides how weights and localities are written. A cluster without either is written without: to Envoy that is the same.
//! Which localities come first, and their shares, is `locality_lb`.
//! Source: istio `pilot/pkg/xds/endpoints/endpoint_builder.go`, `generate`.

use fingerpost_envoy_config::core;
use fingerpost_envoy_config::endpoint::{ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints};

use crate::address::{address, pipe};
use crate::endpoints::{Endpoint, EndpointAddress};
use crate::locality::Locality;
use crate::locality_lb::Group;

/// The assignment of the cluster `name`.
pub(crate) fn load_assignment(name: &str, groups: &[Group]) -> ClusterLoadAssignment {
    let endpoints = match groups {
        [] => vec![LocalityLbEndpoints::default()],
        [only] if is_plain(only) => vec![LocalityLbEndpoints {
            lb_endpoints: only.endpoints.iter().map(|it| lb_endpoint(it, None)).collect(),
            ..LocalityLbEndpoints::default()
        }],
        several => several.iter().map(weighted).collect(),
    };
    ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        endpoints,
    }
}

fn is_plain(group: &Group) -> bool {
    group.locality.is_empty() && group.endpoints.iter().all(|it| it.weight == 1)
}

fn weighted(group: &Group) -> LocalityLbEndpoints {
    let locality = locality(&Locality::of(&group.locality));
    let endpoints = group.endpoints.iter().map(|it| lb_endpoint(it, Some(it.weight)));
    LocalityLbEndpoints {
        locality: Some(locality).filter(|it| *it != core::Locality::default()),
        lb_endpoints: endpoints.collect(),
        load_balancing_weight: Some(group.weight),
        priority: group.priority,
    }
}

/// A locality as Envoy writes it.
pub(crate) fn locality(locality: &Locality) -> core::Locality {
    let Locality {
        region,
        zone,
        sub_zone,
    } = locality.clone();
    core::Locality {
        region,
        zone,
        sub_zone,
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
