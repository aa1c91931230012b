//! Which listeners Envoy Gateway has to make, and whether it can.

use std::collections::BTreeSet;

use fingerpost_config_compiler::{Compiled, CompiledChain};
use fingerpost_envoy_config::filters::http_connection_manager::{HttpConnectionManager, RouteSpecifier};
use fingerpost_envoy_config::listener::{Listener, NetworkFilterConfig};
use fingerpost_envoy_config::route::RouteConfiguration;

use crate::refusal::Refusal;

/// A listener of the Gateway, with what was compiled for it.
pub(super) struct GatewayListener<'c> {
    /// Its name in the Gateway.
    pub(super) name: String,
    /// Its port, as Gateways of Istio declare it.
    pub(super) port: u32,
    pub(super) chain: &'c CompiledChain,
    pub(super) manager: &'c HttpConnectionManager,
    pub(super) table: &'c RouteConfiguration,
}

/// One for each port that is declared.
///
/// # Errors
/// Servers that it cannot serve: those of TLS and of bytes.
pub(super) fn gateway_listeners(compiled: &Compiled) -> Result<Vec<GatewayListener<'_>>, Vec<Refusal>> {
    let mut made = Vec::new();
    let mut refusals = Vec::new();
    let mut taken = BTreeSet::new();
    for summary in &compiled.summary.listeners {
        let listeners = &compiled.bootstrap.static_resources.listeners;
        let parts = listeners
            .iter()
            .find(|it| it.name == summary.name)
            .and_then(plain_http)
            .zip(compiled.chains.iter().find(|it| it.listener == summary.name));
        let Some(((manager, table), chain)) = parts else {
            refusals.push(not_plain(&summary.name, &summary.protocol));
            continue;
        };
        for port in &summary.declared_ports {
            if taken.insert(*port) {
                made.push(GatewayListener {
                    name: format!("http-{port}"),
                    port: *port,
                    chain,
                    manager,
                    table,
                });
            }
        }
    }
    let needs_certificates = !compiled.bootstrap.static_resources.secrets.is_empty()
        || !compiled.file_secrets.is_empty()
        || compiled.holds_private_key();
    // Those of servers go with the servers that are refused.
    if refusals.is_empty() && needs_certificates {
        refusals.push(Refusal {
            reason: "the configuration needs certificates, and patches cannot bring them to the Envoys"
                .to_owned(),
            help: "leave TLS out of these Gateways and DestinationRules, or use --kubernetes".to_owned(),
        });
    }
    if refusals.is_empty() && made.is_empty() {
        refusals.push(Refusal {
            reason: "the filter would have nothing to do: no Gateway has an HTTP server for this gateway"
                .to_owned(),
            help: "`fingerpost routes` shows what is served and why the rest is not".to_owned(),
        });
    }
    if refusals.is_empty() {
        Ok(made)
    } else {
        Err(refusals)
    }
}

/// The parts of a listener that has nothing but HTTP in plain text.
fn plain_http(listener: &Listener) -> Option<(&HttpConnectionManager, &RouteConfiguration)> {
    let [chain] = listener.filter_chains.as_slice() else {
        return None;
    };
    let [filter] = chain.filters.as_slice() else {
        return None;
    };
    match (&chain.transport_socket, &filter.typed_config) {
        (None, NetworkFilterConfig::HttpConnectionManager(manager)) => match &manager.routes {
            RouteSpecifier::RouteConfig(table) => Some((manager, table)),
            RouteSpecifier::Rds(_) => None,
        },
        (_, NetworkFilterConfig::HttpConnectionManager(_) | NetworkFilterConfig::TcpProxy(_)) => None,
    }
}

fn not_plain(listener: &str, protocol: &str) -> Refusal {
    Refusal {
        reason: format!(
            "the listener {listener} has servers of {protocol}: for Envoy Gateway only HTTP in plain text is supported"
        ),
        help: "use --kubernetes, which serves them; or leave these servers out of the input, and end TLS at a load balancer, or \
               write a TLSRoute or a TCPRoute of the Gateway API for them"
            .to_owned(),
    }
}
