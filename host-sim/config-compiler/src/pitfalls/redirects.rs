//! Redirects that lead nowhere or to themselves.

use fingerpost_resources::{Code, Diagnostics, HttpMatchRequest, HttpRedirect, Resource, VirtualService};

use crate::attachments::Attachments;
use crate::gateways::BoundServer;
use crate::matching::{self, GatewayPort};
use crate::mesh::Mesh;
use crate::protocol::Termination;
use crate::virtual_services::BoundVirtualService;

/// Reports authorities that hold a whole URL.
pub(super) fn authorities(resource: &Resource<VirtualService>, diagnostics: &mut Diagnostics) {
    for (index, rule) in resource.spec.http.iter().enumerate() {
        let Some(redirect) = &rule.redirect else { continue };
        let Some((scheme, authority)) = redirect.authority.split_once("://") else {
            continue;
        };
        let message = format!(
            "the client would be sent to `http://{}`: an authority is a host, perhaps with a port",
            redirect.authority
        );
        diagnostics
            .warn(Code::RedirectAuthority, message)
            .on(&resource.origin, format!("spec.http[{index}].redirect.authority"))
            .help(format!(
                "write `scheme: {scheme}` and `authority: {}`",
                authority.split('/').next().unwrap_or(authority)
            ));
    }
}

/// Reports redirects that lead to the URL they answer.
pub(super) fn loops(
    service: &BoundVirtualService<'_>,
    attachments: &Attachments<'_, '_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for rule in &service.rules {
        let Some(redirect) = &rule.route.redirect else {
            continue;
        };
        let stays = |server: &&&BoundServer<'_>| {
            let gateway = server.gateway_name();
            let gateway_port = GatewayPort {
                gateway: &gateway,
                port: server.declared_port,
            };
            let takes = |request: &HttpMatchRequest| {
                is_open(request) && matching::applies(request, gateway_port, mesh.options)
            };
            (rule.matches.is_empty() || rule.matches.iter().any(|(_, it)| takes(it)))
                && leads_to_itself(redirect, server, &service.hosts)
        };
        let mut servers = attachments.of_service(service).iter();
        let Some(server) = servers.find(stays) else {
            continue;
        };
        let scheme = if server.termination == Termination::Https {
            "https"
        } else {
            "http"
        };
        let message = format!(
            "on port {} ({scheme}) this redirect leads to the URL that it answers, again and again",
            server.declared_port
        );
        let help = if redirect.scheme == "https" {
            "redirect plain HTTP only: `match: [{port: 80}]`, or `tls: {httpsRedirect: true}` in the HTTP server of the Gateway"
        } else {
            "change the host, the path or the scheme"
        };
        diagnostics
            .warn(Code::RedirectLoop, message)
            .on(&rule.leaf.origin, format!("{}.redirect", rule.path))
            .help(help);
    }
}

/// Whether a match says nothing by which the request after the redirect could differ.
fn is_open(request: &HttpMatchRequest) -> bool {
    request.scheme.is_none()
        && request.authority.is_none()
        && request.headers.is_empty()
        && request.without_headers.is_empty()
        && request.query_params.is_empty()
}

fn leads_to_itself(redirect: &HttpRedirect, server: &BoundServer<'_>, hosts: &[String]) -> bool {
    let own_scheme = match server.termination {
        Termination::PlainHttp if server.redirects_to_https() => return false,
        Termination::PlainHttp => "http",
        Termination::Https => "https",
        Termination::TlsToTcp | Termination::Passthrough | Termination::Tcp => return false,
    };
    let keeps_host = redirect.authority.is_empty() || matches!(hosts, [only] if *only == redirect.authority);
    keeps_host
        && redirect.uri.is_empty()
        && redirect.prefix_rewrite.is_empty()
        && redirect.redirect_port.is_none()
        && (redirect.scheme.is_empty() || redirect.scheme == own_scheme)
}
