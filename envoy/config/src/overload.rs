//! `envoy/config/overload/v3`, and the monitors of resources in `envoy/extensions/resource_monitors`.

use serde::{Deserialize, Serialize};

use crate::core::Extension;
use crate::{Duration, Int64};

/// `envoy.config.overload.v3.OverloadManager`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverloadManager {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<Duration>,
    pub resource_monitors: Vec<Extension<ResourceMonitor>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<OverloadAction>,
}

/// What watches a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum ResourceMonitor {
    #[serde(rename = "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig")]
    FixedHeap(FixedHeap),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    )]
    DownstreamConnections(DownstreamConnections),
}

/// `envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedHeap {
    pub max_heap_size_bytes: Int64,
}

/// `envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DownstreamConnections {
    pub max_active_downstream_connections: Int64,
}

/// `envoy.config.overload.v3.OverloadAction`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverloadAction {
    pub name: String,
    pub triggers: Vec<Trigger>,
}

/// `envoy.config.overload.v3.Trigger`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    pub name: String,
    pub threshold: ThresholdTrigger,
}

/// `envoy.config.overload.v3.ThresholdTrigger`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdTrigger {
    /// A share of the resource, from 0 to 1.
    pub value: f64,
}
