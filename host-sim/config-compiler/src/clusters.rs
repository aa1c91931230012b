//! The clusters that routes lead to.
//!
//! Decides which of the named clusters exist, and what an Envoy `Cluster` for them is. A name that has
//! no cluster stays without: Envoy answers 503 there, as behind Istio.
//! Source: istio `pilot/pkg/networking/core/cluster.go`, `cluster_builder.go`; spec 3.12, 4.

use std::collections::BTreeSet;

use fingerpost_resources::Resources;
use serde_json::{Value, json};

use crate::address::{SOCKET, address};
use crate::cluster_policies::Policies;
use crate::endpoints::{self, Endpoint, Endpoints, Labels};
use crate::mesh::Mesh;
use crate::proto::{fields, typed};
use crate::protocol::Protocol;
use crate::services::ClusterRef;

/// A cluster of the bootstrap.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// What it is.
    pub wanted: ClusterRef,
    /// Its name.
    pub name: String,
    /// Where its requests go.
    pub endpoints: Endpoints,
    /// The Envoy `Cluster`.
    pub envoy: Value,
}

/// Builds those of `wanted` that exist, each once, in order of name.
pub(crate) fn build(wanted: &BTreeSet<ClusterRef>, mesh: &Mesh<'_>, resources: &Resources) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = wanted
        .iter()
        .filter_map(|it| cluster(it, mesh, resources))
        .collect();
    clusters.sort_by(|one, other| one.name.cmp(&other.name));
    clusters
}

/// Why a cluster does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// No service has that host.
    Host,
    /// The service does not have that port.
    Port,
    /// No DestinationRule of the service defines that subset.
    Subset,
}

/// Whether the cluster exists, and why not.
pub(crate) fn check(wanted: &ClusterRef, mesh: &Mesh<'_>) -> Result<(), Missing> {
    let service = mesh.services.find(&wanted.hostname, "").ok_or(Missing::Host)?;
    service.port(wanted.port).ok_or(Missing::Port)?;
    if wanted.subset.is_empty() {
        return Ok(());
    }
    let rule = mesh.destination_rules.find(&wanted.hostname, service.namespace);
    match rule.and_then(|rule| rule.subset(&wanted.subset)) {
        Some(_) => Ok(()),
        None => Err(Missing::Subset),
    }
}

fn cluster(wanted: &ClusterRef, mesh: &Mesh<'_>, resources: &Resources) -> Option<Cluster> {
    check(wanted, mesh).ok()?;
    let service = mesh.services.find(&wanted.hostname, "")?;
    let port = service.port(wanted.port)?;
    let rule = mesh.destination_rules.find(&wanted.hostname, service.namespace);
    let subset = rule.and_then(|rule| rule.subset(&wanted.subset));
    let no_labels = Labels::new();
    let labels = subset.map_or(&no_labels, |subset| &subset.labels);
    let found = endpoints::find(service, port, labels, resources);
    let policies = Policies::of(rule, subset, wanted.port);
    let name = wanted.name();
    let addresses = match &found {
        Endpoints::Known(endpoints) => endpoints.clone(),
        Endpoints::Dns { host, port } => {
            // A wildcard is no name to resolve: such a cluster starts without endpoints.
            let resolvable = !host.starts_with('*');
            resolvable
                .then(|| Endpoint {
                    address: host.clone(),
                    port: *port,
                })
                .into_iter()
                .collect()
        }
    };
    let is_static = addresses
        .iter()
        .all(|it| it.address.starts_with(SOCKET) || it.address.parse::<std::net::IpAddr>().is_ok());
    let endpoints: Vec<Value> = addresses.iter().map(lb_endpoint).collect();
    let mut written = fields(json!({
        "name": name,
        "type": if is_static { "STATIC" } else { "STRICT_DNS" },
        "connect_timeout": "10s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }));
    if !is_static {
        written.insert("dns_lookup_family".to_owned(), json!("V4_PREFERRED"));
        written.insert("respect_dns_ttl".to_owned(), json!(true));
        written.insert("dns_refresh_rate".to_owned(), json!("60s"));
    }
    policies.write(&mut written);
    let speaks_http2 = port.protocol == Protocol::Http2 || policies.upgrades_to_http2(port.protocol);
    if speaks_http2 {
        let options = typed(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            fields(json!({"explicit_http_config": {"http2_protocol_options": {}}})),
        );
        written.insert(
            "typed_extension_protocol_options".to_owned(),
            json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}),
        );
    }
    Some(Cluster {
        wanted: wanted.clone(),
        name,
        endpoints: found,
        envoy: Value::Object(written),
    })
}

fn lb_endpoint(endpoint: &Endpoint) -> Value {
    json!({"endpoint": {"address": address(&endpoint.address, endpoint.port)}})
}
