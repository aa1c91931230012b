//! What Istio would serve all the same, and a user would rather know: warnings.
//!
//! Decides no routing. Every finding here leaves the output as it is.

use std::collections::BTreeSet;

use fingerpost_resources::{Diagnostics, Resources};

use crate::clusters::{self, Missing};
use crate::detail::Lack;
use crate::empty_clusters::Use;
use crate::endpoints;
use crate::gateways::MergedListener;
use crate::listeners::BuiltListener;
use crate::matching;
use crate::mesh::Mesh;
use crate::services::ClusterRef;
use crate::virtual_services::{BoundService, Rule};

/// Policies that other parts of Istio enforce and nobody enforces here.
pub(crate) fn unenforced(resources: &Resources, diagnostics: &mut Diagnostics) {
    for found in &resources.unenforced {
        let message = format!(
            "{} is NOT enforced: requests that it forbids will pass",
            found.kind
        );
        diagnostics
            .warn("not-enforced", message)
            .on(&found.origin, "kind")
            .help("only routing is compiled; keep what protects your services in front of them");
    }
}

/// Destinations that lead nowhere, claims that nobody verifies.
pub(crate) fn rules(
    services: &[BoundService<'_>],
    listeners: &[MergedListener<'_>],
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for service in services {
        let namespace = &service.resource.meta.namespace;
        let ports: Vec<u32> = listeners
            .iter()
            .flat_map(|it| &it.groups)
            .flat_map(|it| &it.servers)
            .filter(|server| service.gateways.contains(&server.gateway_name()))
            .map(|server| server.declared_port)
            .collect();
        let Some(declared) = ports.first() else { continue };
        for rule in &service.rules {
            for (path, destination, how) in destinations(rule) {
                let cluster = mesh.services.cluster(destination, namespace, *declared);
                missing_destination(rule, &path, &cluster, how, mesh, diagnostics);
            }
            claims(rule, diagnostics);
        }
    }
}

fn destinations<'a>(
    rule: &'a Rule<'_>,
) -> impl Iterator<Item = (String, &'a fingerpost_resources::Destination, Use)> {
    let path = &rule.path;
    let of_route = if rule.route.route.len() > 1 {
        Use::Share
    } else {
        Use::Requests
    };
    let routed = rule
        .route
        .route
        .iter()
        .enumerate()
        .filter_map(move |(index, it)| {
            Some((
                format!("{path}.route[{index}].destination"),
                it.destination.as_ref()?,
                of_route,
            ))
        });
    let mirror = rule
        .route
        .mirror
        .iter()
        .map(move |it| (format!("{path}.mirror"), it, Use::Copies));
    let mirrors = rule
        .route
        .mirrors
        .iter()
        .enumerate()
        .filter_map(move |(index, it)| {
            Some((
                format!("{path}.mirrors[{index}].destination"),
                it.destination.as_ref()?,
                Use::Copies,
            ))
        });
    routed.chain(mirror).chain(mirrors)
}

fn missing_destination(
    rule: &Rule<'_>,
    path: &str,
    cluster: &ClusterRef,
    how: Use,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    let Some((field, code, lack)) = lack(cluster, mesh) else {
        return;
    };
    diagnostics
        .warn(code, format!("{}: {}", lack.message, how.consequence()))
        .on(&rule.leaf.origin, format!("{path}.{field}"))
        .help(lack.help);
}

/// Warns of each TCP or TLS rule that leads to a cluster that does not exist.
pub(crate) fn connections(listeners: &[BuiltListener<'_>], mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) {
    let mut reported = BTreeSet::new();
    for chain in listeners.iter().flat_map(|it| &it.tcp) {
        for (cluster, _) in &chain.shares {
            let Some((_, code, lack)) = lack(cluster, mesh) else {
                continue;
            };
            let rule = (chain.resource.meta.qualified_name(), &chain.path, cluster);
            if reported.insert(rule) {
                let message = format!("{}: {}", lack.message, Use::Connections.consequence());
                diagnostics
                    .warn(code, message)
                    .on(&chain.resource.origin, chain.path.clone())
                    .help(lack.help);
            }
        }
    }
}

/// Why a cluster does not exist, if it does not: the field of the destination that is to blame, the code of the
/// finding, and its words.
pub(crate) fn lack(cluster: &ClusterRef, mesh: &Mesh<'_>) -> Option<(&'static str, &'static str, Lack)> {
    let host = &cluster.hostname;
    let list = |names: Vec<String>| {
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    let (field, code, message, help) = match clusters::check(cluster, mesh).err()? {
        Missing::Host => (
            "host",
            "unknown-host",
            unknown_host(host, mesh),
            unknown_host_help(host, mesh),
        ),
        Missing::Port => {
            let ports = mesh
                .services
                .find(host, "")
                .map(|it| it.all_ports().map(|port| port.number.to_string()).collect());
            let message = format!("{host} has no port {}", cluster.port);
            (
                "port",
                "unknown-port",
                message,
                format!("its ports: {}", list(ports.unwrap_or_default())),
            )
        }
        Missing::Subset => {
            let namespace = mesh.services.find(host, "").map_or("", |it| it.namespace);
            let defined = mesh.destination_rules.find(host, namespace).map(|rule| {
                rule.subsets
                    .iter()
                    .map(|(subset, _)| format!("\"{}\"", subset.name))
                    .collect()
            });
            let message = format!(
                "no DestinationRule for {host} defines subset \"{}\"",
                cluster.subset
            );
            let help = match (defined, mesh.destination_rules.unseen(host).as_slice()) {
                (Some(names), _) => format!("it defines {}", list(names)),
                (None, []) => "no DestinationRule has that host: add one with this subset".to_owned(),
                (None, unseen) => format!(
                    "{} has that host, but is not seen: only the namespaces of the proxy (`{}`) and of the service (`{namespace}`) and the root are asked, and `exportTo` must allow it",
                    unseen.join(", "),
                    mesh.options.namespace
                ),
            };
            ("subset", "unknown-subset", message, help)
        }
        Missing::Endpoints(why) => {
            let (service, labels) = clusters::service_and_labels(cluster, mesh).ok()?;
            let cause = why.cause(cluster, service, &labels);
            ("host", "no-endpoints", cause.message, cause.help)
        }
    };
    Some((field, code, Lack { message, help }))
}

/// Why there is no cluster for the host.
fn unknown_host(host: &str, mesh: &Mesh<'_>) -> String {
    if let Some(hidden) = mesh.services.hidden(host).next() {
        return format!(
            "{} has the host `{host}`, but is not exported to namespace `{}`, where the gateway runs",
            hidden.subject(),
            mesh.options.namespace
        );
    }
    format!("no service has the host `{host}`")
}

fn unknown_host_help(host: &str, mesh: &Mesh<'_>) -> String {
    if let Some(hidden) = mesh.services.hidden(host).next() {
        let field = if hidden.subject().starts_with("Service ") {
            "the annotation `networking.istio.io/exportTo`"
        } else {
            "`exportTo`"
        };
        return format!(
            "add `{}` or `*` to {field} of {}",
            mesh.options.namespace,
            hidden.subject()
        );
    }
    if let Some(alias) = mesh.services.aliases_of(host).next() {
        return format!(
            "{} is an ExternalName, another name of `{host}`: write a ServiceEntry for `{host}` with `resolution: DNS`",
            endpoints::origin(alias).subject()
        );
    }
    let mut known = mesh.services.hostnames();
    if let Some(other) = known.find(|known| known.eq_ignore_ascii_case(host)) {
        return format!("the letter case differs: write `{other}`");
    }
    if let Some(wildcard) = mesh.services.wildcards_over(host).next() {
        return format!(
            "the `{}` of {} is not looked up for it: write a ServiceEntry for `{host}`",
            wildcard.hostname,
            endpoints::origin(wildcard).subject()
        );
    }
    let name = host.split('.').next().unwrap_or(host);
    let similar = mesh.services.hostnames();
    let similar = similar.filter(|known| *known != host && known.split('.').next() == Some(name));
    let similar: Vec<&str> = similar.collect();
    if similar.is_empty() {
        "add the Service or ServiceEntry to the input".to_owned()
    } else {
        format!("did you mean {}?", similar.join(" or "))
    }
}

fn claims(rule: &Rule<'_>, diagnostics: &mut Diagnostics) {
    for (index, request) in rule.route.matches.iter().enumerate() {
        let fields = [
            ("headers", &request.headers),
            ("withoutHeaders", &request.without_headers),
        ];
        for (field, names) in fields {
            for name in names.keys().filter(|name| matching::is_claim(name)) {
                diagnostics
                    .warn(
                        "no-claims",
                        format!("tokens are not verified here: `{name}` is never there"),
                    )
                    .on(&rule.leaf.origin, format!("{}.match[{index}].{field}", rule.path));
            }
        }
    }
}
