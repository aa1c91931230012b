//! The clusters that routes lead to.
//!
//! Decides what an Envoy `Cluster` for them is. Which of the named clusters exist, `cluster_parts` decides.
//! Source: istio `pilot/pkg/networking/core/cluster.go`, `cluster_builder.go`; docs/istio-routing.md 3.12, 4.

use std::collections::BTreeSet;

use fingerpost_envoy_config::Duration;
use fingerpost_envoy_config::cluster;
use fingerpost_resources::Diagnostics;

use crate::certificate_sources::InlineCertificate;
use crate::cluster_parts::parts;
use crate::cluster_policies::Policies;
use crate::discovery;
use crate::endpoints::{Endpoint, EndpointAddress, Endpoints};
use crate::file_secrets::FileSecret;
use crate::load_assignment::load_assignment;
use crate::mesh::Mesh;
use crate::services::ClusterRef;
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
    let mut envoy = cluster::Cluster {
        name: name.clone(),
        connect_timeout: Some(Duration::from_secs(10)),
        load_assignment: Some(load_assignment(&name, &endpoints)),
        typed_extension_protocol_options: policies.http_protocol_options(parts.port.protocol),
        ..cluster::Cluster::default()
    };
    discovery::set(parts.service, &endpoints, &mut envoy);
    policies.set(mesh.options.envoy, &mut envoy);
    let socket = upstream_socket::build(&parts, &policies, mesh, diagnostics);
    envoy.transport_socket = socket.socket;
    Some(Cluster {
        wanted: wanted.clone(),
        name,
        endpoints: found,
        upstream: UpstreamSummary::new(&envoy, &parts, &policies, mesh),
        envoy,
        file_secrets: socket.file_secrets,
        certificates: socket.certificates,
    })
}
