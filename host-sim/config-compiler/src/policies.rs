//! Policies that Envoy's own route carries out: retries, faults, CORS, mirrors, hashing.
//!
//! Source: istio `pilot/pkg/networking/core/route/route.go` and `retry/retry.go`; spec 3.6 to 3.9, 4.6.

use fingerpost_resources::{
    Abort, ConsistentHashLb, CorsPolicy, Delay, Destination, ErrorType, HashKey, HttpDelayType,
    HttpFaultInjection, HttpRetry, HttpRoute, LbPolicy, LoadBalancerSettings, TrafficPolicy,
    UnmatchedPreflights,
};
use serde_json::{Value, json};

use crate::destination_rules::EffectiveRule;
use crate::proto::{Fields, duration, fields, millionths, string_matcher, typed};
use crate::services::ClusterRef;

/// What Istio retries unless it is told otherwise. A 503 is not among it.
const DEFAULT_RETRY_ON: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// Statuses that Go knows: only these count as codes in `retryOn` (Go `net/http`, `StatusText`).
const KNOWN_STATUSES: [u32; 62] = [
    100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307,
    308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421,
    422, 423, 424, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
];

/// Writes `retry_policy` (istio retry.go, `ConvertPolicy`). No attempts means no policy at all.
pub(crate) fn write_retries(given: Option<&HttpRetry>, lone_hash: bool, action: &mut Fields) {
    let mut policy = Fields::new();
    let attempts = given.map_or(2, |it| it.attempts.unwrap_or(0));
    if attempts <= 0 {
        return;
    }
    let (retry_on, codes) = match given {
        Some(given) if !given.retry_on.is_empty() => retry_conditions(&given.retry_on),
        Some(_) | None => (DEFAULT_RETRY_ON.to_owned(), Vec::new()),
    };
    policy.insert("retry_on".to_owned(), json!(retry_on));
    policy.insert("num_retries".to_owned(), json!(attempts));
    if let Some(timeout) = given.and_then(|it| it.per_try_timeout) {
        policy.insert("per_try_timeout".to_owned(), duration(timeout));
    }
    if given.and_then(|it| it.retry_remote_localities) == Some(true) {
        let priorities = fields(json!({"update_frequency": 2}));
        policy.insert(
            "retry_priority".to_owned(),
            json!({
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": typed(
                    "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    priorities,
                ),
            }),
        );
    }
    if given
        .and_then(|it| it.retry_ignore_previous_hosts)
        .unwrap_or(!lone_hash)
    {
        policy.insert(
            "retry_host_predicate".to_owned(),
            json!([{
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": typed(
                    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                    Fields::new(),
                ),
            }]),
        );
    }
    policy.insert("host_selection_retry_max_attempts".to_owned(), json!("5"));
    if !codes.is_empty() {
        policy.insert("retriable_status_codes".to_owned(), codes.into());
    }
    if let Some(backoff) = given.and_then(|it| it.backoff) {
        policy.insert(
            "retry_back_off".to_owned(),
            json!({"base_interval": duration(backoff)}),
        );
    }
    action.insert("retry_policy".to_owned(), Value::Object(policy));
}

/// Splits `retryOn` into Envoy's conditions and status codes (istio retry.go, `parseRetryOn`).
fn retry_conditions(retry_on: &str) -> (String, Vec<u32>) {
    let mut conditions = Vec::new();
    let mut codes = Vec::new();
    for part in retry_on.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.parse::<u32>() {
            Ok(code) if KNOWN_STATUSES.contains(&code) => codes.push(code),
            Ok(_) | Err(_) => conditions.push(part),
        }
    }
    let mut text = conditions.join(",");
    if !codes.is_empty() && !text.contains("retriable-status-codes") {
        text.push_str(",retriable-status-codes");
    }
    (text, codes)
}

/// Writes `typed_per_filter_config`: faults and CORS apply to whatever the route does.
pub(crate) fn write_per_filter(rule: &HttpRoute, route: &mut Fields) {
    let mut per_filter = Fields::new();
    if let Some(policy) = &rule.cors_policy {
        let config = typed("envoy.extensions.filters.http.cors.v3.CorsPolicy", cors(policy));
        per_filter.insert("envoy.filters.http.cors".to_owned(), config);
    }
    if let Some(fault) = rule.fault.as_ref().and_then(fault) {
        let config = typed("envoy.extensions.filters.http.fault.v3.HTTPFault", fault);
        per_filter.insert("envoy.filters.http.fault".to_owned(), config);
    }
    if !per_filter.is_empty() {
        route.insert("typed_per_filter_config".to_owned(), Value::Object(per_filter));
    }
}

/// Istio route.go, `TranslateCORSPolicy`.
fn cors(policy: &CorsPolicy) -> Fields {
    let mut written = Fields::new();
    let deprecated = || policy.allow_origin.iter().map(|origin| json!({"exact": origin}));
    let origins: Vec<Value> = if policy.allow_origins.is_empty() {
        deprecated().collect()
    } else {
        policy.allow_origins.iter().filter_map(string_matcher).collect()
    };
    if !origins.is_empty() {
        written.insert("allow_origin_string_match".to_owned(), origins.into());
    }
    for (key, values) in [
        ("allow_methods", &policy.allow_methods),
        ("allow_headers", &policy.allow_headers),
        ("expose_headers", &policy.expose_headers),
    ] {
        if !values.is_empty() {
            written.insert(key.to_owned(), json!(values.join(",")));
        }
    }
    if let Some(age) = policy.max_age {
        written.insert("max_age".to_owned(), json!(age.as_secs().to_string()));
    }
    if let Some(allowed) = policy.allow_credentials {
        written.insert("allow_credentials".to_owned(), json!(allowed));
    }
    let forwards = policy.unmatched_preflights != Some(UnmatchedPreflights::Ignore);
    written.insert("forward_not_matching_preflights".to_owned(), json!(forwards));
    written.insert(
        "filter_enabled".to_owned(),
        json!({"default_value": {"numerator": 100}}),
    );
    written
}

/// Istio route.go, `TranslateFault`. A fault without an effect is none.
fn fault(given: &HttpFaultInjection) -> Option<Fields> {
    let mut written = Fields::new();
    if let Some(delay) = given.delay.as_ref().and_then(delay) {
        written.insert("delay".to_owned(), delay);
    }
    if let Some(abort) = given.abort.as_ref().and_then(abort) {
        written.insert("abort".to_owned(), abort);
    }
    (!written.is_empty()).then_some(written)
}

fn delay(given: &Delay) -> Option<Value> {
    let Some(HttpDelayType::FixedDelay(fixed)) = given.http_delay_type else {
        return None;
    };
    let percentage = match &given.percentage {
        Some(percent) => millionths(percent.value.unwrap_or(0.0)),
        None => json!({"numerator": given.percent.unwrap_or(0)}),
    };
    Some(json!({"fixed_delay": duration(fixed), "percentage": percentage}))
}

fn abort(given: &Abort) -> Option<Value> {
    let (key, status) = match given.error_type.as_ref()? {
        ErrorType::HttpStatus(status) => ("http_status", json!(status)),
        ErrorType::GrpcStatus(name) => ("grpc_status", json!(grpc_status(name)?)),
        ErrorType::Http2Error(_) => return None,
    };
    // An abort without a percentage never happens.
    let percent = given.percentage.as_ref().and_then(|it| it.value).unwrap_or(0.0);
    Some(json!({key: status, "percentage": millionths(percent)}))
}

/// The number of a gRPC status (istio `pkg/util/grpc/codes.go`).
fn grpc_status(name: &str) -> Option<usize> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.iter().position(|known| *known == name)
}

/// The mirrors of a rule (istio route.go, `TranslateRequestMirrorPolicy`). A share of 0 is none.
pub(crate) fn mirrors(
    rule: &HttpRoute,
    cluster: impl Fn(&Destination) -> ClusterRef,
) -> Vec<(ClusterRef, Value)> {
    let policy = |destination: &Destination, fraction: Value| {
        let to = cluster(destination);
        let written = json!({
            "cluster": to.name(),
            "runtime_fraction": {"default_value": fraction},
            "trace_sampled": false,
            "disable_shadow_host_suffix_append": true,
        });
        (to, written)
    };
    let mut policies = Vec::new();
    if let Some(mirror) = &rule.mirror {
        let fraction = match (&rule.mirror_percentage, rule.mirror_percent) {
            (Some(percent), _) => nonzero(percent.value.unwrap_or(0.0)),
            (None, Some(0)) => None,
            (None, percent) => Some(json!({"numerator": percent.unwrap_or(100)})),
        };
        policies.extend(fraction.map(|it| policy(mirror, it)));
    }
    for mirror in &rule.mirrors {
        let fraction = match &mirror.percentage {
            Some(percent) => nonzero(percent.value.unwrap_or(0.0)),
            None => Some(json!({"numerator": 100})),
        };
        if let (Some(destination), Some(fraction)) = (&mirror.destination, fraction) {
            policies.push(policy(destination, fraction));
        }
    }
    policies
}

fn nonzero(percent: f64) -> Option<Value> {
    (percent > 0.0).then(|| millionths(percent))
}

/// The hash policy that a destination adds to its route. A policy for one port counts only where the
/// destination names its port (istio route.go, `HashForHTTPDestination`; spec 4.6).
pub(crate) fn hash_policy(
    rule: &EffectiveRule<'_>,
    cluster: &ClusterRef,
    port_is_given: bool,
) -> Option<Value> {
    let settings = hash_settings(rule, cluster, port_is_given)?;
    Some(match settings.hash_key.as_ref()? {
        HashKey::HttpHeaderName(name) => json!({"header": {"header_name": name}}),
        HashKey::HttpCookie(cookie) => {
            let mut written = Fields::new();
            written.insert("name".to_owned(), json!(cookie.name));
            if let Some(ttl) = cookie.ttl {
                written.insert("ttl".to_owned(), duration(ttl));
            }
            if !cookie.path.is_empty() {
                written.insert("path".to_owned(), json!(cookie.path));
            }
            if !cookie.attributes.is_empty() {
                let attributes = cookie.attributes.iter();
                let attributes: Vec<Value> = attributes
                    .map(|it| json!({"name": it.name, "value": it.value}))
                    .collect();
                written.insert("attributes".to_owned(), attributes.into());
            }
            json!({"cookie": written})
        }
        HashKey::UseSourceIp(true) => json!({"connection_properties": {"source_ip": true}}),
        HashKey::UseSourceIp(false) => return None,
        HashKey::HttpQueryParameterName(name) => json!({"query_parameter": {"name": name}}),
    })
}

/// The settings that a route hashes by.
pub(crate) fn hash_settings<'r>(
    rule: &EffectiveRule<'r>,
    cluster: &ClusterRef,
    port_is_given: bool,
) -> Option<&'r ConsistentHashLb> {
    let subset = rule
        .subset(&cluster.subset)
        .and_then(|subset| subset.traffic_policy.as_ref());
    let hash = |settings: &'r LoadBalancerSettings| match &settings.lb_policy {
        Some(LbPolicy::ConsistentHash(hash)) => Some(hash),
        Some(LbPolicy::Simple(_) | LbPolicy::BackendUtilization(_)) | None => None,
    };
    let at_port = |policy: Option<&'r TrafficPolicy>| -> Option<&'r ConsistentHashLb> {
        let settings = &policy?.port_level_settings;
        let matching = settings
            .iter()
            .find(|it| it.port.as_ref().and_then(|port| port.number) == Some(cluster.port));
        matching
            .filter(|_| port_is_given)?
            .load_balancer
            .as_ref()
            .and_then(hash)
    };
    let at_top =
        |policy: Option<&'r TrafficPolicy>| policy.and_then(|it| it.load_balancer.as_ref()).and_then(hash);
    [
        at_port(subset),
        at_top(subset),
        at_port(rule.traffic_policy),
        at_top(rule.traffic_policy),
    ]
    .into_iter()
    .flatten()
    .next()
}
