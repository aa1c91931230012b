//! A whole set of files.

use std::collections::BTreeMap;
use std::fmt;

use fingerpost_envoy_config::cluster::Cluster;
use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::discovery::{DiscoveryResponse, Resource};
use fingerpost_envoy_config::filters::http_connection_manager::HttpFilterConfig;
use fingerpost_envoy_config::listener::Listener;
use fingerpost_envoy_config::route::RouteConfiguration;
use fingerpost_envoy_config::tls::Secret;

use crate::file::{Kind, XdsFile};

/// All that Envoy reads from files while it runs. Route tables, filters and secrets are known by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct XdsFiles {
    /// The listeners, in their order.
    pub listeners: Vec<Listener>,
    /// The clusters, in their order.
    pub clusters: Vec<Cluster>,
    /// The route tables of connection managers.
    pub routes: BTreeMap<String, RouteConfiguration>,
    /// The configurations of our filters.
    pub filters: BTreeMap<String, Extension<HttpFilterConfig>>,
    /// Certificates with their private keys.
    pub secrets: BTreeMap<String, Secret>,
}

impl XdsFiles {
    /// The files, in the order in which they must exist for an Envoy that reads them: a file comes behind those that it names.
    pub fn files(&self) -> Vec<XdsFile> {
        let secrets = self.secrets.iter().map(|(name, secret)| {
            XdsFile::new(Kind::Secret, Some(name), vec![Resource::Secret(secret.clone())])
        });
        let mut files: Vec<XdsFile> = secrets.collect();
        files.push(self.clusters_file());
        files.extend(self.routes.iter().map(|(name, table)| {
            XdsFile::new(
                Kind::Routes,
                Some(name),
                vec![Resource::RouteConfiguration(table.clone())],
            )
        }));
        files.extend(self.filters.iter().map(|(name, filter)| {
            let resource = Resource::HttpFilter(Box::new(filter.clone()));
            XdsFile::new(Kind::HttpFilter, Some(name), vec![resource])
        }));
        files.push(self.listeners_file());
        files
    }

    fn clusters_file(&self) -> XdsFile {
        let clusters = self.clusters.iter();
        let resources = clusters.map(|it| Resource::Cluster(Box::new(it.clone())));
        XdsFile::new(Kind::Clusters, None, resources.collect())
    }

    fn listeners_file(&self) -> XdsFile {
        let listeners = self.listeners.iter();
        let resources = listeners.map(|it| Resource::Listener(Box::new(it.clone())));
        XdsFile::new(Kind::Listeners, None, resources.collect())
    }

    /// Adds what a file holds that [`XdsFiles::files`] has made, in this release or in another.
    pub fn read(&mut self, name: &str, content: &[u8]) -> Result<(), InvalidFile> {
        let invalid = |error: serde_json::Error| InvalidFile {
            name: name.to_owned(),
            reason: error.to_string(),
        };
        let response: DiscoveryResponse = serde_json::from_slice(content).map_err(invalid)?;
        for resource in response.resources {
            match resource {
                Resource::Listener(listener) => self.listeners.push(*listener),
                Resource::Cluster(cluster) => self.clusters.push(*cluster),
                Resource::RouteConfiguration(table) => {
                    self.routes.insert(table.name.clone(), table);
                }
                Resource::HttpFilter(filter) => {
                    self.filters.insert(filter.name.clone(), *filter);
                }
                Resource::Secret(secret) => {
                    self.secrets.insert(secret.name.clone(), secret);
                }
            }
        }
        Ok(())
    }
}

/// A file that [`XdsFiles::files`] has not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFile {
    /// The file.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for InvalidFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}

impl std::error::Error for InvalidFile {}
