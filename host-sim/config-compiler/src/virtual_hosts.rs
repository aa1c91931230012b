//! The virtual hosts of one route configuration.
//!
//! Decides which VirtualService contributes to which domain, in which order the routes are tried, and
//! where plain text is redirected to HTTPS.
//! Source: istio `pilot/pkg/networking/core/gateway.go`, `buildGatewayHTTPRouteConfig`; docs/istio-routing.md 1.11, 1.12.

use std::collections::HashMap;
use std::rc::Rc;

use crate::attachments::Attachments;
use crate::gateways::BoundServer;
use crate::matching::{GatewayPort, is_catch_all};
use crate::mesh::Mesh;
use crate::routes::route::{LeftOut, Route};
use crate::routes::{self, BuiltRoutes};

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
    pub routes: Vec<Rc<Route<'r>>>,
    /// What of its VirtualServices makes no route.
    pub left_out: Vec<Rc<LeftOut<'r>>>,
}

/// Builds the route configuration that `servers` share.
pub(crate) fn build<'r>(
    servers: &[BoundServer<'_>],
    attachments: &Attachments<'_, 'r>,
    mesh: &Mesh<'_>,
) -> RouteConfig<'r> {
    let mut hosts = Hosts::default();
    // Routes are made once for a Gateway and a VirtualService, with the first server's port.
    let mut made: HashMap<(String, usize), BuiltRoutes<'r>> = HashMap::new();
    for server in servers {
        let gateway = server.gateway_name();
        let redirects = server.redirects_to_https();
        for attached in attachments.of_server(server) {
            let service = attached.service;
            let built = made.entry((gateway.clone(), service.place)).or_insert_with(|| {
                let gateway_port = GatewayPort {
                    gateway: &gateway,
                    port: server.declared_port,
                };
                routes::build(service, gateway_port, server.server.tls.is_some(), mesh)
            });
            // A VirtualService without a route here makes no virtual host either.
            if built.routes.is_empty() {
                continue;
            }
            for domain in attached.domains {
                let virtual_host = hosts.entry(domain, server.declared_port);
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
    let mut virtual_hosts = hosts.list;
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
struct Hosts<'r> {
    list: Vec<VirtualHost<'r>>,
    places: HashMap<String, usize>,
}

impl<'r> Hosts<'r> {
    fn entry(&mut self, domain: &str, port: u32) -> &mut VirtualHost<'r> {
        let domain = domain.to_ascii_lowercase();
        let next = self.list.len();
        let place = *self.places.entry(domain.clone()).or_insert(next);
        if place == next {
            self.list.push(VirtualHost {
                name: format!("{domain}:{port}"),
                domain,
                requires_tls: false,
                routes: Vec::new(),
                left_out: Vec::new(),
            });
        }
        &mut self.list[place] // It was found or made just above.
    }
}
