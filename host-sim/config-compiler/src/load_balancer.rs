//! How a cluster chooses among its endpoints.
//!
//! Decides the policy and its numbers; which settings apply is `cluster_policies`, what localities change `locality_lb`.
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
        Some(GivenPolicy::BackendUtilization(_)) | None => false,
        Some(GivenPolicy::Simple(_) | GivenPolicy::ConsistentHash(_)) => true,
    };
    chooses || warms_up(settings)
}

/// Whether requests go where the client connected to.
pub(crate) fn passes_through(settings: Option<&LoadBalancerSettings>) -> bool {
    let policy = settings.and_then(|it| it.lb_policy.as_ref());
    matches!(policy, Some(GivenPolicy::Simple(SimpleLb::Passthrough)))
}

/// Whether new endpoints get their share slowly: only some policies can do it.
pub(crate) fn warms_up(settings: &LoadBalancerSettings) -> bool {
    let given = settings.warmup.is_some() || settings.warmup_duration_secs.is_some();
    let can_wait = matches!(policy(Some(settings)), Policy::RoundRobin | Policy::LeastRequest);
    given && can_wait && !passes_through(Some(settings))
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
        // Istio's default is Envoy's least request. A cluster that passes through has no policy at all.
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
                let table_size = maglev.table_size.filter(|it| *it != 0);
                cluster.maglev_lb_config = table_size.map(|it| MaglevLbConfig { table_size: Some(it) });
            }
            Some(HashAlgorithm::RingHash(ring)) => {
                cluster.lb_policy = LbPolicy::RingHash;
                cluster.ring_hash_lb_config = ring.minimum_ring_size.and_then(ring_of);
            }
            None => {
                cluster.lb_policy = LbPolicy::RingHash;
                cluster.ring_hash_lb_config = hash.minimum_ring_size.and_then(ring_of).or(ring_of(1024));
            }
        },
    }
}

/// 0 is the same as not given: then it is Envoy's default, 1024.
fn ring_of(size: u64) -> Option<RingHashLbConfig> {
    (size != 0).then_some(RingHashLbConfig {
        minimum_ring_size: size,
    })
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
