//! `envoy/config/route/v3`: route configurations and virtual hosts; routes and their parts in the modules below.

mod action;
mod conditions;
mod redirect;
mod retry;

use serde::{Deserialize, Serialize};

use crate::core::HeaderValueOption;
use crate::filters::cors::CorsPolicy;
use crate::filters::fault::HttpFault;
use crate::is_default;
use crate::xds::Matcher;

pub use action::{
    ClusterSpecifier, ClusterWeight, ConnectionProperties, CookieAttribute, HashPolicy, HashPolicyCookie,
    HashPolicyHeader, HashPolicyQueryParameter, RequestMirrorPolicy, RouteAction, WeightedClusters,
};
pub use conditions::{
    HeaderMatch, HeaderMatcher, PathSpecifier, QueryParameterMatch, QueryParameterMatcher, RouteMatch,
};
pub use redirect::{DirectResponseAction, RedirectAction, RedirectResponseCode};
pub use retry::{PreviousPrioritiesConfig, RetryBackOff, RetryHostPredicate, RetryPolicy, RetryPriority};

/// `envoy.config.route.v3.RouteConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfiguration {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default)]
    pub virtual_hosts: Vec<VirtualHost>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_clusters: Option<bool>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub ignore_port_in_host_matching: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_direct_response_body_size_bytes: Option<u32>,
}

/// `envoy.config.route.v3.VirtualHost`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualHost {
    pub name: String,
    pub domains: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub require_tls: TlsRequirement,
    #[serde(default, skip_serializing_if = "is_default")]
    pub include_request_attempt_count: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_headers_to_add: Vec<HeaderValueOption>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_headers_to_remove: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_headers_to_add: Vec<HeaderValueOption>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_headers_to_remove: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matcher: Option<Matcher>,
}

/// `envoy.config.route.v3.VirtualHost.TlsRequirementType`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TlsRequirement {
    #[default]
    None,
    ExternalOnly,
    All,
}

/// `envoy.config.route.v3.RouteList`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteList {
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// `envoy.config.route.v3.Route`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(rename = "match")]
    pub matches: RouteMatch,
    #[serde(flatten)]
    pub action: Action,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stat_prefix: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_headers_to_add: Vec<HeaderValueOption>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_headers_to_remove: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_headers_to_add: Vec<HeaderValueOption>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_headers_to_remove: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub typed_per_filter_config: PerFilterConfig,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decorator: Option<Decorator>,
}

impl Route {
    /// A route that only matches and acts.
    pub fn new(matches: RouteMatch, action: Action) -> Self {
        Self {
            name: String::new(),
            matches,
            action,
            metadata: None,
            stat_prefix: String::new(),
            request_headers_to_add: Vec::new(),
            request_headers_to_remove: Vec::new(),
            response_headers_to_add: Vec::new(),
            response_headers_to_remove: Vec::new(),
            typed_per_filter_config: PerFilterConfig::default(),
            decorator: None,
        }
    }
}

/// `action` of a [`Route`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Route(Box<RouteAction>),
    Redirect(RedirectAction),
    DirectResponse(DirectResponseAction),
}

/// `envoy.config.route.v3.Decorator`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decorator {
    pub operation: String,
}

/// `typed_per_filter_config` of a [`Route`]: what a route says to the filters of this name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerFilterConfig {
    #[serde(
        default,
        rename = "envoy.filters.http.cors",
        skip_serializing_if = "Option::is_none"
    )]
    pub cors: Option<CorsPerRoute>,
    #[serde(
        default,
        rename = "envoy.filters.http.fault",
        skip_serializing_if = "Option::is_none"
    )]
    pub fault: Option<FaultPerRoute>,
}

/// What a route says to the filter `envoy.filters.http.cors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum CorsPerRoute {
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy")]
    Policy(CorsPolicy),
}

/// What a route says to the filter `envoy.filters.http.fault`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum FaultPerRoute {
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault")]
    Fault(HttpFault),
}

/// `envoy.config.core.v3.Metadata`, of which only our own part is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    #[serde(default)]
    pub filter_metadata: FilterMetadata,
}

/// `filter_metadata` of [`Metadata`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterMetadata {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerpost: Option<RouteOrigin>,
}

/// The rule of a VirtualService that a route was made from: Fingerpost's own metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteOrigin {
    /// The root's rule, then the delegate's.
    pub rules: Vec<RouteOriginRule>,
    /// The index of the match in the rule, if the rule has matches.
    #[serde(default, rename = "match")]
    pub matched: Option<String>,
    /// All of that as one text, for access logs: `prod/shop http[0].match[1]`.
    #[serde(default, rename = "rule", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name of the virtual host, for access logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_host: Option<String>,
}

/// One rule of one VirtualService.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteOriginRule {
    /// `namespace/name`.
    pub virtual_service: String,
    /// The index in its `http` list.
    pub http: u32,
}
