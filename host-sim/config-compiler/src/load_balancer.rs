//! How a cluster chooses among its endpoints.
//!
//! Decides the policy and its numbers; which settings apply is `cluster_policies`. Localities are left out.
//! Source: istio `pilot/pkg/networking/core/cluster_traffic_policy.go`, `applyLoadBalancer`; spec 4.6.

use fingerpost_resources::{HashAlgorithm, LbPolicy, LoadBalancerSettings, SimpleLb, WarmupConfiguration};
use serde_json::{Value, json};

use crate::proto::{Fields, duration, fields};

/// Whether anything of the settings is acted on.
pub(crate) fn has_effect(settings: &LoadBalancerSettings) -> bool {
    let chooses = match &settings.lb_policy {
        Some(LbPolicy::Simple(SimpleLb::Passthrough) | LbPolicy::BackendUtilization(_)) | None => false,
        Some(LbPolicy::Simple(_) | LbPolicy::ConsistentHash(_)) => true,
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
        Some(LbPolicy::Simple(SimpleLb::RoundRobin)) => Policy::RoundRobin,
        Some(LbPolicy::Simple(SimpleLb::Random)) => Policy::Random,
        Some(LbPolicy::ConsistentHash(hash)) => Policy::Hash(hash),
        // Istio's default is Envoy's least request. PASSTHROUGH has no original address here.
        Some(
            LbPolicy::Simple(
                SimpleLb::Unspecified | SimpleLb::LeastConn | SimpleLb::LeastRequest | SimpleLb::Passthrough,
            )
            | LbPolicy::BackendUtilization(_),
        )
        | None => Policy::LeastRequest,
    }
}

/// Writes the policy of a cluster.
pub(crate) fn write(settings: Option<&LoadBalancerSettings>, cluster: &mut Fields) {
    let (name, key, config) = match policy(settings) {
        Policy::RoundRobin => ("ROUND_ROBIN", "round_robin_lb_config", slow_start(settings)),
        Policy::LeastRequest => ("LEAST_REQUEST", "least_request_lb_config", slow_start(settings)),
        Policy::Random => ("RANDOM", "", None),
        Policy::Hash(hash) => match &hash.hash_algorithm {
            Some(HashAlgorithm::Maglev(maglev)) => {
                let size = maglev.table_size.map(|size| json!({"table_size": size}));
                let config = size.unwrap_or_else(|| json!({}));
                ("MAGLEV", "maglev_lb_config", Some(config))
            }
            Some(HashAlgorithm::RingHash(ring)) => {
                ring_hash(ring.minimum_ring_size.or(hash.minimum_ring_size))
            }
            None => ring_hash(hash.minimum_ring_size),
        },
    };
    cluster.insert("lb_policy".to_owned(), json!(name));
    if let Some(config) = config {
        cluster.insert(key.to_owned(), config);
    }
}

fn ring_hash(size: Option<u64>) -> (&'static str, &'static str, Option<Value>) {
    let config = json!({"minimum_ring_size": size.unwrap_or(1024)});
    ("RING_HASH", "ring_hash_lb_config", Some(config))
}

fn slow_start(settings: Option<&LoadBalancerSettings>) -> Option<Value> {
    let settings = settings?;
    let config = match (&settings.warmup, settings.warmup_duration_secs) {
        (Some(warmup), _) => warm_up(warmup),
        (None, Some(window)) => json!({"slow_start_window": duration(window)}),
        (None, None) => return None,
    };
    Some(json!({"slow_start_config": config}))
}

fn warm_up(given: &WarmupConfiguration) -> Value {
    let mut written = fields(json!({
        // Envoy wants a key; Istio gives one that nobody sets.
        "aggression": {"default_value": given.aggression.unwrap_or(1.0), "runtime_key": "("},
        "min_weight_percent": {"value": given.minimum_percent.unwrap_or(10.0)},
    }));
    if let Some(window) = given.duration {
        written.insert("slow_start_window".to_owned(), duration(window));
    }
    Value::Object(written)
}
