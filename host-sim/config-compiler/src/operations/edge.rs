//! Limits for a proxy that strangers reach.
//!
//! Source: Envoy's `docs/root/configuration/best_practices/edge.rst` with its `_include/edge.yaml`. Of the settings there,
//! those are left out that would change an outcome that Istio has; docs/deploy/envoy.md lists them with the reason.

use std::time;

use fingerpost_envoy_config::bootstrap::{Bootstrap, LayeredRuntime, RuntimeLayer, RuntimeValue};
use fingerpost_envoy_config::core::{Extension, Http2ProtocolOptions, HttpProtocolOptions};
use fingerpost_envoy_config::filters::http_connection_manager::HttpConnectionManager;
use fingerpost_envoy_config::listener::NetworkFilterConfig;
use fingerpost_envoy_config::overload::{
    DownstreamConnections, FixedHeap, OverloadAction, OverloadManager, ResourceMonitor, ThresholdTrigger,
    Trigger,
};
use fingerpost_envoy_config::{Duration, Int64};

const HEAP_BYTES: i64 = 2 << 30;
const CONNECTIONS: i64 = 50_000;
const CONNECTIONS_OF_A_LISTENER: u64 = 10_000;
const HTTP2_STREAMS: u32 = 100;
const HTTP2_STREAM_WINDOW: u32 = 64 << 10;
const HTTP2_CONNECTION_WINDOW: u32 = 1 << 20;
const IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);

const HEAP: &str = "envoy.resource_monitors.fixed_heap";
const DOWNSTREAM_CONNECTIONS: &str = "envoy.resource_monitors.global_downstream_max_connections";

/// Sets the limits.
pub(super) fn add(bootstrap: &mut Bootstrap) {
    bootstrap.overload_manager = Some(overload_manager());
    let mut limits = RuntimeLayer {
        name: "edge".to_owned(),
        static_layer: Default::default(),
    };
    for listener in &mut bootstrap.static_resources.listeners {
        let key = format!(
            "envoy.resource_limits.listener.{}.connection_limit",
            listener.name
        );
        limits
            .static_layer
            .insert(key, RuntimeValue::Number(CONNECTIONS_OF_A_LISTENER));
        let filters = listener.filter_chains.iter_mut().flat_map(|it| &mut it.filters);
        for filter in filters {
            match &mut filter.typed_config {
                NetworkFilterConfig::HttpConnectionManager(manager) => limit_http(manager),
                NetworkFilterConfig::TcpProxy(_) => {}
            }
        }
    }
    let runtime = bootstrap
        .layered_runtime
        .get_or_insert_with(LayeredRuntime::default);
    runtime.layers.push(limits);
}

fn limit_http(manager: &mut HttpConnectionManager) {
    manager.common_http_protocol_options = Some(HttpProtocolOptions {
        idle_timeout: Some(IDLE_TIMEOUT),
        ..HttpProtocolOptions::default()
    });
    manager.http2_protocol_options = Some(Http2ProtocolOptions {
        max_concurrent_streams: Some(HTTP2_STREAMS),
        initial_stream_window_size: Some(HTTP2_STREAM_WINDOW),
        initial_connection_window_size: Some(HTTP2_CONNECTION_WINDOW),
        ..Http2ProtocolOptions::default()
    });
}

fn overload_manager() -> OverloadManager {
    let monitor = |name: &str, typed_config| Extension {
        name: name.to_owned(),
        typed_config,
    };
    let action = |name: &str, value| OverloadAction {
        name: format!("envoy.overload_actions.{name}"),
        triggers: vec![Trigger {
            name: HEAP.to_owned(),
            threshold: ThresholdTrigger { value },
        }],
    };
    OverloadManager {
        refresh_interval: Some(time::Duration::from_millis(250).into()),
        resource_monitors: vec![
            monitor(
                HEAP,
                ResourceMonitor::FixedHeap(FixedHeap {
                    max_heap_size_bytes: Int64(HEAP_BYTES),
                }),
            ),
            monitor(
                DOWNSTREAM_CONNECTIONS,
                ResourceMonitor::DownstreamConnections(DownstreamConnections {
                    max_active_downstream_connections: Int64(CONNECTIONS),
                }),
            ),
        ],
        actions: vec![
            action("shrink_heap", 0.95),
            action("stop_accepting_requests", 0.98),
        ],
    }
}
