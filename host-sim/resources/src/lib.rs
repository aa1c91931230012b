//! Istio and Kubernetes resources as people write them, with source spans.
//!
//! [`read`] turns texts into typed [`Resources`]; [`validate`] judges them as Istio's webhook does.
//! Both report everything they find as [`Diagnostics`], which [`render`] shows beside the source.
//! This crate opens no files and does not know Envoy's configuration; the compiler decides what routes mean.
//!
//! The types have the names and fields of Istio's API. What is unset is an empty `String`, `Vec` or
//! map, and `None` for everything else; defaults are not filled in.

mod brief;
mod camel_case;
mod code;
mod confidential;
mod contents;
mod decode;
mod destination_rule;
mod diagnostic;
mod document_text;
mod field_paths;
mod gateway;
mod http_policy;
pub mod kubernetes;
mod load_balancer;
mod not_routed;
mod part;
mod place;
mod read;
mod render;
mod resource;
mod service_entry;
mod source;
mod stand_ins;
mod validate;
mod virtual_service;
mod visible;
pub mod yaml;

pub use brief::brief;
pub use code::{Code, UnknownCode};
pub use confidential::Hidden;
pub use contents::{Contents, contents, has_virtual_service};
pub use decode::{closest, name_list};
pub use destination_rule::{
    ClientTlsMode, ClientTlsSettings, ConnectionKeepalive, ConnectionPoolSettings, DestinationRule,
    H2UpgradePolicy, HttpSettings, OutlierDetection, PortTrafficPolicy, ProxyProtocol, ProxyProtocolVersion,
    RetryBudget, Subset, TcpKeepalive, TcpSettings, TrafficPolicy, TunnelSettings, WorkloadSelector,
};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use field_paths::field_paths;
pub use gateway::{Gateway, Port, Server, ServerTlsMode, ServerTlsSettings, TlsCertificate, TlsProtocol};
pub use http_policy::{
    Abort, CorsPolicy, Delay, DirectBody, ErrorType, GRPC_STATUSES, HeaderOperations, Headers, HttpDelayType,
    HttpDirectResponse, HttpFaultInjection, HttpMirrorPolicy, HttpRedirect, HttpRetry, HttpRewrite, Percent,
    RedirectPort, RedirectPortSelection, RegexRewrite, UnmatchedPreflights,
};
pub use kubernetes::{EndpointSlice, Endpoints, Pod, Secret, Service, TargetPort};
pub use load_balancer::{
    Attribute, BackendUtilizationLb, ConsistentHashLb, Distribute, Failover, HashAlgorithm, HashKey,
    HttpCookie, LbPolicy, LoadBalancerSettings, LocalityLoadBalancerSetting, MagLev, RingHash, SimpleLb,
    WarmupConfiguration, ZoneAwareLoadBalancerSetting,
};
pub use not_routed::{MeshSettings, PolicyKind, PolicyTarget, Unenforced, UnreadRoute};
pub use part::Part;
pub use place::{Place, Span};
pub use read::{
    DEFAULT_NAMESPACE, KubernetesNode, PodTemplate, Resources, UnreadableSecret, read, read_in, trees,
};
pub use render::{FindingRenderer, render};
pub use resource::{Meta, Origin, Resource};
pub use service_entry::{EndpointSelector, Location, Resolution, ServiceEntry, ServicePort, WorkloadEntry};
pub use source::{Source, Sources};
pub use stand_ins::{fill_in, read_template};
pub use validate::validate;
pub use virtual_service::{
    Delegate, Destination, HttpMatchRequest, HttpRoute, HttpRouteDestination, L4MatchAttributes,
    PortSelector, RouteDestination, StringMatch, TcpRoute, TlsMatchAttributes, TlsRoute, VirtualService,
};
pub use visible::{visible, visible_json, visible_lines, visible_yaml};
pub use yaml::is_caught;
