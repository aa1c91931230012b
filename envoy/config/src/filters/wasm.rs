//! `envoy/extensions/filters/http/wasm/v3` and `envoy/extensions/wasm/v3`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Empty;
use crate::core::AsyncDataSource;

/// `envoy.extensions.filters.http.wasm.v3.Wasm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wasm {
    pub config: PluginConfig,
}

/// `envoy.extensions.wasm.v3.PluginConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginConfig {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub root_id: String,
    pub vm_config: VmConfig,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<PluginConfiguration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_policy: Option<FailurePolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability_restriction_config: Option<CapabilityRestrictionConfig>,
}

/// `envoy.extensions.wasm.v3.CapabilityRestrictionConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityRestrictionConfig {
    /// By the name of the function or callback. The message behind it, `SanitizationConfig`, has no fields.
    pub allowed_capabilities: BTreeMap<String, Empty>,
}

/// `envoy.extensions.wasm.v3.VmConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmConfig {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vm_id: String,
    pub runtime: String,
    pub code: AsyncDataSource,
}

/// What a plugin is configured by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum PluginConfiguration {
    #[serde(rename = "type.googleapis.com/google.protobuf.StringValue")]
    Text { value: String },
}

/// `envoy.extensions.wasm.v3.FailurePolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailurePolicy {
    FailReload,
    FailClosed,
    FailOpen,
}
