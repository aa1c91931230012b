//! The traffic policy of a cluster: load balancing, connection limits, outlier detection.
//!
//! Decides which of a DestinationRule's blocks applies to a cluster, and writes it for Envoy.
//! TLS to upstreams is not spoken.
//! Source: istio `pilot/pkg/networking/core/cluster_traffic_policy.go`,
//! `pilot/pkg/networking/util/util.go`; spec 4.5 to 4.8.

use fingerpost_resources::{
    ClientTlsSettings, ConnectionPoolSettings, H2UpgradePolicy, HashAlgorithm, LbPolicy,
    LoadBalancerSettings, OutlierDetection, PortTrafficPolicy, SimpleLb, Subset, TrafficPolicy,
};
use serde_json::{Value, json};

use crate::destination_rules::EffectiveRule;
use crate::proto::{Fields, duration, fields};
use crate::protocol::Protocol;

/// The blocks that apply to one cluster. A block is taken as a whole, fields are never merged.
#[derive(Debug, Default)]
pub(crate) struct Policies<'r> {
    load_balancer: Option<&'r LoadBalancerSettings>,
    connection_pool: Option<&'r ConnectionPoolSettings>,
    outlier_detection: Option<&'r OutlierDetection>,
    /// How TLS to the upstream is asked for.
    pub tls: Option<&'r ClientTlsSettings>,
}

impl<'r> Policies<'r> {
    /// The blocks for `port` of a service, or of one of its subsets.
    pub(crate) fn of(rule: Option<&EffectiveRule<'r>>, subset: Option<&'r Subset>, port: u32) -> Self {
        let Some(rule) = rule else { return Self::default() };
        let mut policies = match rule.traffic_policy {
            Some(policy) => match at_port(policy, port) {
                // What the entry for a port leaves out is the default, not the top level.
                Some(entry) => Self::of_port(entry),
                None => Self::of_policy(policy),
            },
            None => Self::default(),
        };
        let Some(policy) = subset.and_then(|subset| subset.traffic_policy.as_ref()) else {
            return policies;
        };
        match at_port(policy, port) {
            Some(entry) => Self::of_port(entry),
            None => {
                let own = Self::of_policy(policy);
                policies.load_balancer = own.load_balancer.or(policies.load_balancer);
                policies.connection_pool = own.connection_pool.or(policies.connection_pool);
                policies.outlier_detection = own.outlier_detection.or(policies.outlier_detection);
                policies.tls = own.tls.or(policies.tls);
                policies
            }
        }
    }

    fn of_policy(policy: &'r TrafficPolicy) -> Self {
        Self {
            load_balancer: policy.load_balancer.as_ref(),
            connection_pool: policy.connection_pool.as_ref(),
            outlier_detection: policy.outlier_detection.as_ref(),
            tls: policy.tls.as_ref(),
        }
    }

    fn of_port(policy: &'r PortTrafficPolicy) -> Self {
        Self {
            load_balancer: policy.load_balancer.as_ref(),
            connection_pool: policy.connection_pool.as_ref(),
            outlier_detection: policy.outlier_detection.as_ref(),
            tls: policy.tls.as_ref(),
        }
    }

    /// Where the blocks lie in memory: two blocks of equal content are not the same.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = usize> {
        let blocks = [
            self.load_balancer.map(|it| std::ptr::from_ref(it).addr()),
            self.connection_pool.map(|it| std::ptr::from_ref(it).addr()),
            self.outlier_detection.map(|it| std::ptr::from_ref(it).addr()),
        ];
        blocks.into_iter().flatten()
    }

    /// Istio's words for the blocks that are given.
    pub(crate) fn blocks(&self) -> Vec<&'static str> {
        let blocks = [
            ("loadBalancer", self.load_balancer.is_some()),
            ("connectionPool", self.connection_pool.is_some()),
            ("outlierDetection", self.outlier_detection.is_some()),
            ("tls", self.tls.is_some()),
        ];
        let given = blocks.into_iter().filter(|(_, given)| *given);
        given.map(|(name, _)| name).collect()
    }

    /// Whether HTTP/2 is spoken to a port that is not declared as such.
    pub(crate) fn upgrades_to_http2(&self, protocol: Protocol) -> bool {
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        protocol != Protocol::Tcp
            && http.and_then(|http| http.h2_upgrade_policy) == Some(H2UpgradePolicy::Upgrade)
    }

    /// Writes the blocks as fields of an Envoy `Cluster`.
    pub(crate) fn write(&self, cluster: &mut Fields) {
        self.write_load_balancer(cluster);
        self.write_connection_pool(cluster);
        if let Some(given) = self.outlier_detection {
            cluster.insert("outlier_detection".to_owned(), outlier_detection(given));
            // Istio turns Envoy's panic mode off as soon as there is outlier detection.
            let healthy = given.min_health_percent.unwrap_or(0);
            cluster.insert(
                "common_lb_config".to_owned(),
                json!({"healthy_panic_threshold": {"value": healthy}}),
            );
        }
    }

    fn write_load_balancer(&self, cluster: &mut Fields) {
        let chosen = self.load_balancer.and_then(|it| it.lb_policy.as_ref());
        if let Some(LbPolicy::ConsistentHash(hash)) = chosen {
            let minimum = hash.minimum_ring_size.unwrap_or(1024);
            let (policy, key, config) = match &hash.hash_algorithm {
                Some(HashAlgorithm::Maglev(maglev)) => {
                    let size = maglev.table_size.map(|size| json!({"table_size": size}));
                    ("MAGLEV", "maglev_lb_config", size.unwrap_or_else(|| json!({})))
                }
                Some(HashAlgorithm::RingHash(ring)) => {
                    let size = ring.minimum_ring_size.unwrap_or(minimum);
                    (
                        "RING_HASH",
                        "ring_hash_lb_config",
                        json!({"minimum_ring_size": size}),
                    )
                }
                None => (
                    "RING_HASH",
                    "ring_hash_lb_config",
                    json!({"minimum_ring_size": minimum}),
                ),
            };
            cluster.insert("lb_policy".to_owned(), json!(policy));
            cluster.insert(key.to_owned(), config);
            return;
        }
        let policy = match chosen {
            Some(LbPolicy::Simple(SimpleLb::RoundRobin)) => "ROUND_ROBIN",
            Some(LbPolicy::Simple(SimpleLb::Random)) => "RANDOM",
            // Istio's default is Envoy's least request. PASSTHROUGH has no original address here.
            Some(LbPolicy::Simple(_) | LbPolicy::ConsistentHash(_)) | None => "LEAST_REQUEST",
        };
        cluster.insert("lb_policy".to_owned(), json!(policy));
    }

    /// Istio's limits are the largest number unless one is given: Envoy's own are much lower.
    fn write_connection_pool(&self, cluster: &mut Fields) {
        let tcp = self.connection_pool.and_then(|pool| pool.tcp.as_ref());
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        let limit = |given: Option<i32>| match given {
            Some(number) if number > 0 => json!(number),
            _ => json!(u32::MAX),
        };
        cluster.insert(
            "circuit_breakers".to_owned(),
            json!({"thresholds": [{
                "max_connections": limit(tcp.and_then(|it| it.max_connections)),
                "max_pending_requests": limit(http.and_then(|it| it.http1_max_pending_requests)),
                "max_requests": limit(http.and_then(|it| it.http2_max_requests)),
                "max_retries": limit(http.and_then(|it| it.max_retries)),
            }]}),
        );
        if let Some(timeout) = tcp.and_then(|it| it.connect_timeout) {
            cluster.insert("connect_timeout".to_owned(), duration(timeout));
        }
    }
}

fn at_port(policy: &TrafficPolicy, port: u32) -> Option<&PortTrafficPolicy> {
    policy
        .port_level_settings
        .iter()
        .find(|it| it.port.as_ref().and_then(|it| it.number) == Some(port))
}

fn outlier_detection(given: &OutlierDetection) -> Value {
    let mut written = fields(json!({"enforcing_success_rate": 0}));
    if let Some(errors) = given.consecutive_5xx_errors {
        written.insert("consecutive_5xx".to_owned(), json!(errors));
        written.insert(
            "enforcing_consecutive_5xx".to_owned(),
            json!(if errors > 0 { 100 } else { 0 }),
        );
    }
    if let Some(errors) = given.consecutive_gateway_errors {
        written.insert("consecutive_gateway_failure".to_owned(), json!(errors));
        let enforced = if errors > 0 { 100 } else { 0 };
        written.insert(
            "enforcing_consecutive_gateway_failure".to_owned(),
            json!(enforced),
        );
    }
    if let Some(interval) = given.interval {
        written.insert("interval".to_owned(), duration(interval));
    }
    if let Some(time) = given.base_ejection_time {
        written.insert("base_ejection_time".to_owned(), duration(time));
    }
    if let Some(percent) = given.max_ejection_percent.filter(|percent| *percent > 0) {
        written.insert("max_ejection_percent".to_owned(), json!(percent));
    }
    if given.split_external_local_origin_errors == Some(true) {
        written.insert("split_external_local_origin_errors".to_owned(), json!(true));
        if let Some(failures) = given.consecutive_local_origin_failures {
            written.insert("consecutive_local_origin_failure".to_owned(), json!(failures));
        }
    }
    Value::Object(written)
}
