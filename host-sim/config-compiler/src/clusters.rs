//! The clusters that routes lead to.
//!
//! Decides which of the named clusters exist, and what an Envoy `Cluster` for them is. A name that has
//! no cluster stays without: Envoy answers 503 there, as behind Istio.
//! Source: istio `pilot/pkg/networking/core/cluster.go`, `cluster_builder.go`; docs/istio-routing.md 3.12, 4.

use std::collections::BTreeSet;

use fingerpost_envoy_config::Duration;
use fingerpost_envoy_config::cluster::{self, DiscoveryType, DnsLookupFamily};
use fingerpost_resources::{Diagnostics, Resolution, Subset};

use crate::certificate_sources::InlineCertificate;
use crate::cluster_policies::Policies;
use crate::destination_rules::EffectiveRule;
use crate::endpoints::{self, Endpoint, EndpointAddress, Endpoints, Labels, NoEndpoints};
use crate::file_secrets::FileSecret;
use crate::load_assignment::load_assignment;
use crate::mesh::Mesh;
use crate::services::{ClusterRef, KnownPort, KnownService, ServiceSource};
use crate::upstream_socket;
use crate::upstream_summary::UpstreamSummary;

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
    pub envoy: cluster::Cluster,
    /// What is spoken to its endpoints, for people.
    pub upstream: UpstreamSummary,
    /// What it reads from files.
    pub file_secrets: Vec<FileSecret>,
    /// The certificates that it holds.
    pub certificates: Vec<InlineCertificate>,
}

/// Builds those of `wanted` that exist, each once, in order of name.
pub(crate) fn build<'c>(
    wanted: impl Iterator<Item = &'c ClusterRef>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Cluster> {
    let mut reported = BTreeSet::new();
    let built = wanted.filter_map(|it| {
        let mut found = Diagnostics::new();
        let cluster = cluster(it, mesh, &mut found);
        // A DestinationRule is for many clusters.
        let new = found.into_iter().filter(|it| {
            let about = (it.subject.clone(), it.path.clone(), it.message.clone());
            reported.insert(about)
        });
        diagnostics.extend(new);
        cluster
    });
    let mut clusters: Vec<Cluster> = built.collect();
    clusters.sort_by(|one, other| one.name.cmp(&other.name));
    clusters
}

/// Why a cluster does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missing {
    /// No service has that host.
    Host,
    /// The service does not have that port.
    Port,
    /// No DestinationRule of the service defines that subset.
    Subset,
    /// The service is found by DNS, and there is nothing to look up.
    Endpoints(NoEndpoints),
}

/// What a cluster is made of.
pub(crate) struct Parts<'m, 'r> {
    /// The service that it leads to.
    pub service: &'m KnownService<'r>,
    /// The port of it.
    pub port: &'m KnownPort,
    /// Its DestinationRule.
    pub rule: Option<&'m EffectiveRule<'r>>,
    subset: Option<&'r Subset>,
    /// The labels of its subset; none for the whole service.
    pub labels: Labels,
}

/// Why the cluster does not exist, if it does not.
pub(crate) fn check(wanted: &ClusterRef, mesh: &Mesh<'_>) -> Result<(), Missing> {
    let parts = parts(wanted, mesh)?;
    if let ServiceSource::Kubernetes(_) = parts.service.source {
        return Ok(()); // only a ServiceEntry can be without endpoints
    }
    parts.endpoints(mesh).map(drop)
}

/// What the cluster is made of, without its endpoints.
pub(crate) fn parts<'m, 'r>(wanted: &ClusterRef, mesh: &'m Mesh<'r>) -> Result<Parts<'m, 'r>, Missing> {
    let service = mesh.services.find(&wanted.hostname, "");
    // An alias of another name has no cluster.
    let service = service
        .filter(|it| it.alias_of().is_none())
        .ok_or(Missing::Host)?;
    let port = service.port(wanted.port).ok_or(Missing::Port)?;
    let rule = mesh.destination_rules.find(&wanted.hostname, service.namespace);
    let subset = rule.and_then(|rule| rule.subset(&wanted.subset));
    let labels = match subset {
        _ if wanted.subset.is_empty() => Labels::new(),
        Some(subset) => subset.labels.clone(),
        None => return Err(Missing::Subset),
    };
    Ok(Parts {
        service,
        port,
        rule,
        subset,
        labels,
    })
}

impl Parts<'_, '_> {
    fn endpoints(&self, mesh: &Mesh<'_>) -> Result<Endpoints, Missing> {
        endpoints::find(self.service, self.port, &self.labels, &mesh.inventory).map_err(Missing::Endpoints)
    }
}

fn cluster(wanted: &ClusterRef, mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) -> Option<Cluster> {
    let parts = parts(wanted, mesh).ok()?;
    let found = parts.endpoints(mesh).ok()?;
    let policies = Policies::of(parts.rule, parts.subset, wanted.port);
    let name = wanted.name();
    let endpoints = match &found {
        Endpoints::Known(endpoints) => endpoints.clone(),
        Endpoints::Empty(_) => Vec::new(),
        Endpoints::Dns { host, port } => vec![Endpoint {
            address: EndpointAddress::Socket {
                host: host.clone(),
                port: *port,
            },
            weight: 1,
            locality: String::new(),
            source: String::new(),
        }],
    };
    let is_static = endpoints.iter().all(|it| !is_name(&it.address));
    let mut envoy = cluster::Cluster {
        name: name.clone(),
        discovery_type: if is_static {
            DiscoveryType::Static
        } else if has_one_address(parts.service) {
            DiscoveryType::LogicalDns
        } else {
            DiscoveryType::StrictDns
        },
        connect_timeout: Some(Duration::from_secs(10)),
        load_assignment: Some(load_assignment(&name, &endpoints)),
        typed_extension_protocol_options: policies.http_protocol_options(parts.port.protocol),
        ..cluster::Cluster::default()
    };
    if !is_static {
        envoy.dns_lookup_family = DnsLookupFamily::V4Preferred;
        envoy.respect_dns_ttl = true;
        envoy.dns_refresh_rate = Some(Duration::from_secs(60));
    }
    policies.set(mesh.options.envoy, &mut envoy);
    let socket = upstream_socket::build(&parts, &policies, mesh, diagnostics);
    envoy.transport_socket = socket.socket;
    Some(Cluster {
        wanted: wanted.clone(),
        name,
        endpoints: found,
        envoy,
        upstream: UpstreamSummary::new(&parts, &policies, mesh),
        file_secrets: socket.file_secrets,
        certificates: socket.certificates,
    })
}

fn is_name(address: &EndpointAddress) -> bool {
    match address {
        EndpointAddress::Socket { host, .. } => host.parse::<std::net::IpAddr>().is_err(),
        EndpointAddress::Pipe(_) => false,
    }
}

/// Whether a connection goes to whatever address DNS names first at that time.
fn has_one_address(service: &KnownService<'_>) -> bool {
    match service.source {
        ServiceSource::Entry(entry) => entry.spec.resolution == Some(Resolution::DnsRoundRobin),
        ServiceSource::Kubernetes(_) => false,
    }
}
