//! `envoy/config/cluster/v3`.

use serde::{Deserialize, Serialize};

use crate::core::{Extension, RuntimeDouble, TcpKeepalive};
use crate::endpoint::ClusterLoadAssignment;
use crate::upstream_socket::UpstreamSocketConfig;
use crate::upstreams::ExtensionProtocolOptions;
use crate::{Duration, Empty, Percent, is_default};

/// `envoy.config.cluster.v3.Cluster`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt_stat_name: String,
    #[serde(default, rename = "type")]
    pub discovery_type: DiscoveryType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_assignment: Option<ClusterLoadAssignment>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub dns_lookup_family: DnsLookupFamily,
    #[serde(default, skip_serializing_if = "is_default")]
    pub respect_dns_ttl: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_refresh_rate: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_jitter: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed_dns_resolver_config: Option<Extension<DnsResolver>>,
    #[serde(default)]
    pub lb_policy: LbPolicy,
    /// The one for `lb_policy`, of the four that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_robin_lb_config: Option<SlowStart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_request_lb_config: Option<SlowStart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_hash_lb_config: Option<RingHashLbConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maglev_lb_config: Option<MaglevLbConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breakers: Option<CircuitBreakers>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_connection_options: Option<UpstreamConnectionOptions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_lb_config: Option<CommonLbConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed_extension_protocol_options: Option<ExtensionProtocolOptions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport_socket: Option<Extension<UpstreamSocketConfig>>,
}

/// `envoy.config.cluster.v3.Cluster.DiscoveryType`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DiscoveryType {
    #[default]
    Static,
    StrictDns,
    LogicalDns,
    OriginalDst,
}

/// `envoy.config.cluster.v3.Cluster.DnsLookupFamily`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DnsLookupFamily {
    #[default]
    Auto,
    V4Only,
    V6Only,
    V4Preferred,
    All,
}

/// What `Cluster.typed_dns_resolver_config` may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum DnsResolver {
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"
    )]
    Cares(CaresResolver),
}

/// `envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaresResolver {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp_max_queries: Option<u32>,
}

/// `envoy.config.cluster.v3.Cluster.LbPolicy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LbPolicy {
    #[default]
    RoundRobin,
    LeastRequest,
    RingHash,
    Random,
    Maglev,
    ClusterProvided,
}

/// `envoy.config.cluster.v3.Cluster.RoundRobinLbConfig` and `…LeastRequestLbConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowStart {
    pub slow_start_config: SlowStartConfig,
}

/// `envoy.config.cluster.v3.Cluster.SlowStartConfig`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowStartConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggression: Option<RuntimeDouble>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_weight_percent: Option<Percent<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_start_window: Option<Duration>,
}

/// `envoy.config.cluster.v3.Cluster.RingHashLbConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RingHashLbConfig {
    pub minimum_ring_size: u64,
}

/// `envoy.config.cluster.v3.Cluster.MaglevLbConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaglevLbConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_size: Option<u64>,
}

/// `envoy.config.cluster.v3.Cluster.CommonLbConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonLbConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_panic_threshold: Option<Percent<i32>>,
    /// At most one of this and the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality_weighted_lb_config: Option<Empty>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_aware_lb_config: Option<ZoneAwareLbConfig>,
}

/// `envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneAwareLbConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_enabled: Option<Percent<i32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_cluster_size: Option<u64>,
}

/// `envoy.config.cluster.v3.UpstreamConnectionOptions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConnectionOptions {
    pub tcp_keepalive: TcpKeepalive,
}

/// `envoy.config.cluster.v3.CircuitBreakers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreakers {
    pub thresholds: Vec<Thresholds>,
}

/// `envoy.config.cluster.v3.CircuitBreakers.Thresholds`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pending_requests: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_budget: Option<RetryBudget>,
}

/// `envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryBudget {
    pub budget_percent: Percent<f64>,
    pub min_retry_concurrency: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_interval: Option<Duration>,
}

/// `envoy.config.cluster.v3.OutlierDetection`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlierDetection {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcing_success_rate: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_5xx: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcing_consecutive_5xx: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_gateway_failure: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcing_consecutive_gateway_failure: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_ejection_time: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ejection_percent: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub split_external_local_origin_errors: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_local_origin_failure: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcing_consecutive_local_origin_failure: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcing_local_origin_success_rate: Option<u32>,
}
