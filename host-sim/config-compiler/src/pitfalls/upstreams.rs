//! Policies and destinations that upstreams or clients meet otherwise than it seems.

use fingerpost_resources::{ClientTlsMode, Code, Diagnostics, HttpRouteDestination};

use crate::cluster_policies::Policies;
use crate::gateways::BoundServer;
use crate::mesh::Mesh;
use crate::policies;
use crate::protocol::Protocol;
use crate::services::ClusterRef;
use crate::virtual_services::{BoundVirtualService, Rule};

/// Reports them for the rules of a VirtualService; `server` is the first of its Gateways.
pub(super) fn check(
    service: &BoundVirtualService<'_>,
    server: &BoundServer<'_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for rule in &service.rules {
        retries(rule, diagnostics);
        let namespace = &service.resource.meta.namespace;
        let clusters: Vec<(usize, &HttpRouteDestination, ClusterRef)> = rule
            .route
            .route
            .iter()
            .enumerate()
            .filter_map(|(index, it)| {
                let destination = it.destination.as_ref()?;
                let cluster = mesh
                    .services
                    .cluster(destination, namespace, server.declared_port);
                Some((index, it, cluster))
            })
            .collect();
        for (index, _, cluster) in &clusters {
            plain_text(rule, *index, cluster, mesh, diagnostics);
        }
        hashes(rule, &clusters, namespace, mesh, diagnostics);
    }
}

/// Tries that take all of their time leave none for the last ones.
fn retries(rule: &Rule<'_>, diagnostics: &mut Diagnostics) {
    let Some(retries) = &rule.route.retries else {
        return;
    };
    let (Some(each), Some(whole)) = (retries.per_try_timeout, rule.route.timeout) else {
        return;
    };
    let attempts = u32::try_from(retries.attempts.unwrap_or(0)).unwrap_or(0);
    let Some(all) = each
        .checked_mul(attempts)
        .filter(|all| !whole.is_zero() && *all > whole)
    else {
        return;
    };
    let message = format!(
        "{attempts} attempts of up to {each:?} each are more than the timeout of {whole:?}: if tries time out, the last ones are not made"
    );
    diagnostics
        .note(Code::RetriesCutOff, message)
        .on(&rule.leaf.origin, format!("{}.retries", rule.path))
        .help(format!(
            "a timeout of {all:?} or more leaves room for all of them"
        ));
}

/// A port that speaks TLS gets plain HTTP unless a DestinationRule turns TLS on.
fn plain_text(
    rule: &Rule<'_>,
    index: usize,
    cluster: &ClusterRef,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    let Some(service) = mesh.services.find(&cluster.hostname, "") else {
        return;
    };
    let speaks_tls = |it: Protocol| matches!(it, Protocol::Https | Protocol::Tls);
    if !service
        .port(cluster.port)
        .is_some_and(|it| speaks_tls(it.protocol))
    {
        return;
    }
    let settings = mesh.rule_of(cluster, "");
    let policies = Policies::of(settings, cluster);
    let mode = policies.tls.and_then(|it| it.mode).unwrap_or_default();
    if mode != ClientTlsMode::Disable {
        return;
    }
    let message = format!(
        "port {} of {} speaks TLS, and no DestinationRule turns TLS on: the gateway sends it plain HTTP",
        cluster.port, cluster.hostname
    );
    diagnostics
        .warn(Code::PlainTextToTlsPort, message)
        .on(&rule.leaf.origin, format!("{}.route[{index}].destination", rule.path))
        .help(format!(
            "route to its port for plain HTTP, or add a DestinationRule with `trafficPolicy: {{portLevelSettings: [{{port: {{number: {}}}, tls: {{mode: SIMPLE}}}}]}}`",
            cluster.port
        ));
}

/// Weights are drawn for each request again, whatever the hash.
fn hashes(
    rule: &Rule<'_>,
    clusters: &[(usize, &HttpRouteDestination, ClusterRef)],
    namespace: &str,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    let weighted = clusters.iter().filter(|(_, it, _)| it.weight.unwrap_or(0) > 0);
    let hashed = weighted.clone().any(|(_, it, cluster)| {
        let port = it.destination.as_ref().and_then(|it| it.port.as_ref());
        let settings = mesh
            .rule_of(cluster, namespace)
            .and_then(|it| policies::hash_settings(it, cluster, port.is_some()));
        settings.is_some()
    });
    if !hashed || weighted.count() < 2 {
        return;
    }
    let message = "the destination is drawn by weight for each request: consistentHash keeps a client on one endpoint only within a destination";
    diagnostics
        .note(Code::HashAcrossDestinations, message)
        .on(&rule.leaf.origin, format!("{}.route", rule.path))
        .help("to keep clients on one version, match on a header or cookie instead of weights");
}
