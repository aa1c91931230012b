//! A stock Envoy as a gateway of Istio: what istiod sends is in files, changed as our manifests say.
//!
//! Every file is replaced by itself, the filters' configurations before the listeners that name them: istiod sends the two in any
//! order, and a listener waits for its filters (`initial_fetch_timeout` 0 in istio `extension/extensionfilter.go`).

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fingerpost_config_compiler::Compiled;
use fingerpost_envoy_config::cluster::Cluster;
use fingerpost_envoy_config::core::{Address, SocketAddress};
use fingerpost_envoy_config::filters::http_connection_manager::{
    HttpConnectionManager, HttpFilter, HttpFilterConfigType,
};
use fingerpost_envoy_config::listener::NetworkFilterConfig;
use fingerpost_envoy_config::route::{RouteConfiguration, VirtualHost};
use fingerpost_envoy_runner::{AdminEndpoint, Bootstrap, RunningEnvoy, StartOptions};
use fingerpost_manifests::Document;
use fingerpost_sync::{Envoy, Proxy};
use fingerpost_xds::{XdsFile, XdsFiles, split};
use serde::Deserialize;
use serde_json::Value;

use crate::engines::envoy;
use crate::operations::said;
use crate::reload::generation::LISTENERS;

pub(crate) struct Gateway {
    folder: PathBuf,
    running: RunningEnvoy,
    /// All that a gateway with our filter reads, for its shape.
    complete: XdsFiles,
    /// Istio's own tables, by the names of ours.
    own: BTreeMap<String, RouteConfiguration>,
    ports: BTreeMap<String, u32>,
    state: State,
    in_force: Vec<XdsFile>,
}

/// What the objects in force say.
#[derive(Debug, Default)]
struct State {
    removes_header: bool,
    /// Virtual hosts by the names of Istio's tables.
    tables: BTreeMap<String, Vec<VirtualHost>>,
    /// Configurations of filters by their ports.
    filters: BTreeMap<u64, Value>,
}

impl Gateway {
    /// Starts it with Istio's own routes.
    pub(crate) fn start(
        directory: &Path,
        compiled: &Compiled,
        native: &Compiled,
        mut clusters: Vec<Cluster>,
    ) -> Result<Self, String> {
        let folder = directory.join("xds");
        fs::create_dir(&folder).map_err(said)?;
        let in_folder = folder.to_string_lossy();
        let divided = split(&compiled.bootstrap, &in_folder);
        let mut complete = divided.files;
        for listener in &mut complete.listeners {
            listener.address = Address::SocketAddress(SocketAddress {
                address: "127.0.0.1".to_owned(),
                port_value: 0,
            });
        }
        clusters.sort_by(|one, other| one.name.cmp(&other.name));
        clusters.dedup_by(|one, other| one.name == other.name);
        complete.clusters = clusters;
        let own = split(&native.bootstrap, &in_folder).files.routes.into_iter();
        let own = own.filter_map(|(name, table)| Some((name.strip_suffix("/native")?.to_owned(), table)));
        let ports = compiled.chains.iter().map(|it| (it.listener.clone(), it.port));
        let own: BTreeMap<String, RouteConfiguration> = own.collect();
        let ports: BTreeMap<String, u32> = ports.collect();
        let state = State::default();
        let in_force = files(&complete, &own, &ports, &state)?;
        for file in &in_force {
            fs::write(folder.join(&file.name), &file.content).map_err(said)?;
        }
        let bootstrap = serde_json::to_value(&divided.bootstrap).map_err(said)?;
        let options = StartOptions {
            concurrency: 2,
            ..StartOptions::default()
        };
        let running =
            RunningEnvoy::start(&envoy()?, &Bootstrap(bootstrap), directory, options).map_err(said)?;
        Ok(Self {
            folder,
            running,
            complete,
            own,
            ports,
            state,
            in_force,
        })
    }

    /// Where its listeners are.
    pub(crate) fn addresses(&self) -> Result<[SocketAddr; 2], String> {
        let bound = self.running.listeners().map_err(said)?;
        let address = |name: &str| bound.iter().find(|it| it.name == name).map(|it| it.address);
        match LISTENERS.map(address) {
            [Some(one), Some(two)] => Ok([one, two]),
            _ => Err(format!("Envoy has only the listeners {bound:?}")),
        }
    }

    /// Applies objects, and waits until they are in force.
    pub(crate) fn apply(&mut self, documents: &[Document]) -> Result<(), String> {
        for document in documents {
            self.state.apply(document)?;
        }
        let files = files(&self.complete, &self.own, &self.ports, &self.state)?;
        let proxy = Envoy {
            admin: AdminEndpoint::Tcp(self.running.admin().to_string()),
            patience: Duration::from_secs(60),
            give_up: Arc::default(),
        };
        let marks = proxy.marks().map_err(|error| format!("{error:?}"))?;
        for file in &files {
            if self.in_force.contains(file) {
                continue;
            }
            let draft = self.folder.join(".draft");
            fs::write(&draft, &file.content).map_err(said)?;
            fs::rename(&draft, self.folder.join(&file.name)).map_err(said)?;
        }
        let taken = proxy.wait_for(&files, Some(&marks));
        taken.map_err(|error| format!("{error:?}\n{}", self.running.log()))?;
        self.in_force = files;
        Ok(())
    }
}

impl State {
    fn apply(&mut self, document: &Document) -> Result<(), String> {
        let spec = &document.content["spec"];
        match document.kind() {
            "EnvoyFilter" => {
                self.removes_header = false;
                self.tables.clear();
                for patch in spec["configPatches"].as_array().into_iter().flatten() {
                    self.patch(patch)?;
                }
            }
            "TrafficExtension" => {
                for port in spec["match"][0]["ports"].as_array().into_iter().flatten() {
                    let number = port["number"].as_u64().ok_or("a port without a number")?;
                    self.filters.insert(number, spec["wasm"]["pluginConfig"].clone());
                }
            }
            other => return Err(format!("{other} is not known")),
        }
        Ok(())
    }

    fn patch(&mut self, patch: &Value) -> Result<(), String> {
        let table = patch["match"]["routeConfiguration"]["name"].as_str();
        let operation = patch["patch"]["operation"].as_str();
        match (patch["applyTo"].as_str(), operation, table) {
            (Some("NETWORK_FILTER"), Some("MERGE"), None) => self.removes_header = true,
            (Some("VIRTUAL_HOST"), Some("REMOVE"), Some(table)) => {
                self.tables.insert(table.to_owned(), Vec::new());
            }
            (Some("VIRTUAL_HOST"), Some("ADD"), Some(table)) => {
                let host = VirtualHost::deserialize(&patch["patch"]["value"]).map_err(said)?;
                let hosts = self.tables.get_mut(table).ok_or("an ADD before the REMOVE")?;
                hosts.push(host);
            }
            _ => return Err(format!("{patch} is not known")),
        }
        Ok(())
    }
}

/// What istiod sends in this state.
fn files(
    complete: &XdsFiles,
    own: &BTreeMap<String, RouteConfiguration>,
    ports: &BTreeMap<String, u32>,
    state: &State,
) -> Result<Vec<XdsFile>, String> {
    let mut files = complete.clone();
    for listener in &mut files.listeners {
        let port = ports.get(&listener.name).copied().map(u64::from);
        let has_filter = port.is_some_and(|port| state.filters.contains_key(&port));
        for filter in listener.filter_chains.iter_mut().flat_map(|it| &mut it.filters) {
            if let NetworkFilterConfig::HttpConnectionManager(manager) = &mut filter.typed_config {
                adapt(manager, state.removes_header, has_filter);
            }
        }
    }
    for (name, table) in &mut files.routes {
        let istios = name.rsplit('/').next().unwrap_or_default();
        let hosts = match state.tables.get(istios) {
            Some(hosts) => hosts,
            None => {
                &own.get(name)
                    .ok_or_else(|| format!("no table {name}"))?
                    .virtual_hosts
            }
        };
        table.virtual_hosts.clone_from(hosts);
    }
    files
        .filters
        .retain(|name, _| port_of(name, ports).is_some_and(|it| state.filters.contains_key(&it)));
    for (name, filter) in &mut files.filters {
        let config = port_of(name, ports).and_then(|it| state.filters.get(&it));
        let mut value = serde_json::to_value(&*filter).map_err(said)?;
        value["typed_config"]["config"]["configuration"]["value"] =
            config.map(Value::to_string).unwrap_or_default().into();
        *filter = serde_json::from_value(value).map_err(said)?;
    }
    Ok(files.files())
}

/// The port of a filter, which has the name of its listener as a part of its own.
fn port_of(filter: &str, ports: &BTreeMap<String, u32>) -> Option<u64> {
    let port = filter.split('/').find_map(|part| ports.get(part));
    port.copied().map(u64::from)
}

fn adapt(manager: &mut HttpConnectionManager, removes_header: bool, has_filter: bool) {
    if !removes_header {
        manager.early_header_mutation_extensions.clear();
    }
    if !has_filter {
        let is_discovered = |it: &HttpFilter| matches!(it.config, HttpFilterConfigType::ConfigDiscovery(_));
        manager.http_filters.retain(|it| !is_discovered(it));
    }
}
