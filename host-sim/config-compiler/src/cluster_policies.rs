//! The traffic policy of a cluster: load balancing, connection limits, outlier detection.
//!
//! Decides which of a DestinationRule's blocks applies to a cluster, and writes it for Envoy.
//! How a load balancer chooses is `load_balancer`, what of HTTP is agreed with upstreams `upstream_http`, what carries the
//! bytes `upstream_socket`; what is left out is `left_out`.
//! Source: istio `pilot/pkg/networking/core/cluster_traffic_policy.go`,
//! `pilot/pkg/networking/util/util.go`; docs/istio-routing.md 4.5 to 4.8.

use fingerpost_envoy_config::cluster::{
    self, CircuitBreakers, Cluster, LbPolicy, Thresholds, UpstreamConnectionOptions,
};
use fingerpost_envoy_config::{Percent, core};
use fingerpost_resources::{
    ClientTlsSettings, ConnectionPoolSettings, LoadBalancerSettings, OutlierDetection, PortTrafficPolicy,
    ProxyProtocol, RetryBudget, TcpKeepalive, TrafficPolicy,
};

use crate::client_tls;
use crate::destination_rules::EffectiveRule;
use crate::endpoints::Endpoints;
use crate::load_balancer;
use crate::options::EnvoyVersion;
use crate::services::ClusterRef;

/// The blocks that apply to one cluster. A block is taken as a whole, fields are never merged.
#[derive(Debug, Default)]
pub(crate) struct Policies<'r> {
    pub(crate) load_balancer: Option<&'r LoadBalancerSettings>,
    /// Whether requests go to the address that the client connected to, which a gateway does not know.
    pub(crate) passes_through: bool,
    pub(crate) connection_pool: Option<&'r ConnectionPoolSettings>,
    pub(crate) outlier_detection: Option<&'r OutlierDetection>,
    retry_budget: Option<&'r RetryBudget>,
    pub(crate) tls: Option<&'r ClientTlsSettings>,
    pub(crate) proxy_protocol: Option<&'r ProxyProtocol>,
}

impl<'r> Policies<'r> {
    /// The blocks of the DestinationRule of `cluster` that apply to it.
    pub(crate) fn of(rule: Option<&EffectiveRule<'r>>, cluster: &ClusterRef) -> Self {
        let Some(rule) = rule else { return Self::default() };
        let port = cluster.port;
        let policies = match rule.traffic_policy {
            Some(policy) => match at_port(policy, port) {
                // What the entry for a port leaves out is the default, not the top level.
                Some(entry) => Self::of_port(entry),
                None => Self::of_policy(policy),
            },
            None => Self::default(),
        };
        let subset = rule.subset(&cluster.subset);
        let Some(policy) = subset.and_then(|subset| subset.traffic_policy.as_ref()) else {
            return policies;
        };
        let own = match at_port(policy, port) {
            Some(entry) => Self {
                // What an entry for a port can't have stays.
                retry_budget: policies.retry_budget,
                proxy_protocol: policies.proxy_protocol,
                ..Self::of_port(entry)
            },
            None => {
                let own = Self::of_policy(policy);
                Self {
                    load_balancer: own.load_balancer.or(policies.load_balancer),
                    connection_pool: own.connection_pool.or(policies.connection_pool),
                    outlier_detection: own.outlier_detection.or(policies.outlier_detection),
                    retry_budget: own.retry_budget.or(policies.retry_budget),
                    tls: own.tls.or(policies.tls),
                    proxy_protocol: own.proxy_protocol.or(policies.proxy_protocol),
                    passes_through: own.passes_through,
                }
            }
        };
        Self {
            // A subset has the kind of cluster that the whole service has (istio `cluster_builder.go`, `buildSubsetCluster`).
            passes_through: policies.passes_through || own.passes_through,
            ..own
        }
    }

    fn of_policy(policy: &'r TrafficPolicy) -> Self {
        Self {
            load_balancer: policy.load_balancer.as_ref(),
            passes_through: load_balancer::passes_through(policy.load_balancer.as_ref()),
            connection_pool: policy.connection_pool.as_ref(),
            outlier_detection: policy.outlier_detection.as_ref(),
            retry_budget: policy.retry_budget.as_ref(),
            tls: policy.tls.as_ref(),
            proxy_protocol: policy.proxy_protocol.as_ref(),
        }
    }

    fn of_port(policy: &'r PortTrafficPolicy) -> Self {
        Self {
            load_balancer: policy.load_balancer.as_ref(),
            passes_through: load_balancer::passes_through(policy.load_balancer.as_ref()),
            connection_pool: policy.connection_pool.as_ref(),
            outlier_detection: policy.outlier_detection.as_ref(),
            retry_budget: None,
            tls: policy.tls.as_ref(),
            proxy_protocol: None,
        }
    }

    /// Where the blocks lie in memory: two blocks of equal content are not the same.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = usize> {
        let blocks = [
            self.load_balancer.map(|it| std::ptr::from_ref(it).addr()),
            self.connection_pool.map(|it| std::ptr::from_ref(it).addr()),
            self.outlier_detection.map(|it| std::ptr::from_ref(it).addr()),
            self.retry_budget.map(|it| std::ptr::from_ref(it).addr()),
            self.tls.map(|it| std::ptr::from_ref(it).addr()),
            self.proxy_protocol.map(|it| std::ptr::from_ref(it).addr()),
        ];
        blocks.into_iter().flatten()
    }

    /// Istio's words for the blocks that are given and of which something applies to a cluster with these endpoints.
    pub(crate) fn blocks(&self, endpoints: Option<&Endpoints>) -> Vec<&'static str> {
        let are_known = endpoints.is_some_and(|it| !matches!(it, Endpoints::Dns { .. }));
        let places = self.load_balancer.filter(|_| are_known);
        let balances = self.load_balancer.is_some_and(load_balancer::has_effect)
            || places
                .is_some_and(|it| it.locality_lb_setting.is_some() || it.zone_aware_lb_setting.is_some());
        let blocks = [
            ("loadBalancer", balances),
            ("connectionPool", self.connection_pool.is_some()),
            ("outlierDetection", self.outlier_detection.is_some()),
            ("retryBudget", self.retry_budget.is_some()),
            ("tls", self.tls.is_some_and(client_tls::has_effect)),
            ("proxyProtocol", self.proxy_protocol.is_some()),
        ];
        let given = blocks.into_iter().filter(|(_, given)| *given);
        given.map(|(name, _)| name).collect()
    }

    /// Sets what the blocks say of a cluster.
    pub(crate) fn set(&self, envoy: EnvoyVersion, cluster: &mut Cluster) {
        if self.passes_through {
            cluster.lb_policy = LbPolicy::ClusterProvided;
        } else {
            load_balancer::set(self.load_balancer, cluster);
        }
        self.set_connection_pool(envoy, cluster);
        cluster.outlier_detection = self.outlier_detection.map(outlier_detection);
        // Istio turns Envoy's panic mode off, in which requests go to endpoints that are known to fail.
        let healthy = self.outlier_detection.and_then(|it| it.min_health_percent);
        let config = cluster.common_lb_config.get_or_insert_default();
        config.healthy_panic_threshold = Some(Percent {
            value: healthy.unwrap_or(0),
        });
    }

    /// Istio's limits are the largest number unless one is given: Envoy's own are much lower.
    fn set_connection_pool(&self, envoy: EnvoyVersion, cluster: &mut Cluster) {
        let tcp = self.connection_pool.and_then(|pool| pool.tcp.as_ref());
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        let limit = |given: Option<i32>| Some(given.and_then(positive).unwrap_or(u32::MAX));
        cluster.circuit_breakers = Some(CircuitBreakers {
            thresholds: vec![Thresholds {
                max_connections: limit(tcp.and_then(|it| it.max_connections)),
                max_pending_requests: limit(http.and_then(|it| it.http1_max_pending_requests)),
                max_requests: limit(http.and_then(|it| it.http2_max_requests)),
                max_retries: limit(http.and_then(|it| it.max_retries)),
                retry_budget: self.retry_budget.map(|budget| retry_budget(budget, envoy)),
            }],
        });
        let keepalive = tcp.and_then(|it| it.tcp_keepalive.as_ref());
        cluster.upstream_connection_options = keepalive.map(|keepalive| UpstreamConnectionOptions {
            tcp_keepalive: tcp_keepalive(keepalive),
        });
        if let Some(timeout) = tcp.and_then(|it| it.connect_timeout) {
            cluster.connect_timeout = Some(timeout.into());
        }
    }
}

/// A number above 0; to Istio others are not given.
pub(crate) fn positive(number: i32) -> Option<u32> {
    u32::try_from(number).ok().filter(|it| *it > 0)
}

/// What is unset is Istio's default: 20 % and 3 (`applyRetryBudget`).
fn retry_budget(given: &RetryBudget, envoy: EnvoyVersion) -> cluster::RetryBudget {
    let interval = given.budget_interval.filter(|_| envoy.has_budget_interval());
    cluster::RetryBudget {
        budget_percent: Percent {
            value: given.percent.unwrap_or(20.0),
        },
        min_retry_concurrency: given.min_retry_concurrency.filter(|it| *it > 0).unwrap_or(3),
        budget_interval: interval.map(Into::into),
    }
}

fn tcp_keepalive(given: &TcpKeepalive) -> core::TcpKeepalive {
    core::TcpKeepalive {
        keepalive_probes: given.probes.filter(|it| *it > 0),
        keepalive_time: given.time.map(|it| it.as_secs()),
        keepalive_interval: given.interval.map(|it| it.as_secs()),
    }
}

fn at_port(policy: &TrafficPolicy, port: u32) -> Option<&PortTrafficPolicy> {
    policy
        .port_level_settings
        .iter()
        .find(|it| it.port.as_ref().and_then(|it| it.number) == Some(port))
}

fn outlier_detection(given: &OutlierDetection) -> cluster::OutlierDetection {
    let enforced = |errors: u32| if errors > 0 { 100 } else { 0 };
    let splits = given.split_external_local_origin_errors == Some(true);
    let local_failures = given
        .consecutive_local_origin_failures
        .filter(|it| splits && *it > 0);
    cluster::OutlierDetection {
        enforcing_success_rate: Some(0),
        consecutive_5xx: given.consecutive_5xx_errors,
        enforcing_consecutive_5xx: given.consecutive_5xx_errors.map(enforced),
        consecutive_gateway_failure: given.consecutive_gateway_errors,
        enforcing_consecutive_gateway_failure: given.consecutive_gateway_errors.map(enforced),
        interval: given.interval.map(Into::into),
        base_ejection_time: given.base_ejection_time.map(Into::into),
        max_ejection_percent: given.max_ejection_percent.and_then(positive),
        split_external_local_origin_errors: splits,
        consecutive_local_origin_failure: local_failures,
        enforcing_consecutive_local_origin_failure: local_failures.map(enforced),
        enforcing_local_origin_success_rate: splits.then_some(0),
    }
}
