//! TLS to upstreams that fails, or that checks less than it seems.
//!
//! Source of what is sent and checked: istio `pilot/pkg/networking/core/cluster_tls.go`; docs/istio-routing.md 4.9.
//! That the host of a request is the server name, and that `sni` alone checks no name, is tried in a stock Envoy (`tests/all/upstream_tls`).

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::{ClientTlsSettings, Code, Diagnostics, Origin};

use crate::client_tls;
use crate::cluster_parts::{self, Parts};
use crate::cluster_policies::Policies;
use crate::host;
use crate::listeners::BuiltListener;
use crate::mesh::Mesh;
use crate::protocol::Termination;
use crate::routes::route::{Destinations, Route, Target};
use crate::services::{ClusterRef, ServiceSource};
use crate::tcp::TcpChain;
use crate::upstream_tls;

/// The port that servers speak plain HTTP on.
const PLAIN_HTTP: u32 = 80;

/// Reports it for all clusters that are used.
pub(crate) fn check<'c>(
    listeners: &[BuiltListener<'_>],
    used: impl Iterator<Item = &'c ClusterRef>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    let over_tls: BTreeMap<&ClusterRef, Upstream<'_, '_>> = used
        .filter_map(|cluster| Some((cluster, Upstream::of(cluster, mesh)?)))
        .collect();
    if over_tls.is_empty() {
        return;
    }
    let mut reported = BTreeSet::new();
    for (cluster, upstream) in &over_tls {
        if upstream.target_port() == Some(PLAIN_HTTP) && reported.insert(upstream.place()) {
            upstream.report_plain_port(cluster, diagnostics);
        }
    }
    let mut reporter = Reporter {
        over_tls,
        mesh,
        unchecked: BTreeSet::new(),
        reported: BTreeSet::new(),
    };
    for chain in listeners.iter().flat_map(|it| &it.http) {
        for host in &chain.routes.virtual_hosts {
            for route in &host.routes {
                reporter.requests(&host.domain, route, diagnostics);
            }
        }
    }
    for chain in listeners.iter().flat_map(|it| &it.tcp) {
        reporter.connections(chain, diagnostics);
    }
}

/// A cluster over TLS.
struct Upstream<'m, 'r> {
    parts: Parts<'m, 'r>,
    tls: &'r ClientTlsSettings,
    /// Where its settings are written.
    origin: &'r Origin,
    path: String,
}

impl<'m, 'r> Upstream<'m, 'r> {
    fn of(cluster: &ClusterRef, mesh: &'m Mesh<'r>) -> Option<Self> {
        let parts = cluster_parts::parts(cluster, mesh).ok()?;
        let tls = Policies::of(parts.rule, cluster).tls?;
        let (origin, path) = parts.rule?.place_of_tls(tls)?;
        client_tls::has_effect(tls).then_some(Self {
            parts,
            tls,
            origin,
            path,
        })
    }

    fn place(&self) -> (String, String) {
        (self.origin.subject().to_owned(), self.path.clone())
    }

    fn target_port(&self) -> Option<u32> {
        self.parts.port.target_number()
    }

    /// Whether a certificate for any name is accepted, if it is not checked against the host of the request.
    fn has_no_names(&self, mesh: &Mesh<'_>) -> bool {
        !client_tls::skips_verification(self.tls)
            && upstream_tls::names(self.tls, &self.parts, mesh).is_empty()
    }

    fn report_plain_port(&self, cluster: &ClusterRef, diagnostics: &mut Diagnostics) {
        let message = format!(
            "port {} of {} is port {PLAIN_HTTP} of its endpoints, where servers speak plain HTTP, and gets TLS",
            cluster.port, cluster.hostname
        );
        diagnostics
            .warn(Code::TlsToPlainTextPort, message)
            .on(self.origin, self.path.clone())
            .help("give the port `targetPort: 443`, or write these settings under portLevelSettings for the port that speaks TLS");
    }
}

struct Reporter<'c, 'm, 'r> {
    over_tls: BTreeMap<&'c ClusterRef, Upstream<'m, 'r>>,
    mesh: &'m Mesh<'r>,
    /// The settings that accept any name, which were reported.
    unchecked: BTreeSet<(String, String)>,
    /// The rules whose host is not that of the upstream, which were reported.
    reported: BTreeSet<(String, String)>,
}

impl Reporter<'_, '_, '_> {
    /// A route of requests for `domain`.
    fn requests(&mut self, domain: &str, route: &Route<'_>, diagnostics: &mut Diagnostics) {
        let Target::Forward(forward) = &route.target else {
            return;
        };
        let destinations: Vec<(usize, &ClusterRef, Option<&String>)> = match &forward.destinations {
            Destinations::One(cluster) => vec![(0, cluster, forward.authority.as_ref())],
            Destinations::Split(shares) => shares
                .iter()
                .map(|it| {
                    let own = it.edits.authority.as_ref();
                    (it.destination, &it.cluster, own.or(forward.authority.as_ref()))
                })
                .collect(),
        };
        for (index, cluster, authority) in destinations {
            let Some(upstream) = self.over_tls.get(cluster) else {
                continue;
            };
            let options = client_tls::server_name_options(upstream.tls);
            if !options.auto_san_validation && upstream.has_no_names(self.mesh) {
                if self.unchecked.insert(upstream.place()) {
                    let path = format!("{}.sni", upstream.path);
                    report_unchecked(upstream, path, "", diagnostics);
                }
                continue;
            }
            let external = match upstream.parts.service.source {
                ServiceSource::Entry(_) => !cluster.hostname.starts_with('*'),
                ServiceSource::Kubernetes(_) => false,
            };
            let may_be_right = domain != "*" && host::is_covered_by(&cluster.hostname, domain);
            if !options.auto_san_validation || authority.is_some() || !external || may_be_right {
                continue;
            }
            let path = format!("{}.route[{index}].destination", route.rule_path());
            if self
                .reported
                .insert((route.leaf.origin.subject().to_owned(), path.clone()))
            {
                let host = &cluster.hostname;
                let message = format!(
                    "the host of the request, not {host}, is the TLS server name, and the certificate of {host} must be for it: with any other, requests get 503"
                );
                diagnostics
                    .warn(Code::RequestHostAsServerName, message)
                    .on(&route.leaf.origin, path)
                    .help(format!(
                        "add `rewrite: {{authority: {host}}}` to the rule, or `sni: {host}` and `subjectAltNames: [{host}]` to the DestinationRule"
                    ));
            }
        }
    }

    /// A chain of bytes.
    fn connections(&mut self, chain: &TcpChain<'_>, diagnostics: &mut Diagnostics) {
        for (cluster, _) in &chain.shares {
            let Some(upstream) = self.over_tls.get(cluster) else {
                continue;
            };
            let rule = (chain.resource.origin.subject().to_owned(), chain.path.clone());
            let passes_tls = chain.termination == Termination::Passthrough;
            if passes_tls && self.reported.insert(rule) {
                let message = format!(
                    "the client's TLS passes through to {}, and its DestinationRule puts TLS around it: the endpoints get TLS in TLS",
                    cluster.describe()
                );
                diagnostics
                    .warn(Code::DoubleTls, message)
                    .on(&chain.resource.origin, chain.path.clone())
                    .help(format!(
                        "add `portLevelSettings: [{{port: {{number: {}}}, tls: {{mode: DISABLE}}}}]` to the DestinationRule, or end TLS at the Gateway",
                        cluster.port
                    ));
            }
            if upstream.has_no_names(self.mesh) && self.unchecked.insert(upstream.place()) {
                let sent = if upstream.tls.sni.is_empty() {
                    "routes of bytes have no host to send as the server name, and "
                } else {
                    ""
                };
                report_unchecked(upstream, upstream.path.clone(), sent, diagnostics);
            }
        }
    }
}

fn report_unchecked(upstream: &Upstream<'_, '_>, path: String, sent: &str, diagnostics: &mut Diagnostics) {
    let host = &upstream.parts.service.hostname;
    let message = format!(
        "{sent}any certificate of the trusted authorities is accepted for {host}, whatever its name: subjectAltNames gives none"
    );
    diagnostics
        .note(Code::UpstreamNameUnchecked, message)
        .on(upstream.origin, path)
        .help(format!(
            "add `subjectAltNames: [{host}]`, or the name that its certificate has"
        ));
}
