//! Endpoints as an Envoy `ClusterLoadAssignment`, grouped by locality.
//!
//! Decides how weights and localities are written. A cluster without either is written without: to Envoy that is the same.
//! No locality has a priority: which is near depends on where the proxy runs, and that is not known.
//! Source: istio `pilot/pkg/xds/endpoints/endpoint_builder.go`, `generate`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::address::{SOCKET, address};
use crate::endpoints::{Endpoint, EndpointAddress};
use crate::proto::{Fields, fields};

/// Writes the assignment of the cluster `name`.
pub(crate) fn write(name: &str, endpoints: &[Endpoint]) -> Value {
    let are_plain = endpoints
        .iter()
        .all(|it| it.weight == 1 && it.locality.is_empty());
    let groups: Vec<Value> = match are_plain {
        true => vec![json!({"lb_endpoints": endpoints.iter().map(lb_endpoint).collect::<Vec<_>>()})],
        false => by_locality(endpoints)
            .into_iter()
            .map(|(locality, group)| weighted(locality, &group))
            .collect(),
    };
    json!({"cluster_name": name, "endpoints": groups})
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

fn weighted(locality: &str, group: &[&Endpoint]) -> Value {
    let mut written = Fields::new();
    let parts = ["region", "zone", "sub_zone"]
        .into_iter()
        .zip(locality.split('/'));
    let parts = parts.filter(|(_, part)| !part.is_empty());
    let place: Fields = parts.map(|(name, part)| (name.to_owned(), json!(part))).collect();
    if !place.is_empty() {
        written.insert("locality".to_owned(), Value::Object(place));
    }
    let endpoints = group.iter().map(|it| {
        let mut endpoint = fields(lb_endpoint(it));
        endpoint.insert("load_balancing_weight".to_owned(), json!(it.weight));
        Value::Object(endpoint)
    });
    written.insert("lb_endpoints".to_owned(), endpoints.collect::<Vec<_>>().into());
    written.insert("load_balancing_weight".to_owned(), json!(sum(group)));
    Value::Object(written)
}

fn lb_endpoint(endpoint: &Endpoint) -> Value {
    let address = match &endpoint.address {
        EndpointAddress::Socket { host, port } => address(host, *port),
        EndpointAddress::Pipe(path) => address(&format!("{SOCKET}{path}"), 0),
    };
    json!({"endpoint": {"address": address}})
}
