//! Policies that Envoy's own route carries out: retries, faults, CORS, mirrors, hashing.
//!
//! Source: istio `pilot/pkg/networking/core/route/route.go` and `retry/retry.go`; docs/istio-routing.md 3.6 to 3.9, 4.6.

use fingerpost_envoy_config::core::{Extension, RuntimeFractionalPercent};
use fingerpost_envoy_config::filters::cors;
use fingerpost_envoy_config::filters::fault::{AbortError, FaultAbort, FaultDelay, HttpFault};
use fingerpost_envoy_config::matcher::{RegexMatcher, StringMatcher, StringPattern};
use fingerpost_envoy_config::route::{
    ConnectionProperties, CookieAttribute, HashPolicy, HashPolicyCookie, HashPolicyHeader,
    HashPolicyQueryParameter, PreviousPrioritiesConfig, RequestMirrorPolicy, RetryBackOff,
    RetryHostPredicate, RetryPolicy, RetryPriority,
};
use fingerpost_envoy_config::{Denominator, Empty, FractionalPercent, Int64};
use fingerpost_resources::{
    Abort, ConsistentHashLb, CorsPolicy, Delay, Destination, ErrorType, GRPC_STATUSES, HashKey, HttpCookie,
    HttpDelayType, HttpFaultInjection, HttpRetry, HttpRoute, LbPolicy, LoadBalancerSettings, StringMatch,
    TrafficPolicy, UnmatchedPreflights,
};

use crate::destination_rules::EffectiveRule;
use crate::routes::route::Mirror;
use crate::services::ClusterRef;

/// What Istio retries by default. A 503 is not part of it.
const DEFAULT_RETRY_ON: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// Statuses that Go knows: only these count as codes in `retryOn` (Go `net/http`, `StatusText`).
const KNOWN_STATUSES: [u32; 62] = [
    100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307,
    308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421,
    422, 423, 424, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
];

/// How many hosts are tried until one fits the predicates: Istio's setting.
const HOST_SELECTION_ATTEMPTS: i64 = 5;

/// When a request is sent again (istio retry.go, `ConvertPolicy`). No attempts means no policy at all.
pub(crate) fn retry_policy(given: Option<&HttpRetry>, lone_hash: bool) -> Option<RetryPolicy> {
    let attempts = given.map_or(2, |it| it.attempts.unwrap_or(0));
    let attempts = u32::try_from(attempts).ok().filter(|it| *it > 0)?;
    let (retry_on, retriable_status_codes) = match given {
        Some(given) if !given.retry_on.is_empty() => retry_conditions(&given.retry_on),
        Some(_) | None => (DEFAULT_RETRY_ON.to_owned(), Vec::new()),
    };
    let prefers_other_localities = given.and_then(|it| it.retry_remote_localities) == Some(true);
    let prefers_other_hosts = given
        .and_then(|it| it.retry_ignore_previous_hosts)
        .unwrap_or(!lone_hash);
    let backoff = given.and_then(|it| it.backoff);
    Some(RetryPolicy {
        retry_on,
        num_retries: Some(attempts),
        per_try_timeout: given.and_then(|it| it.per_try_timeout).map(Into::into),
        retry_priority: prefers_other_localities.then(previous_priorities),
        retry_host_predicate: prefers_other_hosts.then(previous_hosts).into_iter().collect(),
        host_selection_retry_max_attempts: Some(Int64(HOST_SELECTION_ATTEMPTS)),
        retriable_status_codes,
        retry_back_off: backoff.map(|it| RetryBackOff {
            base_interval: it.into(),
        }),
    })
}

fn previous_priorities() -> Extension<RetryPriority> {
    Extension {
        name: "envoy.retry_priorities.previous_priorities".to_owned(),
        typed_config: RetryPriority::PreviousPriorities(PreviousPrioritiesConfig { update_frequency: 2 }),
    }
}

fn previous_hosts() -> Extension<RetryHostPredicate> {
    Extension {
        name: "envoy.retry_host_predicates.previous_hosts".to_owned(),
        typed_config: RetryHostPredicate::PreviousHosts(Empty {}),
    }
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

/// Istio route.go, `TranslateCORSPolicy`.
pub(crate) fn cors(policy: &CorsPolicy) -> cors::CorsPolicy {
    let deprecated = || policy.allow_origin.iter().cloned().map(StringPattern::Exact);
    let origins: Vec<StringMatcher> = if policy.allow_origins.is_empty() {
        deprecated().map(Into::into).collect()
    } else {
        policy.allow_origins.iter().filter_map(string_matcher).collect()
    };
    let max_age = policy.max_age.map(|it| it.as_secs().to_string());
    let forwards = policy.unmatched_preflights != Some(UnmatchedPreflights::Ignore);
    cors::CorsPolicy {
        allow_origin_string_match: origins,
        allow_methods: policy.allow_methods.join(","),
        allow_headers: policy.allow_headers.join(","),
        expose_headers: policy.expose_headers.join(","),
        max_age: max_age.unwrap_or_default(),
        allow_credentials: policy.allow_credentials,
        forward_not_matching_preflights: Some(forwards),
        filter_enabled: Some(RuntimeFractionalPercent {
            default_value: hundredths(100),
        }),
    }
}

/// An Envoy `StringMatcher`; `None` for a presence test, which it can't express.
fn string_matcher(matcher: &StringMatch) -> Option<StringMatcher> {
    let pattern = match matcher {
        StringMatch::Present => return None,
        StringMatch::Exact(text) => StringPattern::Exact(text.clone()),
        StringMatch::Prefix(text) => StringPattern::Prefix(text.clone()),
        StringMatch::Regex(text) => StringPattern::SafeRegex(RegexMatcher::new(text)),
    };
    Some(pattern.into())
}

/// Istio route.go, `TranslateFault`. A fault without an effect is none.
pub(crate) fn fault(given: &HttpFaultInjection) -> Option<HttpFault> {
    let fault = HttpFault {
        delay: given.delay.as_ref().and_then(delay),
        abort: given.abort.as_ref().and_then(abort),
    };
    (fault.delay.is_some() || fault.abort.is_some()).then_some(fault)
}

fn delay(given: &Delay) -> Option<FaultDelay> {
    let Some(HttpDelayType::FixedDelay(fixed)) = given.http_delay_type else {
        return None;
    };
    Some(FaultDelay {
        fixed_delay: fixed.into(),
        percentage: match &given.percentage {
            Some(percent) => millionths(percent.value.unwrap_or(0.0)),
            // A percentage below 0 is an error: `refused`.
            None => hundredths(u32::try_from(given.percent.unwrap_or(0)).unwrap_or_default()),
        },
    })
}

fn abort(given: &Abort) -> Option<FaultAbort> {
    let error = match given.error_type.as_ref()? {
        // A status below 0 is an error: `refused`.
        ErrorType::HttpStatus(status) => AbortError::HttpStatus(u32::try_from(*status).unwrap_or_default()),
        ErrorType::GrpcStatus(name) => AbortError::GrpcStatus(grpc_status(name)?),
        ErrorType::Http2Error(_) => return None,
    };
    // An abort without a percentage never happens.
    let percent = given.percentage.as_ref().and_then(|it| it.value).unwrap_or(0.0);
    Some(FaultAbort {
        error,
        percentage: millionths(percent),
    })
}

/// The number of a gRPC status.
fn grpc_status(name: &str) -> Option<u32> {
    (0..)
        .zip(GRPC_STATUSES)
        .find_map(|(number, known)| (known == name).then_some(number))
}

/// The mirrors of a rule (istio route.go, `TranslateRequestMirrorPolicy`). A share of 0 is none.
pub(crate) fn mirrors(rule: &HttpRoute, cluster: impl Fn(&Destination) -> ClusterRef) -> Vec<Mirror> {
    let policy = |destination: &Destination, fraction: FractionalPercent| {
        let cluster = cluster(destination);
        let policy = RequestMirrorPolicy {
            cluster: cluster.name(),
            runtime_fraction: Some(RuntimeFractionalPercent {
                default_value: fraction,
            }),
            trace_sampled: Some(false),
            disable_shadow_host_suffix_append: true,
        };
        Mirror { cluster, policy }
    };
    let mut policies = Vec::new();
    if let Some(mirror) = &rule.mirror {
        let fraction = match (&rule.mirror_percentage, rule.mirror_percent) {
            (Some(percent), _) => nonzero(percent.value.unwrap_or(0.0)),
            (None, Some(0)) => None,
            (None, percent) => Some(hundredths(percent.unwrap_or(100))),
        };
        policies.extend(fraction.map(|it| policy(mirror, it)));
    }
    for mirror in &rule.mirrors {
        let fraction = match &mirror.percentage {
            Some(percent) => nonzero(percent.value.unwrap_or(0.0)),
            None => Some(hundredths(100)),
        };
        if let (Some(destination), Some(fraction)) = (&mirror.destination, fraction) {
            policies.push(policy(destination, fraction));
        }
    }
    policies
}

fn nonzero(percent: f64) -> Option<FractionalPercent> {
    (percent > 0.0).then(|| millionths(percent))
}

fn hundredths(numerator: u32) -> FractionalPercent {
    FractionalPercent {
        numerator,
        denominator: Denominator::Hundred,
    }
}

/// A percentage as a fraction of a million, cut off, not rounded: 0.57 % is 5699
/// (istio route.go, `translatePercentToFractionalPercent`).
fn millionths(percent: f64) -> FractionalPercent {
    // The product of a percentage and 10,000 fits; a cast from f64 saturates in any case.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let numerator = (percent * 10_000.0) as u32;
    FractionalPercent {
        numerator,
        denominator: Denominator::Million,
    }
}

/// The hash policy that a destination adds to its route. A policy for one port counts only where the
/// destination names its port (istio route.go, `HashForHTTPDestination`; docs/istio-routing.md 4.6).
pub(crate) fn hash_policy(
    rule: &EffectiveRule<'_>,
    cluster: &ClusterRef,
    port_is_given: bool,
) -> Option<HashPolicy> {
    let settings = hash_settings(rule, cluster, port_is_given)?;
    Some(match settings.hash_key.as_ref()? {
        HashKey::HttpHeaderName(name) => HashPolicy::Header(HashPolicyHeader {
            header_name: name.clone(),
        }),
        HashKey::HttpCookie(cookie) => HashPolicy::Cookie(hash_cookie(cookie)),
        HashKey::UseSourceIp(true) => {
            HashPolicy::ConnectionProperties(ConnectionProperties { source_ip: true })
        }
        HashKey::UseSourceIp(false) => return None,
        HashKey::HttpQueryParameterName(name) => {
            HashPolicy::QueryParameter(HashPolicyQueryParameter { name: name.clone() })
        }
    })
}

fn hash_cookie(cookie: &HttpCookie) -> HashPolicyCookie {
    let attributes = cookie.attributes.iter().map(|it| CookieAttribute {
        name: it.name.clone(),
        value: it.value.clone(),
    });
    HashPolicyCookie {
        name: cookie.name.clone(),
        ttl: cookie.ttl.map(Into::into),
        path: cookie.path.clone(),
        attributes: attributes.collect(),
    }
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

#[cfg(test)]
mod tests {
    use super::millionths;

    #[test]
    fn a_percentage_is_cut_off_at_a_millionth() {
        for (percent, numerator) in [(100.0, 1_000_000), (0.57, 5_699), (0.000_05, 0), (12.5, 125_000)] {
            assert_eq!(millionths(percent).numerator, numerator);
        }
    }
}
