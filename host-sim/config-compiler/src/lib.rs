//! Compiles Istio resources to a routing config for our filter and a bootstrap for a stock Envoy.
//!
//! One way in, [`compile`], and three results: the bootstrap that Envoy runs, the filter's config for
//! people to read, and a flat [`Summary`] for tables. Everything that can be wrong with the input is a
//! diagnostic. No file, no network, no environment: the caller reads and writes.
//!
//! The way of a resource: `gateways` and `virtual_services` bind what the proxy serves; `virtual_hosts`
//! puts the `routes` of each domain in order; `native` or `dispatch` writes them for an engine;
//! `listeners` and `clusters` surround them.

mod address;
mod assume;
mod attachments;
mod bootstrap;
mod certificate_sources;
mod certificates;
mod chain_summary;
mod checks;
mod claims;
mod client_certificates;
mod client_tls;
mod cluster_details;
mod cluster_parts;
mod cluster_policies;
mod cluster_words;
mod clusters;
mod compilation;
mod compiled;
mod condition_text;
mod connection_hash;
mod connection_limits;
mod covers;
mod credentials;
mod declared_gateways;
mod delegates;
mod describe;
mod destination_rules;
mod detail;
mod discovery;
mod dispatch;
mod empty_clusters;
mod endpoints;
mod example;
mod file_secrets;
mod filled_in;
mod gateways;
mod header_edits;
mod host;
mod http_chain;
mod imply;
mod labels;
mod left_out;
mod listeners;
mod load_assignment;
mod load_balancer;
mod locality;
mod locality_findings;
mod locality_lb;
mod matching;
mod mesh;
mod missing_cluster;
mod mounted_secrets;
mod native;
mod not_enforced;
mod objections;
mod operations;
mod options;
mod patterns;
mod pitfalls;
mod policies;
mod protocol;
mod proxies;
mod proxy_place;
mod refused;
mod refused_upgrades;
mod reserved;
mod resolved;
mod routes;
mod services;
mod sidecars;
mod slips;
mod stand_in;
mod summary;
mod tcp;
mod tls;
mod tls_parameters;
mod tunnel;
mod udp_servers;
mod unselected_rules;
mod unserved;
mod unused_rules;
mod upstream_http;
mod upstream_socket;
mod upstream_summary;
mod upstream_tls;
mod virtual_hosts;
mod virtual_services;
mod visibility;
mod workload_labels;
mod x509;

pub use assume::{Assume, Assumptions, assumed_gateways, lacks_gateways};
pub use bootstrap::compile;
pub use certificate_sources::{InlineContent, InlineSecret};
pub use certificates::{
    Authorities, CertificateChain, CertificateFault, Moment, Validity, check_authorities, check_pair,
};
pub use chain_summary::{ChainSummary, ServerSummary};
pub use cluster_details::{
    BuiltCluster, ClusterDetail, ClusterEndpoint, ClusterRole, ClusterService, ClusterState, ClusterUse,
    LostTraffic, cluster_details,
};
pub use cluster_words::{ClusterProtocol, Discovery, Limit};
pub use compilation::{Compilation, CompiledValid, compile_valid, compile_without_invalid};
pub use compiled::{Compiled, CompiledChain, Routing};
pub use condition_text::{describe_path, describe_value};
pub use covers::covers;
pub use delegates::{DelegateConflict, DelegateFault};
pub use detail::{
    AbortDetail, DestinationDetail, DestinationRuleDetail, MissingDestination, PolicyDetail, RouteDetail,
    ShareDetail,
};
pub use dispatch::revision;
pub use endpoints::{Endpoint, EndpointAddress, Endpoints, NoEndpoints, Unusable};
pub use example::ExampleRequest;
pub use file_secrets::{FileSecret, FromFiles, NeededBy, SecretFiles};
pub use filled_in::namespace_of_gateways;
pub use gateways::ServerConflict;
pub use header_edits::HeaderEdit;
pub use host::{qualify, short_forms};
pub use imply::imply;
pub use labels::Labels;
pub use locality::{InvalidLocality, Locality};
pub use matching::{ClaimMatch, Mismatch};
pub use missing_cluster::MissingCluster;
pub use mounted_secrets::MountedSecrets;
pub use objections::{Objection, to_authorities, to_chain};
pub use operations::{
    AccessLog, AdminAddress, InvalidAccessLog, InvalidAdminAddress, Operations, READINESS_PATH,
};
pub use options::{Engine, EnvoyVersion, Options, UnknownEnvoyVersion};
pub use protocol::Termination;
pub use proxies::{SelectedProxy, is_selected, other_proxies};
pub use services::ClusterRef;
pub use sidecars::sidecar_rules;
pub use stand_in::is_stand_in;
pub use summary::{
    ClusterSummary, ConnectionRule, HostSummary, LeftOutSummary, ListenerSummary, MirrorSummary,
    RouteSummary, Summary,
};
pub use unserved::{Cause, Part, RuleKind, RulesOfService, ServerTraffic, Unserved};
pub use upstream_summary::{UpstreamSummary, UpstreamTlsSummary, Verification};
pub use virtual_services::gateway_name;
pub use x509::CertificateIdentity;
