//! What a bootstrap for production has beside the routes: admin interface, readiness, access logs, metrics, limits.
//!
//! Decides how the [`Operations`] that are asked for look in Envoy's configuration. No part of them decides about a
//! request: where a recommendation for edge proxies would change an outcome that Istio has, Istio's value stays
//! (docs/deploy/envoy.md lists each).

mod access_log;
mod admin;
mod conflicts;
mod edge;
mod metrics;
mod origins;
mod readiness;

use std::net::{Ipv4Addr, SocketAddr};

use fingerpost_envoy_config::bootstrap::{Admin, Bootstrap};
use fingerpost_resources::Diagnostics;

use crate::options::Engine;

pub use access_log::{AccessLog, InvalidAccessLog};
pub use admin::{AdminAddress, InvalidAdminAddress};
pub(crate) use metrics::metrics_of_rule;
pub use readiness::READINESS_PATH;

/// What is in the bootstrap for those who run the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operations {
    /// Where Envoy's admin interface listens. None: nowhere.
    pub admin: Option<AdminAddress>,
    /// Where `GET /healthz/ready` is answered. None: nowhere.
    pub readiness: Option<SocketAddr>,
    /// Where each request is logged. None: nowhere.
    pub access_log: Option<AccessLog>,
    /// Whether the limits that Envoy recommends for edge proxies are set.
    pub edge_defaults: bool,
    /// Whether each rule has its own metrics, about ten.
    pub rule_metrics: bool,
}

/// Istio's ports, so that the probes and scrapes of an Istio gateway fit.
impl Default for Operations {
    fn default() -> Self {
        Self {
            admin: Some(AdminAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 15_000)))),
            readiness: Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 15_021))),
            access_log: Some(AccessLog::JsonToStdout),
            edge_defaults: true,
            rule_metrics: false,
        }
    }
}

/// Adds the operations to a finished bootstrap.
pub(crate) fn add(
    bootstrap: &mut Bootstrap,
    operations: &Operations,
    engine: Engine,
    diagnostics: &mut Diagnostics,
) {
    conflicts::check(bootstrap, operations, diagnostics);
    origins::name_rules(bootstrap, operations.rule_metrics);
    if let Some(log) = &operations.access_log {
        access_log::add(bootstrap, log, engine);
    }
    metrics::add(bootstrap);
    if operations.edge_defaults {
        edge::add(bootstrap);
    }
    if let Some(address) = operations.readiness {
        let listener = readiness::listener(address);
        bootstrap.static_resources.listeners.push(listener);
    }
    bootstrap.admin = operations.admin.as_ref().map(|it| Admin {
        address: it.address(),
    });
}
