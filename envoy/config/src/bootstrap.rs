//! `envoy/config/bootstrap/v3`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::core::{Address, ConfigSource, Node};
use crate::listener::Listener;
use crate::metrics::StatsConfig;
use crate::overload::OverloadManager;
use crate::tls::Secret;

/// `envoy.config.bootstrap.v3.Bootstrap`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Node>,
    #[serde(default)]
    pub static_resources: StaticResources,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_resources: Option<DynamicResources>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layered_runtime: Option<LayeredRuntime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<Admin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats_config: Option<StatsConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overload_manager: Option<OverloadManager>,
}

/// `envoy.config.bootstrap.v3.Bootstrap.StaticResources`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticResources {
    #[serde(default)]
    pub listeners: Vec<Listener>,
    #[serde(default)]
    pub clusters: Vec<Cluster>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
}

/// `envoy.config.bootstrap.v3.Bootstrap.DynamicResources`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynamicResources {
    pub lds_config: ConfigSource,
    pub cds_config: ConfigSource,
}

/// `envoy.config.bootstrap.v3.LayeredRuntime`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayeredRuntime {
    #[serde(default)]
    pub layers: Vec<RuntimeLayer>,
}

/// `envoy.config.bootstrap.v3.RuntimeLayer`, of a layer that the bootstrap itself holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeLayer {
    pub name: String,
    pub static_layer: BTreeMap<String, RuntimeValue>,
}

/// The value of a runtime key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RuntimeValue {
    Flag(bool),
    Number(u64),
    Text(String),
}

/// `envoy.config.bootstrap.v3.Admin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    pub address: Address,
}
