//! The listener that says whether the proxy is ready to route.
//!
//! Its answer comes from Envoy's health check filter. In a static bootstrap nothing else is needed: Envoy does not start
//! without a table. Where filters come by discovery, `envoy/xds` puts all of them in front of it: one without a
//! configuration, or one whose VM has failed, answers in its place with an error. `POST /healthcheck/fail` to the admin
//! interface makes the answer 503.

use std::net::SocketAddr;

use fingerpost_envoy_config::Empty;
use fingerpost_envoy_config::core::{Address, Extension, SocketAddress};
use fingerpost_envoy_config::filters::health_check::HealthCheck;
use fingerpost_envoy_config::filters::http_connection_manager::{
    HttpConnectionManager, HttpFilter, HttpFilterConfig, HttpFilterConfigType,
};
use fingerpost_envoy_config::listener::{FilterChain, Listener, NetworkFilterConfig, TrafficDirection};
use fingerpost_envoy_config::matcher::StringPattern;
use fingerpost_envoy_config::route::{HeaderMatch, HeaderMatcher};

use super::metrics::END;

/// Envoy's name of the listener.
const READINESS_LISTENER: &str = "readiness";
/// Istio's path for the same.
pub const READINESS_PATH: &str = "/healthz/ready";

/// A listener that answers [`READINESS_PATH`] with 200, and anything else with 404.
pub(super) fn listener(address: SocketAddr) -> Listener {
    let health_check = HealthCheck {
        pass_through_mode: false,
        headers: vec![HeaderMatcher {
            name: ":path".to_owned(),
            value: HeaderMatch::StringMatch(StringPattern::Exact(READINESS_PATH.to_owned()).into()),
            invert_match: false,
            treat_missing_header_as_empty: false,
        }],
    };
    let filter = |name: &str, config| HttpFilter {
        name: name.to_owned(),
        config: HttpFilterConfigType::TypedConfig(config),
    };
    let filters = vec![
        filter(
            "envoy.filters.http.health_check",
            HttpFilterConfig::HealthCheck(health_check),
        ),
        filter("envoy.filters.http.router", HttpFilterConfig::Router(Empty {})),
    ];
    let manager = HttpConnectionManager {
        stat_prefix: format!("{READINESS_LISTENER}{END}"),
        use_remote_address: Some(true),
        normalize_path: Some(true),
        http_filters: filters,
        ..HttpConnectionManager::default()
    };
    Listener {
        name: READINESS_LISTENER.to_owned(),
        stat_prefix: format!("{READINESS_LISTENER}{END}"),
        address: Address::SocketAddress(SocketAddress {
            address: address.ip().to_string(),
            port_value: address.port().into(),
        }),
        // As the other listeners: a filter is the same plugin only for the same direction, and then has the same table.
        traffic_direction: TrafficDirection::Outbound,
        listener_filters: Vec::new(),
        filter_chains: vec![FilterChain {
            filters: vec![Extension {
                name: "envoy.filters.network.http_connection_manager".to_owned(),
                typed_config: NetworkFilterConfig::HttpConnectionManager(Box::new(manager)),
            }],
            ..FilterChain::default()
        }],
        access_log: Vec::new(),
        // A proxy that is full is still ready: others would be full too.
        ignore_global_conn_limit: true,
    }
}
