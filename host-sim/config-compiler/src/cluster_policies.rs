//! The traffic policy of a cluster: load balancing, connection limits, outlier detection.
//!
//! Decides which of a DestinationRule's blocks applies to a cluster, and writes it for Envoy.
//! How a load balancer chooses is `load_balancer`, what of HTTP is agreed with upstreams `upstream_http`; what is left
//! out is `left_out`.
//! Source: istio `pilot/pkg/networking/core/cluster_traffic_policy.go`,
//! `pilot/pkg/networking/util/util.go`; spec 4.5 to 4.8.

use fingerpost_resources::{
    ConnectionPoolSettings, LoadBalancerSettings, OutlierDetection, PortTrafficPolicy, RetryBudget, Subset,
    TcpKeepalive, TrafficPolicy,
};
use serde_json::{Value, json};

use crate::destination_rules::EffectiveRule;
use crate::load_balancer;
use crate::options::EnvoyVersion;
use crate::proto::{Fields, duration, fields};

/// The blocks that apply to one cluster. A block is taken as a whole, fields are never merged.
#[derive(Debug, Default)]
pub(crate) struct Policies<'r> {
    load_balancer: Option<&'r LoadBalancerSettings>,
    pub(crate) connection_pool: Option<&'r ConnectionPoolSettings>,
    pub(crate) outlier_detection: Option<&'r OutlierDetection>,
    retry_budget: Option<&'r RetryBudget>,
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
                policies.retry_budget = own.retry_budget.or(policies.retry_budget);
                policies
            }
        }
    }

    fn of_policy(policy: &'r TrafficPolicy) -> Self {
        Self {
            load_balancer: policy.load_balancer.as_ref(),
            connection_pool: policy.connection_pool.as_ref(),
            outlier_detection: policy.outlier_detection.as_ref(),
            retry_budget: policy.retry_budget.as_ref(),
        }
    }

    fn of_port(policy: &'r PortTrafficPolicy) -> Self {
        Self {
            load_balancer: policy.load_balancer.as_ref(),
            connection_pool: policy.connection_pool.as_ref(),
            outlier_detection: policy.outlier_detection.as_ref(),
            retry_budget: None,
        }
    }

    /// Where the blocks lie in memory: two blocks of equal content are not the same.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = usize> {
        let blocks = [
            self.load_balancer.map(|it| std::ptr::from_ref(it).addr()),
            self.connection_pool.map(|it| std::ptr::from_ref(it).addr()),
            self.outlier_detection.map(|it| std::ptr::from_ref(it).addr()),
            self.retry_budget.map(|it| std::ptr::from_ref(it).addr()),
        ];
        blocks.into_iter().flatten()
    }

    /// Istio's words for the blocks that are given and of which something applies.
    pub(crate) fn blocks(&self) -> Vec<&'static str> {
        let balances = self.load_balancer.is_some_and(load_balancer::has_effect);
        let blocks = [
            ("loadBalancer", balances),
            ("connectionPool", self.connection_pool.is_some()),
            ("outlierDetection", self.outlier_detection.is_some()),
            ("retryBudget", self.retry_budget.is_some()),
        ];
        let given = blocks.into_iter().filter(|(_, given)| *given);
        given.map(|(name, _)| name).collect()
    }

    /// Writes the blocks as fields of an Envoy `Cluster`.
    pub(crate) fn write(&self, envoy: EnvoyVersion, cluster: &mut Fields) {
        load_balancer::write(self.load_balancer, cluster);
        self.write_connection_pool(envoy, cluster);
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

    /// Istio's limits are the largest number unless one is given: Envoy's own are much lower.
    fn write_connection_pool(&self, envoy: EnvoyVersion, cluster: &mut Fields) {
        let tcp = self.connection_pool.and_then(|pool| pool.tcp.as_ref());
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        let limit = |given: Option<i32>| match given {
            Some(number) if number > 0 => json!(number),
            _ => json!(u32::MAX),
        };
        let mut thresholds = fields(json!({
            "max_connections": limit(tcp.and_then(|it| it.max_connections)),
            "max_pending_requests": limit(http.and_then(|it| it.http1_max_pending_requests)),
            "max_requests": limit(http.and_then(|it| it.http2_max_requests)),
            "max_retries": limit(http.and_then(|it| it.max_retries)),
        }));
        if let Some(budget) = self.retry_budget {
            thresholds.insert("retry_budget".to_owned(), retry_budget(budget, envoy));
        }
        cluster.insert("circuit_breakers".to_owned(), json!({"thresholds": [thresholds]}));
        if let Some(keepalive) = tcp.and_then(|it| it.tcp_keepalive.as_ref()) {
            let options = json!({"tcp_keepalive": tcp_keepalive(keepalive)});
            cluster.insert("upstream_connection_options".to_owned(), options);
        }
        if let Some(timeout) = tcp.and_then(|it| it.connect_timeout) {
            cluster.insert("connect_timeout".to_owned(), duration(timeout));
        }
    }
}

/// What is unset is Istio's default: 20 % and 3 (`applyRetryBudget`).
fn retry_budget(given: &RetryBudget, envoy: EnvoyVersion) -> Value {
    let least = given.min_retry_concurrency.filter(|it| *it > 0).unwrap_or(3);
    let mut written = fields(json!({
        "budget_percent": {"value": given.percent.unwrap_or(20.0)},
        "min_retry_concurrency": least,
    }));
    if let Some(interval) = given.budget_interval.filter(|_| envoy.has_budget_interval()) {
        written.insert("budget_interval".to_owned(), duration(interval));
    }
    Value::Object(written)
}

fn tcp_keepalive(given: &TcpKeepalive) -> Value {
    let mut written = Fields::new();
    if let Some(probes) = given.probes.filter(|it| *it > 0) {
        written.insert("keepalive_probes".to_owned(), json!(probes));
    }
    for (key, time) in [
        ("keepalive_time", given.time),
        ("keepalive_interval", given.interval),
    ] {
        if let Some(time) = time {
            written.insert(key.to_owned(), json!(time.as_secs()));
        }
    }
    Value::Object(written)
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
        if let Some(failures) = given.consecutive_local_origin_failures.filter(|it| *it > 0) {
            written.insert("consecutive_local_origin_failure".to_owned(), json!(failures));
            written.insert(
                "enforcing_consecutive_local_origin_failure".to_owned(),
                json!(100),
            );
        }
        written.insert("enforcing_local_origin_success_rate".to_owned(), json!(0));
    }
    Value::Object(written)
}
