//! The clusters that routes lead to.
//!
//! Decides what an Envoy `Cluster` for them is. Which of the named clusters exist, `cluster_parts` decides.
//! Source: istio `pilot/pkg/networking/core/cluster.go`, `cluster_builder.go`; docs/istio-routing.md 3.12, 4.

use std::collections::BTreeSet;

use fingerpost_envoy_config::Duration;
use fingerpost_envoy_config::cluster::{self, DiscoveryType};
use fingerpost_resources::Diagnostics;

use crate::certificate_sources::InlineSecret;
use crate::cluster_parts::{Parts, parts};
use crate::cluster_policies::Policies;
use crate::discovery;
use crate::endpoints::{Endpoint, EndpointAddress, Endpoints, Labels, NoEndpoints};
use crate::file_secrets::FileSecret;
use crate::load_assignment::load_assignment;
use crate::locality_lb::{Circumstances, LocalityLb, WithinPriority};
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
    /// The Secrets of the input that it holds.
    pub inline_secrets: Vec<InlineSecret>,
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
    let policies = Policies::of(parts.rule, wanted);
    let name = wanted.name();
    let mut envoy = cluster::Cluster {
        name: name.clone(),
        connect_timeout: Some(Duration::from_secs(10)),
        typed_extension_protocol_options: policies.http_protocol_options(parts.port.protocol),
        ..cluster::Cluster::default()
    };
    policies.set(mesh.options.envoy, &mut envoy);
    let endpoints = if policies.passes_through {
        discovery::set(parts.service, &listed(&found), &mut envoy);
        envoy.discovery_type = DiscoveryType::OriginalDst;
        Endpoints::Empty(NoEndpoints::Passthrough)
    } else {
        set_endpoints(found, &parts, &policies, mesh, &mut envoy)
    };
    let socket = upstream_socket::build(&parts, &policies, mesh, diagnostics);
    envoy.transport_socket = socket.socket;
    Some(Cluster {
        wanted: wanted.clone(),
        name,
        endpoints,
        upstream: UpstreamSummary::new(&envoy, &parts, &policies, mesh),
        envoy,
        file_secrets: socket.file_secrets,
        inline_secrets: socket.inline_secrets,
    })
}

/// Writes the endpoints in the order in which they are used, and says which are.
fn set_endpoints(
    found: Endpoints,
    parts: &Parts<'_, '_>,
    policies: &Policies<'_>,
    mesh: &Mesh<'_>,
    envoy: &mut cluster::Cluster,
) -> Endpoints {
    let are_listed = match &found {
        Endpoints::Known(_) | Endpoints::Empty(_) => true,
        Endpoints::Dns { .. } => parts.lists_endpoints(),
    };
    let lb = match are_listed {
        true => LocalityLb::of(policies.load_balancer, parts.service),
        false => LocalityLb::Off,
    };
    let cx = Circumstances {
        proxy: &mesh.place,
        detects_outliers: policies.outlier_detection.is_some(),
        is_subset_by_dns: parts.subset.is_some() && parts.is_by_dns(),
    };
    let arranged = lb.arrange(&listed(&found), cx);
    let used = arranged.endpoints();
    discovery::set(parts.service, &used, envoy);
    envoy.load_assignment = Some(load_assignment(&envoy.name, &arranged.groups));
    if arranged.within_priority != WithinPriority::Alike {
        arranged
            .within_priority
            .set(envoy.common_lb_config.get_or_insert_default());
    }
    match found {
        Endpoints::Known(known) if used.is_empty() => Endpoints::Empty(NoEndpoints::NoShare {
            endpoints: known.len(),
        }),
        Endpoints::Dns { .. } if used.is_empty() => Endpoints::Empty(NoEndpoints::NoShare { endpoints: 1 }),
        Endpoints::Known(_) => Endpoints::Known(used),
        other @ (Endpoints::Empty(_) | Endpoints::Dns { .. }) => other,
    }
}

/// The endpoints to write: a host that DNS has to find is one.
fn listed(endpoints: &Endpoints) -> Vec<Endpoint> {
    match endpoints {
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
            labels: Labels::new(),
            priority: 0,
            locality_weight: None,
        }],
    }
}
