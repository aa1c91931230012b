//! Divides a static bootstrap into a small one and files.
//!
//! Decides what changes without a restart, and the names under which Envoy asks for it:
//!
//! | resource | name | file |
//! |---|---|---|
//! | route table with our filter in front | `LISTENER/ROUTE-CONFIGURATION` | `rds-….json` |
//! | route table that Envoy matches itself | the same, and `/native` | `rds-….json` |
//! | filter | the name of its plugin, `fingerpost/LISTENER/ROUTE-CONFIGURATION` | `ecds-….json` |
//! | certificate in the bootstrap | `LISTENER/SERVER-NAME/INDEX`, `CLUSTER/INDEX`, or its own name | `sds-….json` |
//!
//! A table for our filter and one for Envoy's own router have different names, since a connection manager with the filter
//! can't use the other's table: its listener then changes both at once.

use std::mem::take;

use fingerpost_envoy_config::bootstrap::{Bootstrap, DynamicResources, StaticResources};
use fingerpost_envoy_config::core::{DataSource, Extension, ExtensionConfigSource};
use fingerpost_envoy_config::filters::http_connection_manager::{
    HttpConnectionManager, HttpFilter, HttpFilterConfig, HttpFilterConfigType, Rds, RouteSpecifier,
};
use fingerpost_envoy_config::listener::{FilterChain, Listener, NetworkFilterConfig, TransportSocketConfig};
use fingerpost_envoy_config::tls::{
    CommonTlsContext, SdsSecretConfig, Secret, SecretContent, TlsCertificate,
};

use crate::file::{Kind, config_source};
use crate::files::XdsFiles;
use crate::upstream_tls::upstream_tls_mut;

/// The type of what an HTTP filter is configured by, for `type_urls`.
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/// A bootstrap in two parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// What Envoy is started with. It holds no key.
    pub bootstrap: Bootstrap,
    /// What it reads from files.
    pub files: XdsFiles,
}

/// Divides `bootstrap`. `folder` is the folder of the files, as Envoy sees it, without a slash at its end.
pub fn split(bootstrap: &Bootstrap, folder: &str) -> Split {
    let StaticResources {
        mut listeners,
        mut clusters,
        secrets,
    } = bootstrap.static_resources.clone();
    let mut files = XdsFiles::default();
    for secret in secrets {
        files.secrets.insert(secret.name.clone(), secret);
    }
    for cluster in &mut clusters {
        let context = cluster.transport_socket.as_mut();
        if let Some(context) = context.and_then(|it| upstream_tls_mut(&mut it.typed_config)) {
            divide_tls(&cluster.name, &mut context.common_tls_context, folder, &mut files);
        }
    }
    files.clusters = clusters;
    for listener in &mut listeners {
        divide(listener, folder, &mut files);
    }
    for listener in &mut listeners {
        wait_for_filters(listener, folder, &files);
    }
    files.listeners = listeners;
    Split {
        bootstrap: Bootstrap {
            static_resources: StaticResources::default(),
            dynamic_resources: Some(DynamicResources {
                lds_config: config_source(folder, Kind::Listeners, ""),
                cds_config: config_source(folder, Kind::Clusters, ""),
            }),
            ..bootstrap.clone()
        },
        files,
    }
}

/// Puts all filters in front of the health check of the readiness endpoint: without a configuration, or in a VM that has
/// failed, a filter answers with an error, and the proxy is not ready.
fn wait_for_filters(listener: &mut Listener, folder: &str, files: &XdsFiles) {
    let filters = listener.filter_chains.iter_mut().flat_map(|it| &mut it.filters);
    for filter in filters {
        let NetworkFilterConfig::HttpConnectionManager(manager) = &mut filter.typed_config else {
            continue;
        };
        let is_health_check = |it: &HttpFilter| {
            matches!(
                it.config,
                HttpFilterConfigType::TypedConfig(HttpFilterConfig::HealthCheck(_))
            )
        };
        if manager.http_filters.iter().any(is_health_check) {
            let discovered = files.filters.keys().map(|name| discovered(name, folder));
            manager.http_filters.splice(0..0, discovered);
        }
    }
}

/// One of our filters, as a connection manager names it.
fn discovered(name: &str, folder: &str) -> HttpFilter {
    HttpFilter {
        name: name.to_owned(),
        config: HttpFilterConfigType::ConfigDiscovery(ExtensionConfigSource {
            config_source: config_source(folder, Kind::HttpFilter, name),
            type_urls: vec![WASM.to_owned()],
        }),
    }
}

fn divide(listener: &mut Listener, folder: &str, files: &mut XdsFiles) {
    for chain in &mut listener.filter_chains {
        for filter in &mut chain.filters {
            if let NetworkFilterConfig::HttpConnectionManager(manager) = &mut filter.typed_config {
                divide_manager(&listener.name, manager, folder, files);
            }
        }
        divide_chain_tls(&listener.name, chain, folder, files);
    }
}

/// Puts our filters and the route table of a connection manager into files.
fn divide_manager(listener: &str, manager: &mut HttpConnectionManager, folder: &str, files: &mut XdsFiles) {
    let mut has_filter = false;
    for filter in &mut manager.http_filters {
        let HttpFilterConfigType::TypedConfig(HttpFilterConfig::Wasm(wasm)) = &filter.config else {
            continue;
        };
        has_filter = true;
        let name = wasm.config.name.clone();
        let typed_config = HttpFilterConfig::Wasm(wasm.clone());
        *filter = discovered(&name, folder);
        files
            .filters
            .insert(name.clone(), Extension { name, typed_config });
    }
    if let RouteSpecifier::RouteConfig(table) = &mut manager.routes
        && !table.name.is_empty()
    {
        let mut table = take(table);
        let engine = if has_filter { "" } else { "/native" };
        table.name = format!("{listener}/{}{engine}", table.name);
        manager.routes = RouteSpecifier::Rds(Rds {
            config_source: config_source(folder, Kind::Routes, &table.name),
            route_config_name: table.name.clone(),
        });
        files.routes.insert(table.name.clone(), table);
    }
}

fn divide_chain_tls(listener: &str, chain: &mut FilterChain, folder: &str, files: &mut XdsFiles) {
    let server_names = &chain.filter_chain_match.server_names;
    let server_name = server_names.first().map_or("*", String::as_str);
    let Some(TransportSocketConfig::DownstreamTls(context)) =
        chain.transport_socket.as_mut().map(|it| &mut it.typed_config)
    else {
        return;
    };
    let user = format!("{listener}/{server_name}");
    divide_tls(&user, &mut context.common_tls_context, folder, files);
}

/// Puts the certificates that hold their private keys into files. Envoy replaces such a certificate without closing a
/// connection.
fn divide_tls(user: &str, context: &mut CommonTlsContext, folder: &str, files: &mut XdsFiles) {
    let CommonTlsContext {
        tls_certificates,
        tls_certificate_sds_secret_configs: configs,
        combined_validation_context,
        ..
    } = context;
    if tls_certificates.iter().any(holds_key) {
        // Envoy takes certificates and secrets in one chain only if all of them are secrets.
        for (index, certificate) in take(tls_certificates).into_iter().enumerate() {
            let name = format!("{user}/{index}");
            let content = SecretContent::TlsCertificate(certificate);
            configs.push(SdsSecretConfig {
                name: name.clone(),
                sds_config: None,
            });
            files.secrets.insert(name.clone(), Secret { name, content });
        }
    }
    let validation = combined_validation_context
        .iter_mut()
        .map(|it| &mut it.validation_context_sds_secret_config);
    for config in configs.iter_mut().chain(validation) {
        // Those that name no file are the secrets of the static bootstrap.
        if config.sds_config.is_none() {
            config.sds_config = Some(config_source(folder, Kind::Secret, &config.name));
        }
    }
}

fn holds_key(certificate: &TlsCertificate) -> bool {
    match certificate.private_key {
        DataSource::InlineString(_) | DataSource::InlineBytes(_) => true,
        DataSource::Filename(_) => false,
    }
}
