//! Which files an Envoy with these listeners and clusters reads.

use std::collections::BTreeSet;

use fingerpost_envoy_config::filters::http_connection_manager::{HttpFilterConfigType, RouteSpecifier};
use fingerpost_envoy_config::listener::{FilterChain, NetworkFilterConfig, TransportSocketConfig};
use fingerpost_envoy_config::tls::CommonTlsContext;

use crate::file::{Kind, XdsFile};
use crate::files::XdsFiles;
use crate::upstream_tls::upstream_tls;

impl XdsFiles {
    /// The files that Envoy reads: those with the listeners and the clusters, and those that one of them names.
    pub fn used_files(&self) -> Vec<XdsFile> {
        let chains = self.listeners.iter().flat_map(|it| &it.filter_chains);
        let mut names: BTreeSet<(Kind, &str)> = chains.flat_map(names).collect();
        let sockets = self.clusters.iter().filter_map(|it| it.transport_socket.as_ref());
        let contexts = sockets.filter_map(|it| upstream_tls(&it.typed_config));
        names.extend(contexts.flat_map(|it| secrets(&it.common_tls_context)));
        let mut files = self.files();
        files.retain(|file| match &file.resource {
            None => true,
            Some(resource) => names.contains(&(file.kind, resource.as_str())),
        });
        files
    }
}

/// The resources that a filter chain names.
fn names(chain: &FilterChain) -> Vec<(Kind, &str)> {
    let mut names = Vec::new();
    for filter in &chain.filters {
        let NetworkFilterConfig::HttpConnectionManager(manager) = &filter.typed_config else {
            continue;
        };
        if let RouteSpecifier::Rds(rds) = &manager.routes {
            names.push((Kind::Routes, rds.route_config_name.as_str()));
        }
        let discovered = manager.http_filters.iter().filter(|it| match it.config {
            HttpFilterConfigType::ConfigDiscovery(_) => true,
            HttpFilterConfigType::TypedConfig(_) => false,
        });
        names.extend(discovered.map(|it| (Kind::HttpFilter, it.name.as_str())));
    }
    if let Some(socket) = &chain.transport_socket {
        let TransportSocketConfig::DownstreamTls(context) = &socket.typed_config;
        names.extend(secrets(&context.common_tls_context));
    }
    names
}

/// The secrets that a TLS context names.
fn secrets(tls: &CommonTlsContext) -> impl Iterator<Item = (Kind, &str)> {
    let validation = tls.combined_validation_context.iter();
    let validation = validation.map(|it| &it.validation_context_sds_secret_config);
    let secrets = tls.tls_certificate_sds_secret_configs.iter().chain(validation);
    secrets.map(|it| (Kind::Secret, it.name.as_str()))
}
