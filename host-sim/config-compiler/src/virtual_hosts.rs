//! The virtual hosts of one route configuration.
//!
//! Decides which VirtualService contributes to which domain, in which order the routes are tried, and
//! where plain text is redirected to HTTPS.
//! Source: istio `pilot/pkg/networking/core/gateway.go`, `buildGatewayHTTPRouteConfig`; docs/istio-routing.md 1.11, 1.12.

use crate::gateways::BoundServer;
use crate::host;
use crate::matching::{GatewayPort, is_catch_all};
use crate::mesh::Mesh;
use crate::routes::route::{LeftOut, Route};
use crate::routes::{self, BuiltRoutes};
use crate::virtual_services::BoundVirtualService;

/// A route configuration: what one HTTP connection manager routes by.
#[derive(Debug)]
pub(crate) struct RouteConfig<'r> {
    /// Istio's name for it.
    pub name: String,
    /// Whether its connections come over TLS.
    pub over_tls: bool,
    /// Its virtual hosts, in order of creation.
    pub virtual_hosts: Vec<VirtualHost<'r>>,
}

/// The routes of one domain.
#[derive(Debug)]
pub(crate) struct VirtualHost<'r> {
    /// `domain:port`.
    pub name: String,
    /// One host name, lower case, perhaps with a leading `*`.
    pub domain: String,
    /// Whether Envoy redirects plain text to HTTPS before it looks at any route.
    pub requires_tls: bool,
    /// The routes, in the order in which they are tried.
    pub routes: Vec<Route<'r>>,
    /// What of its VirtualServices makes no route.
    pub left_out: Vec<LeftOut<'r>>,
}

/// Builds the route configuration that `servers` share.
pub(crate) fn build<'r>(
    servers: &[BoundServer<'_>],
    services: &[BoundVirtualService<'r>],
    mesh: &Mesh<'_>,
) -> RouteConfig<'r> {
    let mut hosts = Hosts::default();
    // Routes are made once for a Gateway and a VirtualService, with the first server's port.
    let mut made: Vec<(String, usize, BuiltRoutes<'r>)> = Vec::new();
    for server in servers {
        let gateway = server.gateway_name();
        let redirects = server.redirects_to_https();
        for (index, service) in services.iter().enumerate() {
            if !service.gateways.contains(&gateway) {
                continue;
            }
            let open = host::open_to(&server.hosts, &service.resource.meta.namespace);
            let domains = host::intersection(&open, &service.hosts);
            if domains.is_empty() {
                continue;
            }
            let known = made
                .iter()
                .position(|(name, made_for, _)| *made_for == index && *name == gateway);
            let known = known.unwrap_or_else(|| {
                let gateway_port = GatewayPort {
                    gateway: &gateway,
                    port: server.declared_port,
                };
                let built = routes::build(service, gateway_port, server.server.tls.is_some(), mesh);
                made.push((gateway.clone(), index, built));
                made.len() - 1
            });
            // A VirtualService without a route here makes no virtual host either.
            let Some((_, _, built)) = made.get(known).filter(|(_, _, it)| !it.routes.is_empty()) else {
                continue;
            };
            for domain in domains {
                let virtual_host = hosts.entry(&domain, server.declared_port);
                virtual_host.routes.extend_from_slice(&built.routes);
                virtual_host.left_out.extend_from_slice(&built.left_out);
                virtual_host.requires_tls |= redirects;
            }
        }
        if redirects {
            for domain in &server.hosts {
                hosts.entry(domain, server.declared_port).requires_tls = true;
            }
        }
    }
    let mut virtual_hosts = hosts.0;
    for virtual_host in &mut virtual_hosts {
        // What takes everything goes last, else the order stays (istio route.go, `SortVHostRoutes`).
        virtual_host
            .routes
            .sort_by_key(|route| is_catch_all(&route.conditions));
    }
    RouteConfig {
        name: servers
            .first()
            .map(|server| server.route_name.clone())
            .unwrap_or_default(),
        over_tls: servers
            .iter()
            .any(|it| it.termination == crate::protocol::Termination::Https),
        virtual_hosts,
    }
}

/// Virtual hosts by domain; letter case does not tell them apart.
#[derive(Default)]
struct Hosts<'r>(Vec<VirtualHost<'r>>);

impl<'r> Hosts<'r> {
    fn entry(&mut self, domain: &str, port: u32) -> &mut VirtualHost<'r> {
        let domain = domain.to_ascii_lowercase();
        let index = self
            .0
            .iter()
            .position(|it| it.domain == domain)
            .unwrap_or_else(|| {
                let name = format!("{domain}:{port}");
                self.0.push(VirtualHost {
                    name,
                    domain,
                    requires_tls: false,
                    routes: Vec::new(),
                    left_out: Vec::new(),
                });
                self.0.len() - 1
            });
        &mut self.0[index] // The index was found or made just above.
    }
}
