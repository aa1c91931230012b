//! `envoy/extensions/upstreams/http/v3`.

use serde::{Deserialize, Serialize};

use crate::Empty;
use crate::core::{
    Http2ProtocolOptions, HttpProtocolOptions, UpstreamHttpProtocolOptions as ServerNameOptions,
};
use crate::route::HeaderMatcher;

/// `typed_extension_protocol_options` of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtensionProtocolOptions {
    #[serde(rename = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions")]
    pub http: UpstreamHttpProtocolOptions,
}

/// What the HTTP codec of an upstream is configured by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum UpstreamHttpProtocolOptions {
    #[serde(rename = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions")]
    Options(Box<UpstreamHttpOptions>),
}

/// `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamHttpOptions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_http_protocol_options: Option<HttpProtocolOptions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_http_protocol_options: Option<ServerNameOptions>,
    #[serde(flatten)]
    pub protocol: UpstreamProtocol,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<HttpOutlierDetection>,
}

/// `upstream_protocol_options` of [`UpstreamHttpOptions`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamProtocol {
    ExplicitHttpConfig(ExplicitHttpConfig),
    UseDownstreamProtocolConfig(UseDownstreamHttpConfig),
}

/// `envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExplicitHttpConfig {
    HttpProtocolOptions(Empty),
    Http2ProtocolOptions(Http2ProtocolOptions),
}

/// `envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseDownstreamHttpConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_protocol_options: Option<Empty>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http2_protocol_options: Option<Http2ProtocolOptions>,
}

/// `envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpOutlierDetection {
    pub error_matcher: MatchPredicate,
}

/// `envoy.config.common.matcher.v3.MatchPredicate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchPredicate {
    OrMatch(MatchSet),
    HttpResponseHeadersMatch(HttpHeadersMatch),
}

/// `envoy.config.common.matcher.v3.MatchPredicate.MatchSet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchSet {
    pub rules: Vec<MatchPredicate>,
}

/// `envoy.config.common.matcher.v3.HttpHeadersMatch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpHeadersMatch {
    pub headers: Vec<HeaderMatcher>,
}
