//! Every cluster in full: its endpoints and where they come from, the protocol, the limits, and which rules
//! lead there.
//!
//! Decides nothing: it reads the compiled clusters and the summary of the rules. Clusters that rules name and that do not
//! exist are in the list too, and so are services that no rule leads to, of which a bootstrap has no cluster.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_envoy_config::cluster as envoy;
use fingerpost_envoy_config::core::Address;
use fingerpost_resources::{Diagnostics, Resources, Span};

use crate::address::SOCKET;
use crate::cluster_words::{self, ClusterProtocol, Discovery, Limit};
use crate::clusters;
use crate::compiled::Compiled;
use crate::describe::describe_hash;
use crate::destination_rules::EffectiveRule;
use crate::detail::DestinationRuleDetail;
use crate::empty_clusters::Use;
use crate::endpoints::{Endpoints, origin};
use crate::mesh::Mesh;
use crate::missing_cluster::{MissingCluster, missing_cluster, without_endpoints};
use crate::options::Options;
use crate::policies::hash_policy;
use crate::services::{ClusterRef, ServiceSource};
use crate::summary::{ClusterSummary, RouteSummary, Summary};
use crate::upstream_summary::UpstreamSummary;

/// A cluster in full.
#[derive(Debug, Clone)]
pub struct ClusterDetail {
    /// Envoy's name.
    pub name: String,
    /// The full name of the service.
    pub host: String,
    /// The port of the service.
    pub port: u32,
    /// The subset, if it is one.
    pub subset: Option<String>,
    /// The labels of the subset.
    pub labels: BTreeMap<String, String>,
    /// The resource that declares the service; none if there is none.
    pub service: Option<ClusterService>,
    /// The DestinationRule that counts for it.
    pub destination_rule: Option<DestinationRuleDetail>,
    /// What runs, or why it does not exist.
    pub state: ClusterState,
    /// The rules that lead there, in the order of the listeners. Without any, the bootstrap has no such cluster.
    pub uses: Vec<ClusterUse>,
}

/// The resource that declares the service of a cluster.
#[derive(Debug, Clone)]
pub struct ClusterService {
    /// As in `Service prod/web` or `ServiceEntry prod/outside`.
    pub name: String,
    /// Where it is written; for one that is assumed, the rule that names it.
    pub span: Span,
    /// Whether it is assumed to exist.
    pub is_assumed: bool,
}

/// Whether a cluster exists.
#[derive(Debug, Clone)]
pub enum ClusterState {
    /// It does.
    Built(Box<BuiltCluster>),
    /// It does not: what is routed there is lost.
    Missing(MissingCluster),
}

/// A cluster that exists.
#[derive(Debug, Clone)]
pub struct BuiltCluster {
    /// How Envoy comes to its endpoints.
    pub discovery: Discovery,
    /// They, in Envoy's order.
    pub endpoints: Vec<ClusterEndpoint>,
    /// Why it has none, if it has none.
    pub empty: Option<MissingCluster>,
    /// How one of them is chosen, in words.
    pub load_balancing: String,
    /// What is spoken to them. Its version of HTTP is that of requests: see `protocol`.
    pub upstream: UpstreamSummary,
    /// The protocol of connections to them.
    pub protocol: ClusterProtocol,
    /// What is limited, where Istio's defaults do not apply.
    pub limits: Vec<Limit>,
    /// When an endpoint is ejected, in words; none without outlier detection.
    pub outlier_detection: Option<String>,
}

/// An endpoint as Envoy has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterEndpoint {
    /// As in `10.0.0.1:8080`, `db.example.com:3306` or `unix:///run/web.sock`.
    pub address: String,
    /// The resource that it is taken from, such as `Pod prod/web-1`; none if DNS has to find it.
    pub source: Option<String>,
    /// `region/zone/subzone`, or the first one or two of these.
    pub locality: Option<String>,
    /// Its weight among those of its locality.
    pub weight: u32,
    /// 0 comes first; others take over where too many endpoints before them fail.
    pub priority: u32,
}

/// How a rule uses a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClusterRole {
    /// It sends requests there.
    Requests,
    /// It sends copies of requests there.
    Copies,
    /// It sends connections there.
    Connections,
}

/// A rule that leads to a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterUse {
    /// As in `default/shop http[0]`, `default/db tcp[0]`, `default/db tls[0].match[1]`.
    pub rule: String,
    /// How it uses the cluster.
    pub role: ClusterRole,
    /// The share of what the rule takes, in percent.
    pub percent: f64,
    /// The hosts or server names that the rule is served for, `*` for any.
    pub hosts: Vec<String>,
    /// The Gateway ports that it is served on.
    pub ports: Vec<u32>,
    /// Where the rule, or its first match, is written.
    pub span: Option<Span>,
}

/// Why traffic to a cluster is lost, and what becomes of it.
#[derive(Debug, Clone)]
pub struct LostTraffic<'c> {
    /// Why: the cluster does not exist, or it has no endpoint.
    pub reason: &'c MissingCluster,
    /// As in `requests get 503`.
    pub consequence: String,
}

impl ClusterDetail {
    /// Why what is sent there is lost, if it is.
    #[must_use]
    pub fn lost(&self) -> Option<LostTraffic<'_>> {
        let reason = match &self.state {
            ClusterState::Built(built) => built.empty.as_ref()?,
            ClusterState::Missing(reason) => reason,
        };
        let roles: BTreeSet<ClusterRole> = self.uses.iter().map(|it| it.role).collect();
        let consequences: Vec<&str> = match roles.is_empty() {
            true => vec!["requests would get 503"],
            false => roles.into_iter().map(ClusterRole::loss).collect(),
        };
        Some(LostTraffic {
            reason,
            consequence: consequences.join(", "),
        })
    }

    /// Whether a user means this cluster by `text`: Envoy's name of it, or the name of its host or the first labels of that,
    /// with `:port` behind it or without.
    #[must_use]
    pub fn is_named(&self, text: &str) -> bool {
        if text == self.name {
            return true;
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse::<u32>().ok()),
            None => (text, Some(self.port)),
        };
        let rest = self.host.to_ascii_lowercase();
        let rest = rest.strip_prefix(&host.to_ascii_lowercase());
        port == Some(self.port)
            && !host.is_empty()
            && rest.is_some_and(|it| it.is_empty() || it.starts_with('.'))
    }
}

impl ClusterRole {
    /// What becomes of traffic to a cluster that has no endpoint or does not exist.
    fn loss(self) -> &'static str {
        match self {
            Self::Requests => Use::Requests.consequence(),
            Self::Copies => Use::Copies.consequence(),
            Self::Connections => Use::Connections.consequence(),
        }
    }
}

/// All clusters that rules lead to, in order of host, port and subset; then those of services and subsets that no rule
/// leads to, without uses. A service of which rules lead to a subset is not among these. `compiled` is what `resources` and `options` were compiled to.
pub fn cluster_details(resources: &Resources, options: &Options, compiled: &Compiled) -> Vec<ClusterDetail> {
    let mesh = Mesh::new(resources, options);
    let mut uses = Uses::of(&compiled.summary);
    let running = &compiled.bootstrap.static_resources.clusters;
    let running: BTreeMap<&str, &envoy::Cluster> = running.iter().map(|it| (it.name.as_str(), it)).collect();
    let known = compiled.summary.clusters.iter();
    let known: BTreeMap<&str, &ClusterSummary> = known.map(|it| (it.name.as_str(), it)).collect();
    let describe = |cluster: &ClusterRef, uses: Vec<ClusterUse>| {
        let name = cluster.name();
        let summary = known.get(name.as_str());
        let built = running
            .get(name.as_str())
            .zip(summary)
            .map(|(envoy, summary)| Running {
                envoy,
                endpoints: &summary.endpoints,
                upstream: &summary.upstream,
            });
        detail(cluster, built, uses, &mesh)
    };
    let routed: BTreeSet<ClusterRef> = uses.0.keys().cloned().collect();
    let routed_to = routed.iter().map(|it| {
        let uses = uses.0.remove(it).unwrap_or_default();
        describe(it, uses)
    });
    let mut all: Vec<ClusterDetail> = routed_to.collect();
    // Rules that lead to subsets lead to the service.
    let is_routed = |it: &ClusterRef| {
        let mut same_port = routed
            .iter()
            .filter(|routed| (&routed.hostname, routed.port) == (&it.hostname, it.port));
        routed.contains(it) || (it.subset.is_empty() && same_port.next().is_some())
    };
    let others: BTreeSet<ClusterRef> = of_services(&mesh).filter(|it| !is_routed(it)).collect();
    // What is wrong with clusters that no rule leads to is not reported.
    let mut built = clusters::build(others.iter(), &mesh, &mut Diagnostics::new());
    built.sort_by(|one, other| one.wanted.cmp(&other.wanted));
    all.extend(built.iter().map(|it| {
        let running = Running {
            envoy: &it.envoy,
            endpoints: &it.endpoints,
            upstream: &it.upstream,
        };
        detail(&it.wanted, Some(running), Vec::new(), &mesh)
    }));
    all
}

/// A cluster as it was compiled.
struct Running<'c> {
    envoy: &'c envoy::Cluster,
    endpoints: &'c Endpoints,
    upstream: &'c UpstreamSummary,
}

/// Every port of every service, and every subset of it, as a cluster.
fn of_services<'m>(mesh: &'m Mesh<'_>) -> impl Iterator<Item = ClusterRef> + 'm {
    let hostnames: BTreeSet<&str> = mesh.services.hostnames().collect();
    let services = hostnames.into_iter().filter_map(|it| mesh.services.find(it, ""));
    let written = services.filter(|service| service.alias_of().is_none() && !service.source.is_assumed());
    written.flat_map(|service| {
        let rule = mesh.destination_rules.find(&service.hostname, service.namespace);
        let defined = rule.map(|it| it.subsets.as_slice()).unwrap_or_default();
        let names = defined.iter().map(|it| it.subset.name.clone());
        let subsets: Vec<String> = std::iter::once(String::new()).chain(names).collect();
        service.all_ports().flat_map(move |port| {
            let cluster = |subset: &String| ClusterRef {
                hostname: service.hostname.clone(),
                port: port.number,
                subset: subset.clone(),
            };
            subsets.iter().map(cluster).collect::<Vec<_>>()
        })
    })
}

/// As findings name it; an assumed one too.
fn subject(source: ServiceSource<'_>) -> String {
    match source {
        ServiceSource::Kubernetes(service) => format!("Service {}", service.meta.qualified_name()),
        ServiceSource::Entry(entry) => format!("ServiceEntry {}", entry.meta.qualified_name()),
    }
}

fn detail(
    cluster: &ClusterRef,
    built: Option<Running<'_>>,
    uses: Vec<ClusterUse>,
    mesh: &Mesh<'_>,
) -> ClusterDetail {
    let service = mesh.services.find(&cluster.hostname, "");
    let rule = mesh.rule_of(cluster, "");
    let defined = rule.and_then(|it| it.defined(&cluster.subset));
    ClusterDetail {
        name: cluster.name(),
        host: cluster.hostname.clone(),
        port: cluster.port,
        subset: Some(cluster.subset.clone()).filter(|it| !it.is_empty()),
        labels: defined.map(|it| it.subset.labels.clone()).unwrap_or_default(),
        service: service.map(|it| ClusterService {
            name: subject(it.source),
            span: origin(it).at("metadata.name"),
            is_assumed: it.source.is_assumed(),
        }),
        destination_rule: rule
            .and_then(|it| DestinationRuleDetail::of(it, cluster, built.as_ref().map(|it| it.endpoints))),
        state: match built {
            Some(running) => {
                let only_bytes =
                    !uses.is_empty() && uses.iter().all(|it| it.role == ClusterRole::Connections);
                let mut built = built_cluster(cluster, &running, rule, mesh);
                if only_bytes {
                    built.protocol = ClusterProtocol::Bytes;
                }
                ClusterState::Built(Box::new(built))
            }
            None => ClusterState::Missing(missing(cluster, mesh)),
        },
        uses,
    }
}

/// Why a cluster that is not in the bootstrap does not exist.
fn missing(cluster: &ClusterRef, mesh: &Mesh<'_>) -> MissingCluster {
    missing_cluster(cluster, mesh).unwrap_or_else(|| MissingCluster {
        field: "host",
        code: fingerpost_resources::Code::NoCluster,
        message: format!("the bootstrap has no cluster {}", cluster.name()),
        help: String::new(),
    })
}

fn built_cluster(
    cluster: &ClusterRef,
    running: &Running<'_>,
    rule: Option<&EffectiveRule<'_>>,
    mesh: &Mesh<'_>,
) -> BuiltCluster {
    let Running {
        envoy,
        endpoints: known,
        upstream,
    } = *running;
    let hash = rule.and_then(|it| hash_policy(it, cluster, true));
    let hash = hash.as_ref().map(describe_hash);
    BuiltCluster {
        discovery: cluster_words::discovery(envoy),
        endpoints: endpoints(envoy, known),
        empty: match known {
            Endpoints::Empty(why) => without_endpoints(why, cluster, mesh),
            Endpoints::Known(_) | Endpoints::Dns { .. } => None,
        },
        load_balancing: cluster_words::load_balancing(envoy, hash.as_deref()),
        upstream: upstream.clone(),
        protocol: upstream.http,
        limits: cluster_words::limits(envoy),
        outlier_detection: cluster_words::outliers(envoy),
    }
}

/// The endpoints of Envoy's cluster. What is `known` of the same address says where it comes from.
fn endpoints(envoy: &envoy::Cluster, known: &Endpoints) -> Vec<ClusterEndpoint> {
    let sources: BTreeMap<String, &str> = match known {
        Endpoints::Known(known) => {
            let sources = known
                .iter()
                .map(|it| (it.address.to_string(), it.source.as_str()));
            sources.filter(|(_, source)| !source.is_empty()).collect()
        }
        Endpoints::Empty(_) | Endpoints::Dns { .. } => BTreeMap::new(),
    };
    let groups = envoy.load_assignment.iter().flat_map(|it| &it.endpoints);
    let all = groups.flat_map(|group| {
        let locality = group.locality.as_ref().map(|it| {
            let parts = [it.region.as_str(), it.zone.as_str(), it.sub_zone.as_str()];
            parts.join("/").trim_end_matches('/').to_owned()
        });
        let endpoints = group.lb_endpoints.iter();
        endpoints.map(move |it| (locality.clone(), group.priority, it))
    });
    all.map(|(locality, priority, it)| {
        let address = address(&it.endpoint.address);
        ClusterEndpoint {
            source: sources.get(&address).map(|it| (*it).to_owned()),
            address,
            locality,
            weight: it.load_balancing_weight.unwrap_or(1),
            priority,
        }
    })
    .collect()
}

/// As [`crate::EndpointAddress`] is shown.
fn address(address: &Address) -> String {
    match address {
        Address::SocketAddress(socket) if socket.address.contains(':') => {
            format!("[{}]:{}", socket.address, socket.port_value)
        }
        Address::SocketAddress(socket) => format!("{}:{}", socket.address, socket.port_value),
        Address::Pipe(pipe) => format!("{SOCKET}{}", pipe.path),
    }
}

/// Which rules lead to each cluster.
struct Uses(BTreeMap<ClusterRef, Vec<ClusterUse>>);

impl Uses {
    fn of(summary: &Summary) -> Self {
        let mut uses = Self(BTreeMap::new());
        for (listener, host, route) in summary.routes() {
            let rule = match (&route.rule, &route.connections) {
                (Some(rule), _) => rule.without_match(),
                (None, Some(rule)) => rule.name.clone(),
                (None, None) => continue,
            };
            for (cluster, role, percent) in clusters_of(route) {
                uses.add(
                    cluster,
                    &rule,
                    (role, percent),
                    &host.domains,
                    listener.port,
                    route,
                );
            }
        }
        uses
    }

    /// A rule that is served for several hosts is one use.
    fn add(
        &mut self,
        cluster: ClusterRef,
        rule: &str,
        (role, percent): (ClusterRole, f64),
        hosts: &[String],
        port: u32,
        route: &RouteSummary,
    ) {
        let of_cluster = self.0.entry(cluster).or_default();
        // Of one rule all matches lead to the same destinations.
        let same = of_cluster
            .iter_mut()
            .find(|it| it.role == role && it.rule == rule);
        let used = match same {
            Some(used) => used,
            None => {
                of_cluster.push(ClusterUse {
                    rule: rule.to_owned(),
                    role,
                    percent,
                    hosts: Vec::new(),
                    ports: Vec::new(),
                    span: route.span.clone(),
                });
                let Some(added) = of_cluster.last_mut() else {
                    return;
                };
                added
            }
        };
        for host in hosts {
            if !used.hosts.contains(host) {
                used.hosts.push(host.clone());
            }
        }
        if !used.ports.contains(&port) {
            used.ports.push(port);
        }
    }
}

/// The clusters that a route leads to, how it uses them, and with which share in percent.
fn clusters_of(route: &RouteSummary) -> Vec<(ClusterRef, ClusterRole, f64)> {
    let shares = route
        .detail
        .as_ref()
        .map(|it| it.shares.as_slice())
        .unwrap_or_default();
    let total: u64 = shares.iter().map(|it| u64::from(it.weight)).sum();
    let mut found: Vec<(ClusterRef, ClusterRole, f64)> = Vec::new();
    for share in shares {
        let cluster = ClusterRef {
            hostname: share.destination.host.clone(),
            port: share.destination.port,
            subset: share.destination.subset.clone(),
        };
        let percent = percent(share.weight, total);
        // A rule may name one cluster twice.
        match found.iter_mut().find(|(known, ..)| *known == cluster) {
            Some((.., sum)) => *sum += percent,
            None => found.push((cluster, ClusterRole::Requests, percent)),
        }
    }
    let mirrors = route.mirrors.iter();
    found.extend(mirrors.map(|it| (it.cluster.clone(), ClusterRole::Copies, it.percent)));
    let connections = route.connections.iter().flat_map(|it| &it.shares);
    found.extend(connections.map(|(cluster, percent)| (cluster.clone(), ClusterRole::Connections, *percent)));
    found
}

/// With one digit behind the point.
fn percent(weight: u32, total: u64) -> f64 {
    let thousandths = (u64::from(weight) * 1000).checked_div(total).unwrap_or(0);
    f64::from(u32::try_from(thousandths).unwrap_or(u32::MAX)) / 10.0
}
