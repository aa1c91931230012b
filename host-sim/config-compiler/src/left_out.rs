//! Settings of DestinationRules that Istio would act on and that are not compiled, and those that apply to nothing.
//!
//! Decides nothing else: every finding leaves the output as it is. Only rules of services that a route leads to count.
//! Settings of localities are for `locality_findings`.
//! Source of what Istio does: istio `pilot/pkg/networking/core/cluster_traffic_policy.go`.

use std::collections::BTreeSet;

use fingerpost_resources::{
    ClientTlsMode, ClientTlsSettings, Code, ConnectionPoolSettings, DestinationRule, Diagnostics, LbPolicy,
    LoadBalancerSettings, PortTrafficPolicy, Resource, TrafficPolicy,
};

use crate::cluster_policies::Policies;
use crate::clusters::Cluster;
use crate::destination_rules::EffectiveRule;
use crate::listeners::BuiltListener;
use crate::load_balancer;
use crate::mesh::Mesh;
use crate::options::EnvoyVersion;

/// The code of findings about settings that are not acted on.
const LEFT_OUT: Code = Code::PolicyLeftOut;

/// Reports them for the rules of `clusters`.
pub(crate) fn check(
    listeners: &[BuiltListener<'_>],
    clusters: &[Cluster],
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    let chains = listeners.iter().flat_map(|it| &it.tcp);
    let tunnels = chains.filter_map(|it| it.tunnel).map(address_of).collect();
    for used in used_rules(clusters, mesh) {
        let mut report = Report {
            used: &used,
            tunnels: &tunnels,
            envoy: mesh.options.envoy,
            diagnostics: &mut *diagnostics,
        };
        let spec = &used.resource.spec;
        if let Some(policy) = &spec.traffic_policy {
            if used.policy_counts {
                report.policy(policy, "spec.trafficPolicy");
            } else {
                report.left_out(
                    "spec.trafficPolicy",
                    "an earlier DestinationRule for this host has a traffic policy, and only the first one counts",
                );
            }
        }
        for (index, subset) in spec.subsets.iter().enumerate() {
            if let Some(policy) = &subset.traffic_policy {
                report.policy(policy, &format!("spec.subsets[{index}].trafficPolicy"));
            }
        }
    }
}

/// A DestinationRule that counts for a cluster.
struct Used<'r> {
    resource: &'r Resource<DestinationRule>,
    /// Whether its own traffic policy counts.
    policy_counts: bool,
    /// The ports of the services that it is for.
    ports: BTreeSet<u32>,
    /// Whether HTTP/2 is spoken to one of its clusters whatever the client speaks.
    speaks_http2: bool,
}

fn used_rules<'r>(clusters: &[Cluster], mesh: &Mesh<'r>) -> Vec<Used<'r>> {
    let mut rules: Vec<Used<'r>> = Vec::new();
    for cluster in clusters {
        let Some(service) = mesh.services.find(&cluster.wanted.hostname, "") else {
            continue;
        };
        let Some(rule) = mesh.rule_of(&cluster.wanted, "") else {
            continue;
        };
        let policies = Policies::of(Some(rule), &cluster.wanted);
        let port = service.port(cluster.wanted.port);
        let speaks_http2 = port.is_some_and(|it| policies.speaks_http2(it.protocol));
        for resource in rule.resources() {
            let known = rules.iter().position(|it| std::ptr::eq(it.resource, resource));
            let index = known.unwrap_or_else(|| {
                rules.push(Used {
                    resource,
                    policy_counts: counts(rule, resource),
                    ports: BTreeSet::new(),
                    speaks_http2: false,
                });
                rules.len() - 1
            });
            if let Some(used) = rules.get_mut(index) {
                used.ports.extend(service.ports.iter().map(|it| it.number));
                used.speaks_http2 |= speaks_http2;
            }
        }
    }
    rules
}

fn counts(rule: &EffectiveRule<'_>, resource: &Resource<DestinationRule>) -> bool {
    match (rule.traffic_policy, &resource.spec.traffic_policy) {
        (Some(chosen), Some(own)) => std::ptr::eq(chosen, own),
        (_, None) | (None, _) => true,
    }
}

fn address_of<T>(block: &T) -> usize {
    std::ptr::from_ref(block).addr()
}

fn port_number(policy: &PortTrafficPolicy) -> Option<u32> {
    policy.port.as_ref().and_then(|it| it.number)
}

struct Report<'a, 'r> {
    used: &'a Used<'r>,
    /// Where the tunnels that connections go through lie in memory.
    tunnels: &'a BTreeSet<usize>,
    envoy: EnvoyVersion,
    diagnostics: &'a mut Diagnostics,
}

impl Report<'_, '_> {
    fn left_out(&mut self, path: &str, consequence: &str) {
        self.warn(LEFT_OUT, path, &format!("is left out: {consequence}"));
    }

    fn no_effect(&mut self, path: &str, reason: &str) {
        self.warn(Code::NoEffect, path, &format!("does nothing: {reason}"));
    }

    fn warn(&mut self, code: Code, path: &str, what: &str) {
        let field = path.rsplit('.').next().unwrap_or(path);
        let message = format!("{field} of this DestinationRule {what}");
        self.diagnostics
            .warn(code, message)
            .on(&self.used.resource.origin, path);
    }

    fn policy(&mut self, policy: &TrafficPolicy, path: &str) {
        self.load_balancer(policy.load_balancer.as_ref(), path);
        self.connection_pool(policy.connection_pool.as_ref(), path);
        if !self.has_tls_for_each_port(policy) {
            self.tls(policy.tls.as_ref(), path);
        }
        if policy
            .tunnel
            .as_ref()
            .is_some_and(|it| !self.tunnels.contains(&address_of(it)))
        {
            let reason = "no TCP or TLS route leads through it. A route to a subset goes through the tunnel of the subset, a route to several destinations through that of the first one's host";
            self.no_effect(&format!("{path}.tunnel"), reason);
        }
        let interval = policy.retry_budget.as_ref().and_then(|it| it.budget_interval);
        if interval.is_some() && !self.envoy.has_budget_interval() {
            let consequence = "this Envoy release has no interval of a budget, it counts requests under way";
            self.left_out(&format!("{path}.retryBudget.budgetInterval"), consequence);
        }
        for (index, entry) in policy.port_level_settings.iter().enumerate() {
            let path = format!("{path}.portLevelSettings[{index}]");
            let number = port_number(entry);
            let earlier = policy.port_level_settings.iter().take(index);
            // The first entry for a port wins (istio cluster_traffic_policy.go, `selectTrafficPolicyComponents`).
            match number.filter(|_| earlier.map(port_number).any(|it| it == number)) {
                Some(number) => {
                    self.no_effect(&path, &format!("an earlier entry is for port {number} too"));
                }
                None => self.port_policy(entry, &path),
            }
        }
    }

    /// Whether no port of the services is left to the policy's own `tls`: an entry for a port replaces all of it.
    fn has_tls_for_each_port(&self, policy: &TrafficPolicy) -> bool {
        let entries: BTreeSet<u32> = policy
            .port_level_settings
            .iter()
            .filter_map(port_number)
            .collect();
        !self.used.ports.is_empty() && self.used.ports.is_subset(&entries)
    }

    fn port_policy(&mut self, policy: &PortTrafficPolicy, path: &str) {
        let number = port_number(policy);
        let host = &self.used.resource.spec.host;
        if let Some(number) = number.filter(|it| !self.used.ports.contains(it) && !host.contains('*')) {
            let ports: Vec<String> = self.used.ports.iter().map(u32::to_string).collect();
            let message = format!("{host} has no port {number}: these settings apply to nothing");
            self.diagnostics
                .warn(Code::UnknownPort, message)
                .on(&self.used.resource.origin, format!("{path}.port"))
                .help(format!(
                    "the port of the Service counts, not its targetPort: {}",
                    ports.join(", ")
                ));
            return;
        }
        self.load_balancer(policy.load_balancer.as_ref(), path);
        self.connection_pool(policy.connection_pool.as_ref(), path);
        self.tls(policy.tls.as_ref(), path);
    }

    fn load_balancer(&mut self, settings: Option<&LoadBalancerSettings>, path: &str) {
        let Some(settings) = settings else { return };
        let path = format!("{path}.loadBalancer");
        match &settings.lb_policy {
            Some(LbPolicy::BackendUtilization(_)) => {
                let consequence =
                    "endpoints are chosen by LEAST_REQUEST; Istio 1.31 does not act on it either";
                self.left_out(&format!("{path}.backendUtilization"), consequence);
            }
            Some(LbPolicy::Simple(_) | LbPolicy::ConsistentHash(_)) | None => {}
        }
        for (field, given) in [
            ("warmup", settings.warmup.is_some()),
            ("warmupDurationSecs", settings.warmup_duration_secs.is_some()),
        ] {
            if given && !load_balancer::warms_up(settings) {
                self.no_effect(
                    &format!("{path}.{field}"),
                    "only ROUND_ROBIN and LEAST_REQUEST warm up",
                );
            }
        }
        if settings.warmup.is_some() && settings.warmup_duration_secs.is_some() {
            self.no_effect(&format!("{path}.warmupDurationSecs"), "warmup replaces it");
        }
    }

    fn connection_pool(&mut self, settings: Option<&ConnectionPoolSettings>, path: &str) {
        let Some(http) = settings.and_then(|it| it.http.as_ref()) else {
            return;
        };
        if self.used.speaks_http2 {
            return;
        }
        let path = format!("{path}.connectionPool.http");
        for (field, given) in [
            (
                "maxConcurrentStreams",
                http.max_concurrent_streams.is_some_and(|it| it > 0),
            ),
            ("http2KeepAlive", http.http2_keep_alive.is_some()),
        ] {
            if given {
                let reason = if http.use_client_protocol == Some(true) {
                    "with useClientProtocol Istio sets nothing of HTTP/2"
                } else {
                    "this service gets HTTP/1.1: name its port `http2` or `grpc`, or set `h2UpgradePolicy: UPGRADE`"
                };
                self.no_effect(&format!("{path}.{field}"), reason);
            }
        }
    }

    /// Without a mode it is DISABLE.
    fn tls(&mut self, settings: Option<&ClientTlsSettings>, path: &str) {
        let Some(tls) = settings else { return };
        let path = format!("{path}.tls");
        let has = |text: &str| !text.is_empty();
        let fields = [
            ("clientCertificate", has(&tls.client_certificate)),
            ("privateKey", has(&tls.private_key)),
            ("caCertificates", has(&tls.ca_certificates)),
            ("credentialName", has(&tls.credential_name)),
            ("subjectAltNames", !tls.subject_alt_names.is_empty()),
            ("sni", has(&tls.sni)),
            ("insecureSkipVerify", tls.insecure_skip_verify == Some(true)),
            ("caCrl", has(&tls.ca_crl)),
        ];
        let given = fields.iter().filter(|(_, given)| *given).map(|(name, _)| *name);
        match tls.mode.unwrap_or_default() {
            ClientTlsMode::Disable => {
                for field in given {
                    self.no_effect(&format!("{path}.{field}"), "the mode is DISABLE");
                }
            }
            ClientTlsMode::Simple | ClientTlsMode::Mutual => {
                let is_simple = tls.mode == Some(ClientTlsMode::Simple);
                for field in given {
                    let reason = match field {
                        "clientCertificate" | "privateKey" if is_simple => {
                            "the mode is SIMPLE: the proxy shows no certificate"
                        }
                        "caCrl" if tls.insecure_skip_verify == Some(true) => {
                            "insecureSkipVerify checks nothing"
                        }
                        _ => continue,
                    };
                    self.no_effect(&format!("{path}.{field}"), reason);
                }
            }
            ClientTlsMode::IstioMutual => {
                let given: Vec<&str> = given.collect();
                let others = match given.as_slice() {
                    [] => String::new(),
                    names => format!(" ({} included)", names.join(", ")),
                };
                let message = format!(
                    "this DestinationRule requires ISTIO_MUTUAL to {}, which needs the certificates of a mesh{others}: requests are sent in plain text",
                    self.used.resource.spec.host
                );
                self.diagnostics
                    .warn(Code::PlainTextUpstream, message)
                    .on(&self.used.resource.origin, &path)
                    .help("if the service speaks TLS to clients outside the mesh, write `mode: SIMPLE`, or MUTUAL with a credentialName");
            }
        }
    }
}
