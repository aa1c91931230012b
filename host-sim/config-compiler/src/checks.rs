//! What Istio would serve all the same, and a user would rather know: warnings.
//!
//! Decides no routing. Every finding here leaves the output as it is.

use std::collections::BTreeSet;

use fingerpost_resources::{Code, Diagnostics};

use crate::attachments::Attachments;
use crate::empty_clusters::Use;
use crate::listeners::BuiltListener;
use crate::matching;
use crate::mesh::Mesh;
use crate::missing_cluster::missing_cluster;
use crate::services::ClusterRef;
use crate::virtual_services::{BoundVirtualService, Rule};

/// Destinations that lead nowhere, claims that are not verified.
pub(crate) fn rules(
    services: &[BoundVirtualService<'_>],
    attachments: &Attachments<'_, '_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for service in services {
        let namespace = &service.resource.meta.namespace;
        let Some(server) = attachments.first_of_gateways(service) else {
            continue;
        };
        for rule in &service.rules {
            for (path, destination, how) in destinations(rule) {
                let cluster = mesh
                    .services
                    .cluster(destination, namespace, server.declared_port);
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
    let mirror = rule.route.mirror.as_deref();
    let mirror = mirror.map(move |it| (format!("{path}.mirror"), it, Use::Copies));
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
    let Some(missing) = missing_cluster(cluster, mesh) else {
        return;
    };
    diagnostics
        .warn(
            missing.code,
            format!("{}: {}", missing.message, how.consequence()),
        )
        .on(&rule.leaf.origin, format!("{path}.{}", missing.field))
        .help(missing.help);
}

/// Warns of each TCP or TLS rule that leads to a cluster that does not exist.
pub(crate) fn connections(listeners: &[BuiltListener<'_>], mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) {
    let mut reported = BTreeSet::new();
    for chain in listeners.iter().flat_map(|it| &it.tcp) {
        for (cluster, _) in &chain.shares {
            let Some(missing) = missing_cluster(cluster, mesh) else {
                continue;
            };
            let rule = (chain.resource.meta.qualified_name(), &chain.path, cluster);
            if reported.insert(rule) {
                let message = format!("{}: {}", missing.message, Use::Connections.consequence());
                diagnostics
                    .warn(missing.code, message)
                    .on(&chain.resource.origin, chain.path.clone())
                    .help(missing.help);
            }
        }
    }
}

fn claims(rule: &Rule<'_>, diagnostics: &mut Diagnostics) {
    for (index, (_, request)) in rule.matches.iter().enumerate() {
        let fields = [
            ("headers", &request.headers),
            ("withoutHeaders", &request.without_headers),
        ];
        for (field, names) in fields {
            for name in names.keys().filter(|name| matching::is_claim(name)) {
                diagnostics
                    .warn(
                        Code::NoClaims,
                        format!("tokens are not verified here: `{name}` is never there"),
                    )
                    .on(&rule.leaf.origin, format!("{}.match[{index}].{field}", rule.path));
            }
        }
    }
}
