//! Resources that change what requests do in a cluster, and that are not acted on here: routes of other kinds, policies,
//! settings of the mesh. Only what a message needs is kept of them.

use std::collections::BTreeMap;

use crate::resource::{Meta, Origin};

/// A resource by which Istio routes requests, of a kind that is not read here.
#[derive(Debug, Clone)]
pub struct UnreadRoute {
    /// The kind, such as `Ingress`.
    pub kind: String,
    /// Its metadata.
    pub meta: Meta,
    /// Its hosts; `*` for every host. Empty for a resource that opens ports, and for routes of bytes.
    pub hosts: Vec<String>,
    /// Where it is written.
    pub origin: Origin,
}

/// A resource of a kind that changes what requests do, and that is not acted on here.
#[derive(Debug, Clone)]
pub struct Unenforced {
    /// Its kind.
    pub kind: PolicyKind,
    /// Its metadata.
    pub meta: Meta,
    /// The labels of the workloads that it is for; empty for all.
    pub selector: BTreeMap<String, String>,
    /// The resources that it is attached to, in place of a selector.
    pub targets: Vec<PolicyTarget>,
    /// Whether anything of it is for gateways.
    pub is_for_gateways: bool,
    /// What it changes, in Istio's words: the `applyTo` of patches, the phase of a plugin, the action of a policy.
    pub changes: Vec<String>,
    /// Where it is written.
    pub origin: Origin,
}

/// An entry of `targetRefs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTarget {
    /// The API group; empty for Kubernetes' own.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// A kind of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "Istio's kinds")]
pub enum PolicyKind {
    AuthorizationPolicy,
    RequestAuthentication,
    PeerAuthentication,
    EnvoyFilter,
    WasmPlugin,
    TrafficExtension,
    Telemetry,
    Sidecar,
}

/// Settings of the mesh that change what a gateway does.
#[derive(Debug, Clone)]
pub struct MeshSettings {
    /// The fields of `meshConfig`, such as `pathNormalization`.
    pub fields: Vec<String>,
    /// Where they are written.
    pub origin: Origin,
}

impl PolicyKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::AuthorizationPolicy,
        Self::RequestAuthentication,
        Self::PeerAuthentication,
        Self::EnvoyFilter,
        Self::WasmPlugin,
        Self::TrafficExtension,
        Self::Telemetry,
        Self::Sidecar,
    ];

    /// The kind as users write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationPolicy => "AuthorizationPolicy",
            Self::RequestAuthentication => "RequestAuthentication",
            Self::PeerAuthentication => "PeerAuthentication",
            Self::EnvoyFilter => "EnvoyFilter",
            Self::WasmPlugin => "WasmPlugin",
            Self::TrafficExtension => "TrafficExtension",
            Self::Telemetry => "Telemetry",
            Self::Sidecar => "Sidecar",
        }
    }

    /// Its API group.
    pub fn group(self) -> &'static str {
        match self {
            Self::AuthorizationPolicy | Self::RequestAuthentication | Self::PeerAuthentication => {
                "security.istio.io"
            }
            Self::EnvoyFilter | Self::Sidecar => "networking.istio.io",
            Self::WasmPlugin | Self::TrafficExtension => "extensions.istio.io",
            Self::Telemetry => "telemetry.istio.io",
        }
    }
}
