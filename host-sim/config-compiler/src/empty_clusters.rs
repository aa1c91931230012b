//! Clusters that have no endpoint: one finding for each, at the resource where that begins. ServiceEntries whose
//! endpoints belong to no cluster, since another service has their host. Subsets that share all their endpoints.
//!
//! Decides what follows for the traffic. Which endpoints there are, `endpoints` decides.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::{Code, Diagnostics};

use crate::cluster_parts;
use crate::clusters::Cluster;
use crate::endpoints::{Endpoints, NoEndpoints, origin};
use crate::listeners::BuiltListener;
use crate::mesh::Mesh;
use crate::routes::route::{Destinations, Target};
use crate::services::ClusterRef;
use crate::workload_labels::{self, SubsetWorkloads};

/// How traffic comes to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    /// A route sends all its requests there.
    Requests,
    /// A route sends a part of its requests there.
    Share,
    /// A route sends copies there.
    Copies,
    /// A TCP or TLS route sends connections there.
    Connections,
}

/// Every cluster that a route, a mirror or a chain of bytes names, and how.
pub(crate) fn uses(listeners: &[BuiltListener<'_>]) -> BTreeMap<ClusterRef, BTreeSet<Use>> {
    let mut found: BTreeMap<ClusterRef, BTreeSet<Use>> = BTreeMap::new();
    let mut add = |cluster: &ClusterRef, how: Use| {
        found.entry(cluster.clone()).or_default().insert(how);
    };
    let routes = listeners
        .iter()
        .flat_map(|it| &it.http)
        .flat_map(|chain| &chain.routes.virtual_hosts)
        .flat_map(|host| &host.routes);
    for route in routes {
        let Target::Forward(forward) = &route.target else {
            continue;
        };
        forward
            .mirrors
            .iter()
            .for_each(|it| add(&it.cluster, Use::Copies));
        match &forward.destinations {
            Destinations::One(cluster) => add(cluster, Use::Requests),
            Destinations::Split(shares) => shares.iter().for_each(|it| add(&it.cluster, Use::Share)),
        }
    }
    for chain in listeners.iter().flat_map(|it| &it.tcp) {
        chain
            .shares
            .iter()
            .for_each(|(cluster, _)| add(cluster, Use::Connections));
    }
    found
}

/// Warns of each cluster without endpoints.
pub(crate) fn check(
    clusters: &[Cluster],
    uses: &BTreeMap<ClusterRef, BTreeSet<Use>>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for cluster in clusters {
        if let Endpoints::Empty(why) = &cluster.endpoints {
            let uses = uses.get(&cluster.wanted);
            let uses = uses.into_iter().flatten().copied();
            empty(why, &cluster.wanted, uses, mesh, diagnostics);
        }
    }
}

/// Warns of ServiceEntries that add nothing to the clusters of their host.
pub(crate) fn shadowed(
    uses: &BTreeMap<ClusterRef, BTreeSet<Use>>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for (entry, counts) in mesh.services.shadowed() {
        if !uses.keys().any(|it| it.hostname == entry.hostname) {
            continue; // no route leads there
        }
        let counting = origin(counts).subject();
        let message = format!(
            "{} has the host `{}` too, and comes first: these endpoints are not used",
            counting, entry.hostname
        );
        diagnostics
            .warn(Code::ShadowedServiceEntry, message)
            .on(origin(entry), "spec.hosts")
            .help("move it to the same namespace, or give it another host");
    }
}

/// Warns of subsets whose endpoints are found by DNS, which can't tell them from those of another, unless a workload of the
/// input is of the subset. Warns too if workloads of the service are there, and none is.
pub(crate) fn lost_subsets(
    clusters: &[Cluster],
    uses: &BTreeMap<ClusterRef, BTreeSet<Use>>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for cluster in clusters {
        let Endpoints::Dns { host, .. } = &cluster.endpoints else {
            continue;
        };
        let rule = mesh.rule_of(&cluster.wanted, "");
        let Some(defined) = rule.and_then(|rule| rule.defined(&cluster.wanted.subset)) else {
            continue;
        };
        let subset = &defined.subset.name;
        match workload_labels::of_subset(&cluster.wanted, mesh) {
            SubsetWorkloads::Some => {}
            SubsetWorkloads::Unknown => {
                let message = format!(
                    "no endpoints for {host} in the input: subset \"{subset}\" will use DNS and may reach any version"
                );
                diagnostics
                    .warn(Code::SubsetByDns, message)
                    .on(&defined.resource.origin, defined.path())
                    .help(
                        "add its workloads to the input, such as its Deployments or Pods, with their labels",
                    );
            }
            SubsetWorkloads::None { example, has, number } => {
                let uses = uses.get(&cluster.wanted).cloned().unwrap_or_default();
                let workloads = match number {
                    1 => format!("the only workload of {host}, {example}, does not have"),
                    several => format!("none of the {several} workloads of {host} has"),
                };
                let labels: Vec<String> = defined
                    .subset
                    .labels
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                let message = format!(
                    "{workloads} the labels {} of subset \"{subset}\": {}",
                    labels.join(","),
                    consequences(&uses)
                );
                let help = match has {
                    Some(has) => format!(
                        "{example} has {has}: compare the labels of the subset with those of the Pods"
                    ),
                    None => "compare the labels of the subset with those of the Pods".to_owned(),
                };
                diagnostics
                    .warn(Code::SubsetWithoutWorkload, message)
                    .on(&defined.resource.origin, format!("{}.labels", defined.path()))
                    .help(help);
            }
        }
    }
}

fn empty(
    why: &NoEndpoints,
    cluster: &ClusterRef,
    uses: impl Iterator<Item = Use>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    let Ok(parts) = cluster_parts::parts(cluster, mesh) else {
        return;
    };
    let cause = why.cause(cluster, parts.service, &parts.labels);
    let message = format!("{}: {}", cause.message, consequences(&uses.collect()));
    let rule = mesh.rule_of(cluster, "");
    let subset = rule.and_then(|rule| rule.defined(&cluster.subset));
    let finding = diagnostics.warn(Code::NoEndpoints, message);
    match (why, subset) {
        (NoEndpoints::NoneInSubset { .. }, Some(subset)) => {
            finding.on(&subset.resource.origin, format!("{}.labels", subset.path()))
        }
        (NoEndpoints::NoShare { .. } | NoEndpoints::Passthrough, _) => match (rule, subset) {
            (_, Some(subset)) if subset.subset.traffic_policy.is_some() => finding.on(
                &subset.resource.origin,
                format!("{}.trafficPolicy", subset.path()),
            ),
            (Some(rule), _) => finding.on(&rule.first.origin, "spec.trafficPolicy"),
            (None, _) => finding.on(origin(parts.service), cause.field),
        },
        _ => finding.on(origin(parts.service), cause.field),
    }
    .help(cause.help);
}

impl Use {
    /// What becomes of the traffic if the cluster has no endpoint or does not exist.
    pub(crate) fn consequence(self) -> &'static str {
        match self {
            Self::Requests => "requests get 503",
            Self::Share => "its share of requests gets 503",
            Self::Copies => "copies of requests are lost",
            Self::Connections => "connections are closed",
        }
    }
}

/// All that follows, as a list in words. That all requests of a route get 503 says it for a part, too.
fn consequences(uses: &BTreeSet<Use>) -> String {
    let implied = |how: &Use| *how == Use::Share && uses.contains(&Use::Requests);
    let uses = uses.iter().filter(|it| !implied(it));
    let all: Vec<&str> = uses.map(|it| it.consequence()).collect();
    match all.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        one => one.concat(),
    }
}
