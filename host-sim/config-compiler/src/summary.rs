//! A flat view of what was compiled, for people: listeners, hosts, rules, clusters.
//!
//! Decides nothing. `routes`, `up` and the summary of `compile` print it.

use std::collections::BTreeSet;
use std::mem::take;
use std::rc::Rc;

use fingerpost_resources::Span;
use fingerpost_routing_config::{RouteMatch, RuleRef};

use crate::chain_summary::ChainSummary;
use crate::clusters::Cluster;
use crate::condition_text::describe_conditions;
use crate::describe::{
    copied_percent, describe_chances, describe_copies, describe_rewrite, describe_shares, describe_target,
};
use crate::detail::{Destinations, MissingDestination, RouteDetail};
use crate::endpoints::Endpoints;
use crate::example::{self, ExampleRequest, Taken};
use crate::http_chain::HttpChain;
use crate::listeners::BuiltListener;
use crate::matching::ClaimMatch;
use crate::mesh::Mesh;
use crate::protocol::Termination;
use crate::routes::route::{LeftOut, Route, Target};
use crate::services::ClusterRef;
use crate::tcp::TcpChain;
use crate::unserved::{Cause, Unserved};
use crate::upstream_summary::UpstreamSummary;

/// All of it.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The listeners, in the order of their Gateways.
    pub listeners: Vec<ListenerSummary>,
    /// The clusters, by name.
    pub clusters: Vec<ClusterSummary>,
    /// What of the input serves nothing.
    pub unserved: Vec<Unserved>,
}

/// A listener.
#[derive(Debug, Clone)]
pub struct ListenerSummary {
    /// Envoy's name for it.
    pub name: String,
    /// The first port that a Gateway declares for it.
    pub port: u32,
    /// All ports that Gateways declare for it.
    pub declared_ports: Vec<u32>,
    /// The port to listen on.
    pub listen_port: u32,
    /// The protocols of its servers, joined by commas.
    pub protocol: String,
    /// Its filter chains, in Envoy's order.
    pub chains: Vec<ChainSummary>,
    /// Its virtual hosts, and its chains of bytes.
    pub hosts: Vec<HostSummary>,
}

/// The routes of some domains.
#[derive(Debug, Clone)]
pub struct HostSummary {
    /// Envoy's name of the virtual host, by which its halves elsewhere (the filter's table, the bootstrap) are found.
    /// For a chain of bytes its domains, joined by commas.
    pub name: String,
    /// Host names; for a chain of bytes the server names, `*` for any.
    pub domains: Vec<String>,
    /// The route configuration that it is part of: the `route_config` of `Compiled::routing`. None for a chain of
    /// bytes.
    pub route_config: Option<String>,
    /// The server names of the chain that it is part of; empty for all.
    pub server_names: Vec<String>,
    /// Whether clients are to come over TLS.
    pub over_tls: bool,
    /// Whether plain text reaches it. Where TLS passes through whatever its server name, both do.
    pub takes_plain_text: bool,
    /// Whether plain text is redirected to HTTPS before any route.
    pub redirects_to_https: bool,
    /// The routes, in the order in which they are tried.
    pub routes: Vec<RouteSummary>,
    /// Matches of its VirtualServices that make no route.
    pub left_out: Vec<LeftOutSummary>,
}

/// A match that makes no route.
#[derive(Debug, Clone)]
pub struct LeftOutSummary {
    /// The rule and the match.
    pub rule: RuleRef,
    /// What it asks of a request.
    pub conditions: RouteMatch,
    /// The same in words.
    pub matches: String,
    /// Why it makes none.
    pub reason: Cause,
    /// Where it is written.
    pub span: Span,
}

/// One route.
#[derive(Debug, Clone)]
pub struct RouteSummary {
    /// The rule and the match; none for a route of bytes.
    pub rule: Option<RuleRef>,
    /// The conditions in words.
    pub matches: String,
    /// The conditions on claims of a token.
    pub claims: Vec<ClaimMatch>,
    /// The change of the path in words.
    pub rewrite: Option<String>,
    /// Where it leads, in words: each destination with its share of the requests, or the answer of the proxy.
    pub destinations: Vec<String>,
    /// Where copies of its requests go.
    pub mirrors: Vec<MirrorSummary>,
    /// What differs from request to request, in words: shares of destinations, faults, copies. Empty if all requests are
    /// treated alike.
    pub by_chance: Vec<String>,
    /// The VirtualService that holds the rule, as `namespace/name`.
    pub virtual_service: String,
    /// Where that rule or match is written.
    pub span: Option<Span>,
    /// A request that takes this route, if one was found.
    pub example: Option<ExampleRequest>,
    /// All about it; none for a route of bytes.
    pub detail: Option<RouteDetail>,
    /// The rule of a route of bytes, and where its connections go.
    pub connections: Option<ConnectionRule>,
    /// For a route of bytes: its destinations that have no cluster or no endpoint. Connections to them are closed.
    pub missing: Vec<MissingDestination>,
    /// Hosts of its destinations and mirrors that are assumed to exist, with their full names.
    pub assumed: Vec<String>,
}

/// A destination of copies.
#[derive(Debug, Clone, PartialEq)]
pub struct MirrorSummary {
    /// The destination in words, with its share of the requests if that is not all of them.
    pub destination: String,
    /// The full name of its service.
    pub host: String,
    /// The cluster.
    pub cluster: ClusterRef,
    /// The share of the requests that is copied.
    pub percent: f64,
}

/// A rule of `tcp` or `tls`.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionRule {
    /// As in `default/db tcp[0]`, or with the match as in `default/db tls[0].match[1]`.
    pub name: String,
    /// Its clusters, each with its share of the connections in percent.
    pub shares: Vec<(ClusterRef, f64)>,
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct ClusterSummary {
    /// Its name.
    pub name: String,
    /// The full name of its service.
    pub host: String,
    /// The port of its service.
    pub port: u32,
    /// The subset, if it is one.
    pub subset: Option<String>,
    /// Its endpoints.
    pub endpoints: Endpoints,
    /// What is spoken to them.
    pub upstream: UpstreamSummary,
}

impl RouteSummary {
    /// Where it leads, as one text.
    #[must_use]
    pub fn destination(&self) -> String {
        self.destinations.join(", ")
    }
}

impl Summary {
    /// The view of what was built. Its virtual hosts are taken: a route goes when its summary is made, for there may be
    /// very many.
    pub(crate) fn new(
        listeners: &mut [BuiltListener<'_>],
        clusters: &[Cluster],
        unserved: Vec<Unserved>,
        mesh: &Mesh<'_>,
    ) -> Self {
        let destinations = Destinations::new(mesh, clusters);
        Self {
            unserved,
            listeners: listeners
                .iter_mut()
                .map(|it| listener(it, &destinations))
                .collect(),
            clusters: clusters
                .iter()
                .map(|it| ClusterSummary {
                    name: it.name.clone(),
                    host: it.wanted.hostname.clone(),
                    port: it.wanted.port,
                    subset: Some(it.wanted.subset.clone()).filter(|it| !it.is_empty()),
                    endpoints: it.endpoints.clone(),
                    upstream: it.upstream.clone(),
                })
                .collect(),
        }
    }

    /// Notes which destinations are assumed.
    pub(crate) fn mark_assumed(&mut self, hosts: &[String]) {
        let all = self.listeners.iter_mut().flat_map(|it| &mut it.hosts);
        for route in all.flat_map(|it| &mut it.routes) {
            let shares = route.detail.iter().flat_map(|it| &it.shares);
            let mirrors = route.mirrors.iter().map(|it| &it.host);
            let all = shares.map(|it| &it.destination.host).chain(mirrors);
            let assumed = all.filter(|it| hosts.contains(it));
            let assumed: BTreeSet<&String> = assumed.collect();
            route.assumed = assumed.into_iter().cloned().collect();
        }
    }

    /// Every route, with its listener and its host.
    pub fn routes(&self) -> impl Iterator<Item = (&ListenerSummary, &HostSummary, &RouteSummary)> {
        self.listeners.iter().flat_map(|listener| {
            listener
                .hosts
                .iter()
                .flat_map(move |host| host.routes.iter().map(move |it| (listener, host, it)))
        })
    }
}

fn listener(built: &mut BuiltListener<'_>, destinations: &Destinations<'_>) -> ListenerSummary {
    let http = built
        .http
        .iter_mut()
        .flat_map(|chain| http_hosts(chain, destinations));
    ListenerSummary {
        name: built.name.clone(),
        declared_ports: built.declared_ports.clone(),
        port: built.declared_ports.first().copied().unwrap_or(built.port),
        listen_port: built.port,
        protocol: built.protocols.join(", "),
        chains: built.chains.clone(),
        hosts: http
            .chain(built.tcp.iter().map(|it| tcp_host(it, destinations)))
            .collect(),
    }
}

fn http_hosts(
    chain: &mut HttpChain<'_>,
    destinations: &Destinations<'_>,
) -> impl Iterator<Item = HostSummary> {
    let over_tls = chain.routes.over_tls;
    let hosts = take(&mut chain.routes.virtual_hosts).into_iter();
    hosts.map(move |host| HostSummary {
        name: host.name,
        route_config: Some(chain.routes.name.clone()),
        server_names: chain.server_names.clone(),
        over_tls,
        takes_plain_text: !over_tls,
        redirects_to_https: host.requires_tls && !over_tls,
        routes: route_summaries(&host.domain, host.routes, destinations),
        domains: vec![host.domain],
        left_out: host.left_out.iter().map(|it| left_out(it)).collect(),
    })
}

fn route_summaries(
    domain: &str,
    routes: Vec<Rc<Route<'_>>>,
    destinations: &Destinations<'_>,
) -> Vec<RouteSummary> {
    let mut taken = Taken::default();
    let examples = routes.iter().map(|route| {
        let example = example::request(domain, route, &taken);
        taken.add(&route.conditions);
        example
    });
    let examples: Vec<_> = examples.collect();
    let routes = routes.into_iter().zip(examples);
    let summaries = routes.map(|(route, example)| route_summary(&route, example, destinations));
    summaries.collect()
}

fn left_out(left_out: &LeftOut<'_>) -> LeftOutSummary {
    LeftOutSummary {
        rule: left_out.rule.clone(),
        conditions: left_out.conditions.clone(),
        matches: describe_conditions(&left_out.conditions, &[]),
        reason: left_out.reason.clone(),
        span: left_out.leaf.origin.at(&left_out.path),
    }
}

fn route_summary(
    route: &Route<'_>,
    example: Option<ExampleRequest>,
    destinations: &Destinations<'_>,
) -> RouteSummary {
    RouteSummary {
        rule: Some(route.rule.clone()),
        matches: describe_conditions(&route.conditions, &route.claims),
        claims: route.claims.clone(),
        rewrite: describe_rewrite(route),
        destinations: describe_target(&route.target),
        mirrors: mirrors(&route.target),
        by_chance: describe_chances(route),
        virtual_service: route.leaf.meta.qualified_name(),
        span: Some(route.leaf.origin.at(&route.path)),
        example,
        detail: Some(RouteDetail::new(route, destinations)),
        connections: None,
        missing: Vec::new(),
        assumed: Vec::new(),
    }
}

fn mirrors(target: &Target) -> Vec<MirrorSummary> {
    let mirrors = match target {
        Target::Forward(forward) => forward.mirrors.as_slice(),
        Target::Redirect(_) | Target::Respond(_) => &[],
    };
    let mirrors = mirrors.iter().map(|it| MirrorSummary {
        destination: describe_copies(&it.policy, &it.cluster),
        host: it.cluster.hostname.clone(),
        cluster: it.cluster.clone(),
        percent: copied_percent(&it.policy),
    });
    mirrors.collect()
}

fn tcp_host(chain: &TcpChain<'_>, destinations: &Destinations<'_>) -> HostSummary {
    let total: u64 = chain.shares.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let percent = |weight: u32| match chain.shares.len() {
        1 => 100.0,
        _ => in_percent(weight, total),
    };
    let shares = chain.shares.iter();
    let missing = shares
        .clone()
        .filter_map(|(cluster, weight)| destinations.missing(cluster, percent(*weight)));
    let path = chain.path.strip_prefix("spec.").unwrap_or(&chain.path);
    let domains = if chain.server_names.is_empty() {
        vec!["*".to_owned()]
    } else {
        chain.server_names.clone()
    };
    let route = RouteSummary {
        rule: None,
        matches: "every connection".to_owned(),
        claims: Vec::new(),
        rewrite: None,
        destinations: describe_shares(chain.shares.iter().map(|(cluster, weight)| (cluster, *weight))),
        mirrors: Vec::new(),
        by_chance: Vec::new(),
        virtual_service: chain.resource.meta.qualified_name(),
        span: Some(chain.resource.origin.at(&chain.path)),
        example: None,
        detail: None,
        connections: Some(ConnectionRule {
            name: format!("{} {path}", chain.resource.meta.qualified_name()),
            shares: shares
                .map(|(cluster, weight)| (cluster.clone(), percent(*weight)))
                .collect(),
        }),
        missing: missing.collect(),
        assumed: Vec::new(),
    };
    HostSummary {
        name: domains.join(","),
        domains,
        route_config: None,
        server_names: chain.server_names.clone(),
        over_tls: chain.termination != Termination::Tcp,
        takes_plain_text: chain.termination != Termination::TlsToTcp && chain.server_names.is_empty(),
        redirects_to_https: false,
        routes: vec![route],
        left_out: Vec::new(),
    }
}

/// With one digit behind the point.
fn in_percent(weight: u32, total: u64) -> f64 {
    let millionths = (u64::from(weight) * 1000).checked_div(total).unwrap_or(0);
    f64::from(u32::try_from(millionths).unwrap_or(u32::MAX)) / 10.0
}
