//! `envoy/extensions/filters/network/tcp_proxy/v3`.

use serde::{Deserialize, Serialize};

use crate::access_log::AccessLog;
use crate::{Duration, Empty, is_default};

/// `envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpProxy {
    pub stat_prefix: String,
    #[serde(flatten)]
    pub cluster: ClusterSpecifier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_downstream_connection_duration: Option<Duration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hash_policy: Vec<HashPolicy>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_log: Vec<AccessLog>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunneling_config: Option<TunnelingConfig>,
}

/// `envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunnelingConfig {
    pub hostname: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub use_post: bool,
}

/// `envoy.type.v3.HashPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HashPolicy {
    /// By the client's address, without its port.
    SourceIp(Empty),
}

/// `cluster_specifier` of a [`TcpProxy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterSpecifier {
    Cluster(String),
    WeightedClusters(WeightedClusters),
}

/// `envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedClusters {
    pub clusters: Vec<ClusterWeight>,
}

/// `envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterWeight {
    pub name: String,
    pub weight: u32,
}
