//! The `EnvoyFilter`: the dispatch tables, and the early removal of headers that clients must not send.
//!
//! Each route table that istiod makes keeps its name and its listener; its virtual hosts are replaced. So a changed table reaches
//! Envoy by RDS, and no listener is touched. The new virtual hosts have names of their own: istiod removes virtual
//! hosts by name after it has added others (istio `pilot/pkg/networking/core/envoyfilter/rc_patch.go`).

use std::collections::BTreeMap;

use fingerpost_config_compiler::Compiled;
use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::filters::http_connection_manager::{
    EarlyHeaderMutation, HttpConnectionManager, RouteSpecifier,
};
use fingerpost_envoy_config::listener::NetworkFilterConfig;
use fingerpost_envoy_config::route::{RouteConfiguration, VirtualHost};
use serde::Serialize;

use crate::document::Document;
use crate::kubernetes::{Metadata, Object};

use super::{Gateway, IstioOptions};

const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";

/// The kind of the object.
pub(super) const KIND: &str = "EnvoyFilter";

/// What the names of our virtual hosts begin with.
pub(super) const HOST_PREFIX: &str = "fingerpost/";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvoyFilter<'a> {
    workload_selector: WorkloadSelector<'a>,
    config_patches: Vec<ConfigPatch>,
}

#[derive(Serialize)]
struct WorkloadSelector<'a> {
    labels: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigPatch {
    apply_to: ApplyTo,
    #[serde(rename = "match")]
    matches: Match,
    patch: Patch,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ApplyTo {
    NetworkFilter,
    VirtualHost,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    context: &'static str,
    #[serde(flatten)]
    object: MatchedObject,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum MatchedObject {
    Listener(ListenerMatch),
    RouteConfiguration(RouteConfigurationMatch),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListenerMatch {
    filter_chain: FilterChainMatch,
}

#[derive(Serialize)]
struct FilterChainMatch {
    filter: FilterMatch,
}

#[derive(Serialize)]
struct FilterMatch {
    name: &'static str,
}

#[derive(Serialize)]
struct RouteConfigurationMatch {
    name: String,
}

#[derive(Serialize)]
#[serde(tag = "operation", content = "value", rename_all = "SCREAMING_SNAKE_CASE")]
enum Patch {
    Merge(Extension<ConnectionManagerPatch>),
    Remove,
    Add(Box<VirtualHost>),
}

/// The part of a connection manager that is merged into istiod's.
#[derive(Serialize)]
#[serde(tag = "@type")]
enum ConnectionManagerPatch {
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    )]
    HttpConnectionManager {
        early_header_mutation_extensions: Vec<Extension<EarlyHeaderMutation>>,
    },
}

/// What an `EnvoyFilter` of ours does.
pub(super) struct Content<'c> {
    /// The first lines of its comment.
    pub(super) comment: Vec<&'c str>,
    /// The route tables that replace istiod's, by the names of those.
    pub(super) tables: Vec<RouteConfiguration>,
}

/// The object for a gateway. It always removes the header of the keys from what clients send.
pub(super) fn document(
    content: &Content<'_>,
    compiled: &Compiled,
    gateway: &Gateway<'_>,
    options: &IstioOptions,
) -> Document {
    let mut config_patches = Vec::new();
    // It is the same in every connection manager: it depends on Envoy's release alone.
    if let Some(manager) = managers(compiled).next() {
        config_patches.push(early_removal(manager));
    }
    for table in &content.tables {
        config_patches.push(virtual_host_patch(&table.name, Patch::Remove));
        let hosts = table.virtual_hosts.iter().map(|host| {
            let host = VirtualHost {
                name: format!("{HOST_PREFIX}{}", host.name),
                ..host.clone()
            };
            virtual_host_patch(&table.name, Patch::Add(Box::new(host)))
        });
        config_patches.extend(hosts);
    }
    let mut comment = content.comment.clone();
    comment.extend([
        "Clients can't send a key: the gateway removes the header before any filter runs.",
        "To roll back, delete these objects: Istio routes by its own tables again.",
    ]);
    Document::new(
        &comment,
        &Object {
            api_version: "networking.istio.io/v1alpha3",
            kind: KIND,
            metadata: Metadata::new(&options.name, gateway.namespace),
            spec: EnvoyFilter {
                workload_selector: WorkloadSelector {
                    labels: gateway.labels,
                },
                config_patches,
            },
        },
    )
}

/// The dispatch tables that were compiled.
pub(super) fn tables(compiled: &Compiled) -> Vec<RouteConfiguration> {
    managers(compiled).filter_map(table).cloned().collect()
}

/// The HTTP connection managers of all listeners.
fn managers(compiled: &Compiled) -> impl Iterator<Item = &HttpConnectionManager> {
    let listeners = &compiled.bootstrap.static_resources.listeners;
    let chains = listeners.iter().flat_map(|it| &it.filter_chains);
    chains
        .flat_map(|it| &it.filters)
        .filter_map(|filter| match &filter.typed_config {
            NetworkFilterConfig::HttpConnectionManager(manager) => Some(&**manager),
            NetworkFilterConfig::TcpProxy(_) => None,
        })
}

/// The table of a connection manager. The compiler writes it into the bootstrap; only its caller takes it out again.
fn table(manager: &HttpConnectionManager) -> Option<&RouteConfiguration> {
    match &manager.routes {
        RouteSpecifier::RouteConfig(table) => Some(table),
        RouteSpecifier::Rds(_) => None,
    }
}

fn early_removal(manager: &HttpConnectionManager) -> ConfigPatch {
    ConfigPatch {
        apply_to: ApplyTo::NetworkFilter,
        matches: Match {
            context: "GATEWAY",
            object: MatchedObject::Listener(ListenerMatch {
                filter_chain: FilterChainMatch {
                    filter: FilterMatch {
                        name: CONNECTION_MANAGER,
                    },
                },
            }),
        },
        patch: Patch::Merge(Extension {
            name: CONNECTION_MANAGER.to_owned(),
            typed_config: ConnectionManagerPatch::HttpConnectionManager {
                early_header_mutation_extensions: manager.early_header_mutation_extensions.clone(),
            },
        }),
    }
}

fn virtual_host_patch(table: &str, patch: Patch) -> ConfigPatch {
    ConfigPatch {
        apply_to: ApplyTo::VirtualHost,
        matches: Match {
            context: "GATEWAY",
            object: MatchedObject::RouteConfiguration(RouteConfigurationMatch {
                name: table.to_owned(),
            }),
        },
        patch,
    }
}
