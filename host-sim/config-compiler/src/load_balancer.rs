//! How a cluster chooses among its endpoints.
//!
//! Decides the policy and its numbers; which settings apply is `cluster_policies`. Localities are left out.
//! Source: istio `pilot/pkg/networking/core/cluster_traffic_policy.go`, `applyLoadBalancer`; docs/istio-routing.md 4.6.

use fingerpost_envoy_config::Percent;
use fingerpost_envoy_config::cluster::{
    Cluster, LbPolicy, MaglevLbConfig, RingHashLbConfig, SlowStart, SlowStartConfig,
};
use fingerpost_envoy_config::core::RuntimeDouble;
use fingerpost_resources::{
    HashAlgorithm, LbPolicy as GivenPolicy, LoadBalancerSettings, SimpleLb, WarmupConfiguration,
};

/// Whether anything of the settings is acted on.
pub(crate) fn has_effect(settings: &LoadBalancerSettings) -> bool {
    let chooses = match &settings.lb_policy {
        Some(GivenPolicy::Simple(SimpleLb::Passthrough) | GivenPolicy::BackendUtilization(_)) | None => false,
        Some(GivenPolicy::Simple(_) | GivenPolicy::ConsistentHash(_)) => true,
    };
    chooses || warms_up(settings)
}

/// Whether new endpoints get their share slowly: only some policies can do it.
pub(crate) fn warms_up(settings: &LoadBalancerSettings) -> bool {
    let given = settings.warmup.is_some() || settings.warmup_duration_secs.is_some();
    given && matches!(policy(Some(settings)), Policy::RoundRobin | Policy::LeastRequest)
}

enum Policy<'r> {
    RoundRobin,
    LeastRequest,
    Random,
    Hash(&'r fingerpost_resources::ConsistentHashLb),
}

fn policy(settings: Option<&LoadBalancerSettings>) -> Policy<'_> {
    match settings.and_then(|it| it.lb_policy.as_ref()) {
        Some(GivenPolicy::Simple(SimpleLb::RoundRobin)) => Policy::RoundRobin,
        Some(GivenPolicy::Simple(SimpleLb::Random)) => Policy::Random,
        Some(GivenPolicy::ConsistentHash(hash)) => Policy::Hash(hash),
        // Istio's default is Envoy's least request. PASSTHROUGH has no original address here.
        Some(
            GivenPolicy::Simple(
                SimpleLb::Unspecified | SimpleLb::LeastConn | SimpleLb::LeastRequest | SimpleLb::Passthrough,
            )
            | GivenPolicy::BackendUtilization(_),
        )
        | None => Policy::LeastRequest,
    }
}

/// Sets the policy of a cluster.
pub(crate) fn set(settings: Option<&LoadBalancerSettings>, cluster: &mut Cluster) {
    match policy(settings) {
        Policy::RoundRobin => {
            cluster.lb_policy = LbPolicy::RoundRobin;
            cluster.round_robin_lb_config = slow_start(settings);
        }
        Policy::LeastRequest => {
            cluster.lb_policy = LbPolicy::LeastRequest;
            cluster.least_request_lb_config = slow_start(settings);
        }
        Policy::Random => cluster.lb_policy = LbPolicy::Random,
        Policy::Hash(hash) => match &hash.hash_algorithm {
            Some(HashAlgorithm::Maglev(maglev)) => {
                cluster.lb_policy = LbPolicy::Maglev;
                cluster.maglev_lb_config = Some(MaglevLbConfig {
                    table_size: maglev.table_size,
                });
            }
            Some(HashAlgorithm::RingHash(ring)) => {
                set_ring_hash(ring.minimum_ring_size.or(hash.minimum_ring_size), cluster);
            }
            None => set_ring_hash(hash.minimum_ring_size, cluster),
        },
    }
}

fn set_ring_hash(size: Option<u64>, cluster: &mut Cluster) {
    cluster.lb_policy = LbPolicy::RingHash;
    cluster.ring_hash_lb_config = Some(RingHashLbConfig {
        minimum_ring_size: size.unwrap_or(1024),
    });
}

fn slow_start(settings: Option<&LoadBalancerSettings>) -> Option<SlowStart> {
    let settings = settings?;
    let slow_start_config = match (&settings.warmup, settings.warmup_duration_secs) {
        (Some(warmup), _) => warm_up(warmup),
        (None, Some(window)) => SlowStartConfig {
            slow_start_window: Some(window.into()),
            ..SlowStartConfig::default()
        },
        (None, None) => return None,
    };
    Some(SlowStart { slow_start_config })
}

fn warm_up(given: &WarmupConfiguration) -> SlowStartConfig {
    SlowStartConfig {
        // Envoy wants a key; Istio gives one that no endpoint has.
        aggression: Some(RuntimeDouble {
            default_value: given.aggression.unwrap_or(1.0),
            runtime_key: "(".to_owned(),
        }),
        min_weight_percent: Some(Percent {
            value: given.minimum_percent.unwrap_or(10.0),
        }),
        slow_start_window: given.duration.map(Into::into),
    }
}
