//! Values of DestinationRules, Services and workloads that Envoy refuses.
//!
//! Only blocks that apply to a cluster of the output are checked, and only endpoints of such clusters.

use std::collections::BTreeSet;
use std::time::Duration;

use fingerpost_resources::{
    ClientTlsSettings, Code, ConnectionPoolSettings, ConsistentHashLb, DestinationRule, Diagnostics,
    HashAlgorithm, HashKey, LbPolicy, LoadBalancerSettings, OutlierDetection, Resource, TrafficPolicy,
};

use super::values::{self, LARGEST_RING, LONGEST_SOCKET_PATH, Wrong};
use crate::client_tls;
use crate::cluster_policies::Policies;
use crate::clusters::Cluster;
use crate::endpoints::{Endpoint, EndpointAddress, Endpoints, origin};
use crate::load_balancer;
use crate::mesh::Mesh;
use crate::policies::hash_settings;

/// Checks the traffic policies and the endpoints of the clusters.
pub(crate) fn check(
    clusters: &[Cluster],
    rules: &[Resource<DestinationRule>],
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    let mut used = BTreeSet::new();
    for cluster in clusters {
        blocks_of(cluster, mesh, &mut used);
        endpoints(cluster, mesh, diagnostics);
    }
    for rule in rules {
        let mut checker = Checker {
            rule,
            used: &used,
            diagnostics,
        };
        checker.rule();
    }
}

/// Adds the addresses of the blocks that apply to a cluster.
fn blocks_of(cluster: &Cluster, mesh: &Mesh<'_>, used: &mut BTreeSet<usize>) {
    let Some(rule) = mesh.rule_of(&cluster.wanted, "") else {
        return;
    };
    let policies = Policies::of(Some(rule), &cluster.wanted);
    used.extend(policies.addresses());
    // The hash policy of a route is chosen by other rules.
    for port_is_given in [false, true] {
        used.extend(hash_settings(rule, &cluster.wanted, port_is_given).map(address_of));
    }
}

fn address_of<T>(block: &T) -> usize {
    std::ptr::from_ref(block).addr()
}

struct Checker<'a> {
    rule: &'a Resource<DestinationRule>,
    used: &'a BTreeSet<usize>,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn report(&mut self, path: &str, wrong: Option<Wrong>) {
        if let Some(Wrong { message, help }) = wrong {
            self.diagnostics
                .error(Code::EnvoyRefuses, message)
                .on(&self.rule.origin, path)
                .help(help);
        }
    }

    fn rule(&mut self) {
        let spec = &self.rule.spec;
        self.policy("spec.trafficPolicy", spec.traffic_policy.as_ref());
        for (index, subset) in spec.subsets.iter().enumerate() {
            self.policy(
                &format!("spec.subsets[{index}].trafficPolicy"),
                subset.traffic_policy.as_ref(),
            );
        }
    }

    fn policy(&mut self, path: &str, policy: Option<&TrafficPolicy>) {
        let Some(policy) = policy else { return };
        self.load_balancer(path, policy.load_balancer.as_ref());
        self.connection_pool(path, policy.connection_pool.as_ref());
        self.outlier_detection(path, policy.outlier_detection.as_ref());
        self.tls(path, policy.tls.as_ref());
        let budget = policy.retry_budget.as_ref();
        if let Some(budget) = budget.filter(|it| self.used.contains(&address_of(*it))) {
            let path = format!("{path}.retryBudget.percent");
            self.report(&path, budget.percent.and_then(percentage));
        }
        for (index, port) in policy.port_level_settings.iter().enumerate() {
            let path = format!("{path}.portLevelSettings[{index}]");
            self.load_balancer(&path, port.load_balancer.as_ref());
            self.connection_pool(&path, port.connection_pool.as_ref());
            self.outlier_detection(&path, port.outlier_detection.as_ref());
            self.tls(&path, port.tls.as_ref());
        }
    }

    fn load_balancer(&mut self, path: &str, block: Option<&LoadBalancerSettings>) {
        let warmup = block.filter(|it| load_balancer::warms_up(it) && self.used.contains(&address_of(*it)));
        let duration = warmup.and_then(|it| it.warmup.as_ref()?.duration);
        self.durations(&format!("{path}.loadBalancer.warmup"), &[("duration", duration)]);
        if let Some(least) = warmup.and_then(|it| it.warmup.as_ref()?.minimum_percent) {
            self.report(
                &format!("{path}.loadBalancer.warmup.minimumPercent"),
                percentage(least),
            );
        }
        let Some(LbPolicy::ConsistentHash(hash)) = block.and_then(|it| it.lb_policy.as_ref()) else {
            return;
        };
        let path = format!("{path}.loadBalancer.consistentHash");
        if self.used.contains(&address_of(hash)) {
            self.hash_key(&path, hash);
        }
        if !block.is_some_and(|it| self.used.contains(&address_of(it))) {
            return;
        }
        let ring = |size: Option<u64>| {
            size.filter(|it| *it > LARGEST_RING).map(|size| {
                Wrong::new(
                    format!("{size} is too large: Envoy accepts a ring of at most {LARGEST_RING}"),
                    "write a smaller size",
                )
            })
        };
        match &hash.hash_algorithm {
            Some(HashAlgorithm::Maglev(maglev)) => {
                let wrong = maglev.table_size.and_then(values::table_size);
                self.report(&format!("{path}.maglev.tableSize"), wrong);
            }
            Some(HashAlgorithm::RingHash(given)) if given.minimum_ring_size.is_some() => {
                self.report(
                    &format!("{path}.ringHash.minimumRingSize"),
                    ring(given.minimum_ring_size),
                );
            }
            Some(HashAlgorithm::RingHash(_)) | None => {
                self.report(&format!("{path}.minimumRingSize"), ring(hash.minimum_ring_size));
            }
        }
    }

    fn hash_key(&mut self, path: &str, hash: &ConsistentHashLb) {
        let nameless = |name: &str, what: &str| {
            let help = "write the name to hash";
            name.is_empty()
                .then(|| Wrong::new(format!("a {what} without a name: Envoy refuses the hash"), help))
        };
        match &hash.hash_key {
            Some(HashKey::HttpHeaderName(name)) => {
                let wrong = nameless(name, "header").or_else(|| values::line(name));
                self.report(&format!("{path}.httpHeaderName"), wrong);
            }
            Some(HashKey::HttpCookie(cookie)) => {
                self.report(
                    &format!("{path}.httpCookie.name"),
                    nameless(&cookie.name, "cookie"),
                );
                self.report(
                    &format!("{path}.httpCookie.ttl"),
                    cookie.ttl.and_then(values::duration),
                );
            }
            Some(HashKey::HttpQueryParameterName(name)) => {
                self.report(
                    &format!("{path}.httpQueryParameterName"),
                    nameless(name, "query parameter"),
                );
            }
            Some(HashKey::UseSourceIp(_)) | None => {}
        }
    }

    fn connection_pool(&mut self, path: &str, block: Option<&ConnectionPoolSettings>) {
        let Some(block) = block.filter(|it| self.used.contains(&address_of(*it))) else {
            return;
        };
        if let Some(http) = &block.http {
            let path = format!("{path}.connectionPool.http");
            let keepalive = http.http2_keep_alive.as_ref();
            self.durations(
                &path,
                &[
                    ("idleTimeout", http.idle_timeout),
                    ("http2KeepAlive.interval", keepalive.and_then(|it| it.interval)),
                    ("http2KeepAlive.timeout", keepalive.and_then(|it| it.timeout)),
                ],
            );
        }
        let Some(tcp) = &block.tcp else { return };
        let path = format!("{path}.connectionPool.tcp");
        self.report(
            &format!("{path}.connectTimeout"),
            tcp.connect_timeout.and_then(values::positive_duration),
        );
        self.durations(
            &path,
            &[
                ("maxConnectionDuration", tcp.max_connection_duration),
                ("idleTimeout", tcp.idle_timeout),
            ],
        );
        let Some(keepalive) = &tcp.tcp_keepalive else {
            return;
        };
        for (field, time) in [("time", keepalive.time), ("interval", keepalive.interval)] {
            let path = format!("{path}.tcpKeepalive.{field}");
            self.report(&path, time.and_then(values::seconds));
        }
    }

    /// Durations that Envoy accepts from 0 to its limit.
    fn durations(&mut self, path: &str, given: &[(&str, Option<Duration>)]) {
        for (field, given) in given {
            self.report(&format!("{path}.{field}"), given.and_then(values::duration));
        }
    }

    fn tls(&mut self, path: &str, block: Option<&ClientTlsSettings>) {
        let block = block.filter(|it| client_tls::has_effect(it) && self.used.contains(&address_of(*it)));
        self.report(
            &format!("{path}.tls.sni"),
            block.and_then(|it| server_name(&it.sni)),
        );
    }

    fn outlier_detection(&mut self, path: &str, block: Option<&OutlierDetection>) {
        let Some(block) = block.filter(|it| self.used.contains(&address_of(*it))) else {
            return;
        };
        let path = format!("{path}.outlierDetection");
        for (field, given) in [
            ("interval", block.interval),
            ("baseEjectionTime", block.base_ejection_time),
        ] {
            self.report(
                &format!("{path}.{field}"),
                given.and_then(values::positive_duration),
            );
        }
        for (field, given) in [
            (
                "maxEjectionPercent",
                block.max_ejection_percent.filter(|it| *it > 0),
            ),
            ("minHealthPercent", block.min_health_percent),
        ] {
            let odd = given.filter(|it| !(0..=100).contains(it));
            let wrong = odd.map(|it| Wrong::new(format!("{it} is not a percentage"), "write 0 to 100"));
            self.report(&format!("{path}.{field}"), wrong);
        }
    }
}

/// A server name of TLS.
fn server_name(sni: &str) -> Option<Wrong> {
    const LONGEST: usize = 255;
    (sni.len() > LONGEST).then(|| {
        let message = format!(
            "a server name has at most {LONGEST} bytes, and this one has {}",
            sni.len()
        );
        Wrong::new(message, "shorten it")
    })
}

fn percentage(given: f64) -> Option<Wrong> {
    let is_one = (0.0..=100.0).contains(&given);
    (!is_one).then(|| Wrong::new(format!("{given} is not a percentage"), "write 0 to 100"))
}

/// The addresses and ports of a cluster's endpoints, on the resource that declares the service.
fn endpoints(cluster: &Cluster, mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) {
    let wrong = match &cluster.endpoints {
        Endpoints::Known(endpoints) => endpoints.iter().find_map(endpoint),
        Endpoints::Dns { port, .. } => (*port > 65_535).then(|| odd_port(*port)),
        Endpoints::Empty(_) => None,
    };
    let Some(Wrong { message, help }) = wrong else {
        return;
    };
    let service = mesh.services.find(&cluster.wanted.hostname, "");
    let origin = service.map(origin);
    let finding = diagnostics.error(Code::EnvoyRefuses, format!("{}: {message}", cluster.name));
    match origin {
        Some(origin) => finding.on(origin, "spec").help(help),
        None => finding.about(&cluster.name, "").help(help),
    };
}

fn endpoint(endpoint: &Endpoint) -> Option<Wrong> {
    match &endpoint.address {
        EndpointAddress::Pipe(path) => (path.len() > LONGEST_SOCKET_PATH).then(|| {
            Wrong::new(
                format!(
                    "the path of a Unix socket has {} bytes: at most {LONGEST_SOCKET_PATH} are possible",
                    path.len()
                ),
                "shorten the path",
            )
        }),
        EndpointAddress::Socket { port, .. } => (*port > 65_535).then(|| odd_port(*port)),
    }
}

fn odd_port(port: u32) -> Wrong {
    Wrong::new(
        format!("an endpoint has the port {port}: Envoy refuses the cluster"),
        "use a port from 0 to 65535",
    )
}
