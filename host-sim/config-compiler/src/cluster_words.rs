//! What a cluster of Envoy's does, in words: how endpoints are found and chosen, the protocol, the limits.
//!
//! Decides nothing: it reads the finished cluster. Where a field is not written, the words are those of Envoy's default if
//! that has an effect, or nothing. Limits have the names of the DestinationRule's fields.
//! Source: Envoy `api/envoy/config/cluster/v3`.

use std::fmt;

use fingerpost_envoy_config::cluster::{self, Cluster, DiscoveryType, LbPolicy, SlowStart};
use fingerpost_envoy_config::core::HttpProtocolOptions;
use fingerpost_envoy_config::upstreams::{
    ExplicitHttpConfig, UpstreamHttpOptions, UpstreamHttpProtocolOptions, UpstreamProtocol,
};

/// How Envoy comes to the endpoints of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discovery {
    /// Their addresses are in the bootstrap.
    Static,
    /// It looks names up, and uses all addresses.
    Dns,
    /// It looks one name up, and uses one address at a time.
    LogicalDns,
    /// It takes the address that a client wanted to reach, which a gateway does not know.
    OriginalDestination,
}

/// The protocol between the proxy and the endpoints of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterProtocol {
    /// Bytes: only `tcp` and `tls` rules lead there.
    Bytes,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// The version of HTTP that the client speaks.
    Client,
}

/// A limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The field of the DestinationRule, such as `maxConnections`.
    pub field: &'static str,
    /// Its value in words.
    pub value: String,
}

impl fmt::Display for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static => "static",
            Self::Dns => "DNS",
            Self::LogicalDns => "DNS, one address at a time",
            Self::OriginalDestination => "original destination",
        })
    }
}

impl fmt::Display for ClusterProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "TCP",
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Client => "HTTP as the client",
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.value)
    }
}

/// How endpoints are found.
pub(crate) fn discovery(cluster: &Cluster) -> Discovery {
    match cluster.discovery_type {
        DiscoveryType::Static => Discovery::Static,
        DiscoveryType::StrictDns => Discovery::Dns,
        DiscoveryType::LogicalDns => Discovery::LogicalDns,
        DiscoveryType::OriginalDst => Discovery::OriginalDestination,
    }
}

/// The protocol of a cluster that requests are routed to.
pub(crate) fn protocol(cluster: &Cluster) -> ClusterProtocol {
    match http_options(cluster).map(|it| &it.protocol) {
        None | Some(UpstreamProtocol::ExplicitHttpConfig(ExplicitHttpConfig::HttpProtocolOptions(_))) => {
            ClusterProtocol::Http1
        }
        Some(UpstreamProtocol::ExplicitHttpConfig(ExplicitHttpConfig::Http2ProtocolOptions(_))) => {
            ClusterProtocol::Http2
        }
        Some(UpstreamProtocol::UseDownstreamProtocolConfig(_)) => ClusterProtocol::Client,
    }
}

/// How an endpoint is chosen. `hash` says what a consistent hash is made of.
pub(crate) fn load_balancing(cluster: &Cluster, hash: Option<&str>) -> String {
    let by = hash.map_or_else(|| "without a key".to_owned(), str::to_owned);
    let chosen = match cluster.lb_policy {
        LbPolicy::RoundRobin => slow("round robin", cluster.round_robin_lb_config.as_ref()),
        LbPolicy::LeastRequest => slow("least request", cluster.least_request_lb_config.as_ref()),
        LbPolicy::Random => "random".to_owned(),
        LbPolicy::RingHash => format!("ring hash {by}"),
        LbPolicy::Maglev => format!("maglev {by}"),
        LbPolicy::ClusterProvided => "the original destination".to_owned(),
    };
    let localities = cluster.common_lb_config.as_ref();
    match localities.and_then(|it| it.locality_weighted_lb_config.as_ref()) {
        Some(_) => format!("{chosen}, in a locality by its weight"),
        None => chosen,
    }
}

fn slow(policy: &str, start: Option<&SlowStart>) -> String {
    match start.and_then(|it| it.slow_start_config.slow_start_window) {
        Some(window) => format!("{policy}, new endpoints warm up for {window}"),
        None => policy.to_owned(),
    }
}

/// The limits that differ from Istio's defaults: no limits, and 10 seconds to connect.
pub(crate) fn limits(cluster: &Cluster) -> Vec<Limit> {
    const CONNECT_TIMEOUT: fingerpost_envoy_config::Duration =
        fingerpost_envoy_config::Duration::from_secs(10);
    let mut found = Vec::new();
    let mut add = |field, value: Option<String>| found.extend(value.map(|value| Limit { field, value }));
    let limit = |it: Option<u32>| it.filter(|it| *it != u32::MAX).map(|it| it.to_string());
    let breakers = cluster.circuit_breakers.iter();
    for it in breakers.flat_map(|it| &it.thresholds) {
        add("maxConnections", limit(it.max_connections));
        add("http1MaxPendingRequests", limit(it.max_pending_requests));
        add("http2MaxRequests", limit(it.max_requests));
        add("maxRetries", limit(it.max_retries));
        add(
            "retryBudget",
            it.retry_budget.as_ref().map(|budget| {
                format!(
                    "{} % of requests, at least {}",
                    budget.budget_percent.value, budget.min_retry_concurrency
                )
            }),
        );
    }
    let connect = cluster.connect_timeout.filter(|it| *it != CONNECT_TIMEOUT);
    add("connectTimeout", connect.map(|it| it.to_string()));
    if let Some(options) = http_options(cluster) {
        let HttpProtocolOptions {
            idle_timeout,
            max_requests_per_connection,
            max_connection_duration,
        } = options.common_http_protocol_options.clone().unwrap_or_default();
        add("maxRequestsPerConnection", limit(max_requests_per_connection));
        add("idleTimeout", idle_timeout.map(|it| it.to_string()));
        add(
            "maxConnectionDuration",
            max_connection_duration.map(|it| it.to_string()),
        );
        add("maxConcurrentStreams", limit(streams(options)));
    }
    let keepalive = cluster.upstream_connection_options.as_ref();
    add(
        "tcpKeepalive",
        keepalive.map(|it| match it.tcp_keepalive.keepalive_time {
            Some(seconds) => format!("after {seconds}s"),
            None => "on".to_owned(),
        }),
    );
    found
}

/// When an endpoint is ejected, and for how long; none without outlier detection.
pub(crate) fn outliers(cluster: &Cluster) -> Option<String> {
    let cluster::OutlierDetection {
        enforcing_success_rate: _, // always 0
        consecutive_5xx,
        enforcing_consecutive_5xx,
        consecutive_gateway_failure,
        enforcing_consecutive_gateway_failure,
        interval,
        base_ejection_time,
        max_ejection_percent,
        split_external_local_origin_errors: _, // the next two say what follows
        consecutive_local_origin_failure,
        enforcing_consecutive_local_origin_failure,
        enforcing_local_origin_success_rate: _, // 0 or not given
    } = cluster.outlier_detection.as_ref()?;
    // What is not given has Envoy's defaults: 5 errors, of which only those of 5xx are enforced.
    let when = |count: &Option<u32>, enforced: &Option<u32>, by_default: u32, what: &str| {
        (enforced.unwrap_or(by_default) > 0).then(|| format!("{} {what} in a row", count.unwrap_or(5)))
    };
    let reasons = [
        when(consecutive_5xx, enforcing_consecutive_5xx, 100, "errors (5xx)"),
        when(
            consecutive_gateway_failure,
            enforcing_consecutive_gateway_failure,
            0,
            "gateway errors (502, 503, 504)",
        ),
        consecutive_local_origin_failure.as_ref().and(when(
            consecutive_local_origin_failure,
            enforcing_consecutive_local_origin_failure,
            100,
            "failed connections",
        )),
    ];
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    if reasons.is_empty() {
        return Some("no endpoint is ever ejected: all counts are 0".to_owned());
    }
    let seconds = fingerpost_envoy_config::Duration::from_secs;
    Some(format!(
        "ejected after {}, for {} at first; at most {} % of the endpoints; checked every {}",
        reasons.join(" or "),
        base_ejection_time.unwrap_or(seconds(30)),
        max_ejection_percent.unwrap_or(10),
        interval.unwrap_or(seconds(10)),
    ))
}

fn http_options(cluster: &Cluster) -> Option<&UpstreamHttpOptions> {
    let options = cluster.typed_extension_protocol_options.as_ref()?;
    let UpstreamHttpProtocolOptions::Options(options) = &options.http;
    Some(options)
}

fn streams(options: &UpstreamHttpOptions) -> Option<u32> {
    match &options.protocol {
        UpstreamProtocol::ExplicitHttpConfig(ExplicitHttpConfig::Http2ProtocolOptions(http2)) => {
            http2.max_concurrent_streams
        }
        UpstreamProtocol::ExplicitHttpConfig(ExplicitHttpConfig::HttpProtocolOptions(_)) => None,
        UpstreamProtocol::UseDownstreamProtocolConfig(both) => both
            .http2_protocol_options
            .as_ref()
            .and_then(|it| it.max_concurrent_streams),
    }
}
