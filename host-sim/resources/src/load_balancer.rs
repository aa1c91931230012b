//! How a load balancer chooses an endpoint, as in
//! <https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings>.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::decode::{choice, message, oneof};

message! {
    /// How an endpoint is chosen.
    struct LoadBalancerSettings "LoadBalancerSettings" {
        locality_lb_setting: Option<LocalityLoadBalancerSetting>,
        zone_aware_lb_setting: Option<ZoneAwareLoadBalancerSetting>,
        /// Deprecated: `warmup` replaces it.
        warmup_duration_secs: Option<Duration>,
        warmup: Option<WarmupConfiguration>,
    }
    oneof {
        lb_policy: LbPolicy,
    }

    /// The same endpoint for the same key.
    struct ConsistentHashLb "ConsistentHashLB" {
        /// Deprecated: `ring_hash` replaces it.
        minimum_ring_size: Option<u64>,
    }
    oneof {
        hash_key: HashKey,
        hash_algorithm: HashAlgorithm,
    }

    /// A cookie as the key.
    struct HttpCookie "HTTPCookie" {
        name: String,
        path: String,
        ttl: Option<Duration>,
        attributes: Vec<Attribute>,
    }

    /// A further attribute of a cookie.
    struct Attribute "Attribute" {
        name: String,
        value: String,
    }

    /// Hashing on a ring.
    struct RingHash "RingHash" {
        minimum_ring_size: Option<u64>,
    }

    /// Hashing by Maglev's table.
    struct MagLev "MagLev" {
        table_size: Option<u64>,
    }

    /// How new endpoints come to their share.
    struct WarmupConfiguration "WarmupConfiguration" {
        duration: Option<Duration>,
        minimum_percent: Option<f64>,
        aggression: Option<f64>,
    }

    /// Shares and failover by locality.
    struct LocalityLoadBalancerSetting "LocalityLoadBalancerSetting" {
        distribute: Vec<Distribute>,
        failover: Vec<Failover>,
        failover_priority: Vec<String>,
        enabled: Option<bool>,
    }

    /// The shares of the traffic from one locality.
    struct Distribute "Distribute" {
        from: String,
        to: BTreeMap<String, u32>,
    }

    /// Where the traffic of a region goes if that fails.
    struct Failover "Failover" {
        from: String,
        to: String,
    }

    /// Shares by the load that endpoints report.
    struct BackendUtilizationLb "BackendUtilizationLB" {
        error_utilization_penalty_percent: Option<u32>,
        metric_names_for_computing_utilization: Vec<String>,
        weight_expiration_period: Option<Duration>,
        weight_stabilization_period: Option<Duration>,
        weight_update_period: Option<Duration>,
    }

    /// Preference of the own zone.
    struct ZoneAwareLoadBalancerSetting "ZoneAwareLoadBalancerSetting" {
        enabled: Option<bool>,
        failover: Vec<Failover>,
        failover_priority: Vec<String>,
        min_cluster_size: Option<u64>,
    }
}

oneof! {
    /// What the choice goes by.
    LbPolicy {
        Simple(SimpleLb) = simple,
        ConsistentHash(ConsistentHashLb) = consistent_hash,
        BackendUtilization(BackendUtilizationLb) = backend_utilization,
    }

    /// What the key of a consistent hash is.
    HashKey {
        HttpHeaderName(String) = http_header_name,
        HttpCookie(HttpCookie) = http_cookie,
        UseSourceIp(bool) = use_source_ip,
        HttpQueryParameterName(String) = http_query_parameter_name,
    }

    /// How a consistent hash is laid out.
    HashAlgorithm {
        RingHash(RingHash) = ring_hash,
        Maglev(MagLev) = maglev,
    }
}

choice! {
    /// A load balancer without a key.
    SimpleLb {
        Unspecified = 0 "UNSPECIFIED",
        /// Deprecated: `LeastRequest` replaces it.
        LeastConn = 1 "LEAST_CONN",
        Random = 2 "RANDOM",
        Passthrough = 3 "PASSTHROUGH",
        RoundRobin = 4 "ROUND_ROBIN",
        LeastRequest = 5 "LEAST_REQUEST",
    }
}
