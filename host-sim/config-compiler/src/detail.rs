//! What a route does in full, for who wants to know why a request went where it went.
//!
//! Decides nothing: it repeats what `routes` decided, with the places in the user's files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use fingerpost_resources::Span;
use fingerpost_routing_config::{Rewrite, RouteMatch};

use crate::cluster_policies::Policies;
use crate::cluster_words::ClusterProtocol;
use crate::clusters::Cluster;
use crate::describe;
use crate::destination_rules::EffectiveRule;
use crate::endpoints::Endpoints;
use crate::header_edits::{HeaderEdit, HeaderEdits};
use crate::mesh::Mesh;
use crate::missing_cluster::{MissingCluster, missing_cluster, without_endpoints};
use crate::routes::route::{self, Route, Target};
use crate::services::ClusterRef;
use crate::stand_in::is_stand_in;
use crate::upstream_summary::UpstreamSummary;

/// All that follows for a request that a route takes.
#[derive(Debug, Clone)]
pub struct RouteDetail {
    /// What a request must have.
    pub conditions: RouteMatch,
    /// The change of the path.
    pub rewrite: Option<Rewrite>,
    /// Whether it takes everything, and is therefore tried behind the routes of other VirtualServices.
    pub is_catch_all: bool,
    /// The destinations that take requests, with their weights; none where the route answers by itself.
    pub shares: Vec<ShareDetail>,
    /// The authority that the upstream receives, if the rule sets one.
    pub authority: Option<String>,
    /// Edits of the request's headers by the rule, in the order in which they are made.
    pub request_edits: Vec<HeaderEdit>,
    /// Edits of the response's headers by the rule, likewise.
    pub response_edits: Vec<HeaderEdit>,
    /// Envoy's names of the clusters that receive a copy.
    pub mirrors: Vec<String>,
    /// The requests that the rule's fault aborts; none if it aborts no request.
    pub abort: Option<AbortDetail>,
    /// The other policies of the rule.
    pub policies: Vec<PolicyDetail>,
}

/// The part of a fault that answers requests before the router runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AbortDetail {
    /// The percentage of the requests that are aborted, more than 0 and up to 100.
    pub percent: f64,
    /// The HTTP status that their clients receive.
    pub status: u16,
}

/// One destination and its share.
#[derive(Debug, Clone)]
pub struct ShareDetail {
    /// Where it leads.
    pub destination: Arc<DestinationDetail>,
    /// Its part of the sum of all weights.
    pub weight: u32,
    /// The authority that the upstream receives, if the destination sets one.
    pub authority: Option<String>,
    /// How this destination changes the headers of the request. The rule changes them after it.
    pub request_edits: Vec<HeaderEdit>,
    /// How it changes the headers of the response, likewise before the rule.
    pub response_edits: Vec<HeaderEdit>,
    /// Where the destination is written.
    pub span: Span,
}

/// What all routes to a destination have in common.
#[derive(Debug)]
pub struct DestinationDetail {
    /// Envoy's name of the cluster.
    pub cluster: String,
    /// Full name of the service.
    pub host: String,
    /// Its port.
    pub port: u32,
    /// The subset; empty for the whole service.
    pub subset: String,
    /// The labels of the subset.
    pub labels: BTreeMap<String, String>,
    /// The version of HTTP that is spoken to it.
    pub protocol: ClusterProtocol,
    /// What is spoken to its endpoints; none if the cluster does not exist.
    pub upstream: Option<UpstreamSummary>,
    /// The DestinationRule that counts for it.
    pub destination_rule: Option<DestinationRuleDetail>,
    /// Why requests get 503, if they do: the cluster does not exist, or has no endpoint.
    pub missing: Option<MissingCluster>,
    /// Its endpoints; none if the cluster does not exist.
    pub endpoints: Option<Endpoints>,
}

/// The DestinationRule of a destination.
#[derive(Debug, Clone)]
pub struct DestinationRuleDetail {
    /// `namespace/name`.
    pub name: String,
    /// Where the subset is defined, or else the rule.
    pub span: Span,
    /// The blocks of its traffic policy that count for the destination.
    pub traffic_policy: Vec<&'static str>,
}

impl DestinationRuleDetail {
    /// The rule of `cluster`. None for one that only gives an assumed service its subset: it is written nowhere.
    pub(crate) fn of(
        rule: &EffectiveRule<'_>,
        cluster: &ClusterRef,
        endpoints: Option<&Endpoints>,
    ) -> Option<Self> {
        let (resource, path) = match rule.defined(&cluster.subset) {
            Some(defined) => (defined.resource, defined.path()),
            None => (rule.first, "spec.host".to_owned()),
        };
        (!is_stand_in(resource)).then(|| Self {
            name: resource.meta.qualified_name(),
            span: resource.origin.at(&path),
            traffic_policy: Policies::of(Some(rule), cluster).blocks(endpoints),
        })
    }
}

/// A destination of a route of bytes that takes no connection.
#[derive(Debug, Clone, PartialEq)]
pub struct MissingDestination {
    /// Envoy's name of the cluster.
    pub cluster: String,
    /// Whether the cluster exists; then it has no endpoint.
    pub is_built: bool,
    /// The share of the connections that go there.
    pub percent: f64,
    /// Why.
    pub reason: MissingCluster,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDetail {
    /// Istio's word for it.
    pub name: &'static str,
    /// What it says.
    pub text: String,
    /// Where it is written; none where it is a default, or comes from a rule that delegates.
    pub span: Option<Span>,
}

/// What routes look their destinations up in, once the clusters are built.
#[derive(Debug)]
pub(crate) struct Destinations<'a> {
    mesh: &'a Mesh<'a>,
    clusters: BTreeMap<&'a ClusterRef, &'a Cluster>,
    /// Those that were looked up.
    details: RefCell<BTreeMap<ClusterRef, Arc<DestinationDetail>>>,
}

impl<'a> Destinations<'a> {
    /// Those that `clusters` lead to.
    pub(crate) fn new(mesh: &'a Mesh<'a>, clusters: &'a [Cluster]) -> Self {
        let clusters = clusters.iter().map(|it| (&it.wanted, it));
        Self {
            mesh,
            clusters: clusters.collect(),
            details: RefCell::default(),
        }
    }

    /// All about the destination with this cluster.
    fn detail(&self, cluster: &ClusterRef) -> Arc<DestinationDetail> {
        let known = self.details.borrow().get(cluster).cloned();
        known.unwrap_or_else(|| {
            let detail = Arc::new(DestinationDetail::new(cluster, self));
            let mut details = self.details.borrow_mut();
            details.insert(cluster.clone(), Arc::clone(&detail));
            detail
        })
    }

    /// What is missing of a destination of connections, if anything is.
    pub(crate) fn missing(&self, cluster: &ClusterRef, percent: f64) -> Option<MissingDestination> {
        Some(MissingDestination {
            cluster: cluster.name(),
            is_built: self.clusters.contains_key(cluster),
            percent,
            reason: self.missing_cluster(cluster)?,
        })
    }

    /// Why requests to `cluster` get 503, if they do.
    fn missing_cluster(&self, cluster: &ClusterRef) -> Option<MissingCluster> {
        match self.clusters.get(cluster).map(|it| &it.endpoints) {
            Some(Endpoints::Empty(why)) => without_endpoints(why, cluster, self.mesh),
            Some(Endpoints::Known(_) | Endpoints::Dns { .. }) | None => missing_cluster(cluster, self.mesh),
        }
    }
}

impl RouteDetail {
    /// The details of a route.
    pub(crate) fn new(route: &Route<'_>, destinations: &Destinations<'_>) -> Self {
        let forward = match &route.target {
            Target::Forward(forward) => Some(forward),
            Target::Redirect(_) | Target::Respond(_) => None,
        };
        let shares = match forward.map(|it| &it.destinations) {
            Some(route::Destinations::One(cluster)) => {
                let lone = route::Share {
                    destination: 0,
                    cluster: cluster.clone(),
                    weight: 1,
                    edits: HeaderEdits::default(),
                };
                vec![share(route, &lone, destinations)]
            }
            Some(route::Destinations::Split(shares)) => {
                shares.iter().map(|it| share(route, it, destinations)).collect()
            }
            None => Vec::new(),
        };
        let mirrors = forward.map(|it| it.mirrors.iter().map(|it| it.cluster.name()).collect());
        Self {
            conditions: route.conditions.clone(),
            rewrite: route.rewrite.clone(),
            is_catch_all: crate::matching::is_catch_all(&route.conditions),
            shares,
            authority: forward.and_then(|it| it.authority.clone()),
            request_edits: route.edits.request.in_order(),
            response_edits: route.edits.response.in_order(),
            mirrors: mirrors.unwrap_or_default(),
            abort: route.fault.as_deref().and_then(describe::abort),
            policies: describe::describe_policies(route, |cluster| {
                destinations.missing_cluster(cluster).map(|it| it.message)
            }),
        }
    }
}

impl DestinationDetail {
    fn new(cluster: &ClusterRef, destinations: &Destinations<'_>) -> Self {
        let rule = destinations.mesh.rule_of(cluster, "");
        let defined = rule.and_then(|rule| rule.defined(&cluster.subset));
        let service = destinations.mesh.services.find(&cluster.hostname, "");
        let port = service.and_then(|it| it.port(cluster.port));
        let policies = Policies::of(rule, cluster);
        let built = destinations.clusters.get(cluster);
        let endpoints = built.map(|it| &it.endpoints);
        Self {
            protocol: port.map_or(ClusterProtocol::Http1, |it| policies.version(it.protocol)),
            cluster: cluster.name(),
            host: cluster.hostname.clone(),
            port: cluster.port,
            subset: cluster.subset.clone(),
            labels: defined.map(|it| it.subset.labels.clone()).unwrap_or_default(),
            destination_rule: rule.and_then(|it| DestinationRuleDetail::of(it, cluster, endpoints)),
            missing: destinations.missing_cluster(cluster),
            upstream: built.map(|it| it.upstream.clone()),
            endpoints: built.map(|it| it.endpoints.clone()),
        }
    }
}

fn share(route: &Route<'_>, share: &route::Share, destinations: &Destinations<'_>) -> ShareDetail {
    ShareDetail {
        destination: destinations.detail(&share.cluster),
        weight: share.weight,
        authority: share.edits.authority.clone(),
        request_edits: share.edits.request.in_order(),
        response_edits: share.edits.response.in_order(),
        span: route.leaf.origin.at(&format!(
            "{}.route[{}].destination",
            route.rule_path(),
            share.destination
        )),
    }
}
