//! `envoy/service/discovery/v3`, as files.

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::core::Extension;
use crate::filters::http_connection_manager::HttpFilterConfig;
use crate::listener::Listener;
use crate::route::RouteConfiguration;
use crate::tls::Secret;

/// `envoy.service.discovery.v3.DiscoveryResponse`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoveryResponse {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version_info: String,
    pub resources: Vec<Resource>,
}

/// What Envoy discovers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum Resource {
    #[serde(rename = "type.googleapis.com/envoy.config.listener.v3.Listener")]
    Listener(Box<Listener>),
    #[serde(rename = "type.googleapis.com/envoy.config.cluster.v3.Cluster")]
    Cluster(Box<Cluster>),
    #[serde(rename = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration")]
    RouteConfiguration(RouteConfiguration),
    #[serde(rename = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig")]
    HttpFilter(Box<Extension<HttpFilterConfig>>),
    #[serde(rename = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret")]
    Secret(Secret),
}
