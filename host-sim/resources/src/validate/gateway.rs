//! Gateway: servers, their ports and hosts.

use crate::code::Code;
use std::collections::BTreeSet;

use super::Checker;
use super::names::{check_wildcard_domain, is_address, is_label};
use super::path::Path;
use super::server_tls;
use crate::gateway::{Gateway, Server};

/// Protocol names, in lower case.
pub(super) fn is_protocol(name: &str) -> bool {
    const TCP: [&str; 5] = ["tcp", "udp", "mongo", "redis", "mysql"];
    let name = name.to_ascii_lowercase();
    is_http(&name) || is_tls(&name) || TCP.contains(&name.as_str())
}

pub(super) fn is_http(protocol: &str) -> bool {
    ["http", "http2", "grpc", "grpc-web", "http_proxy"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(protocol))
}

pub(super) fn is_tls(protocol: &str) -> bool {
    ["https", "tls"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(protocol))
}

pub(super) fn check(gateway: &Gateway, to: &mut Checker<'_>) {
    // Gateways that Istio makes from the Gateway API have dots in their names.
    let converted = to
        .meta
        .annotations
        .get("internal.istio.io/gateway-semantics")
        .is_some_and(|it| it == "gateway");
    if !is_label(&to.meta.name) && !converted {
        let at = Path::ROOT.field("metadata");
        let at = at.field("name");
        if to.meta.name.is_empty() {
            to.missing(&at, "metadata: {name: shop}");
        } else {
            let message = format!(
                "{:?} can't be the name of a Gateway: it has more than letters, digits and inner hyphens",
                to.meta.name
            );
            to.error(Code::BadName, &at, message);
        }
    }
    let servers = Path::SPEC.field("servers");
    if gateway.servers.is_empty() {
        to.missing(
            &servers,
            "servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]",
        );
    }
    let mut names = BTreeSet::new();
    for (index, server) in gateway.servers.iter().enumerate() {
        let at = servers.item(index);
        check_server(server, &at, to, converted);
        if let Some(port) = &server.port {
            if !names.insert(port.name.as_str()) && !port.name.is_empty() {
                let port_at = at.field("port");
                let message = format!("another server of this Gateway has the port name {:?}", port.name);
                to.error(Code::Duplicate, &port_at.field("name"), message);
            }
            let redirects = server
                .tls
                .as_ref()
                .is_some_and(|it| it.https_redirect == Some(true));
            if redirects && !is_http(&port.protocol) {
                let tls = at.field("tls");
                to.warn(
                    Code::NoEffect,
                    &tls.field("httpsRedirect"),
                    "httpsRedirect is for servers that speak HTTP",
                );
            }
        }
    }
}

fn check_server(server: &Server, at: &Path<'_>, to: &mut Checker<'_>, converted: bool) {
    let hosts = at.field("hosts");
    if server.hosts.is_empty() {
        to.missing(&hosts, "hosts: ['shop.example.com']");
    }
    for (index, host) in server.hosts.iter().enumerate() {
        check_server_host(host, &hosts.item(index), to, converted);
    }
    let port_fits = check_port(server, at, to);
    check_bind(server, at, to);
    if let Some(tls) = &server.tls {
        server_tls::check(tls, &at.field("tls"), to);
    }
    if let Some(port) = server.port.as_ref().filter(|_| port_fits) {
        server_tls::check_fits_protocol(server, port, &at.field("tls"), to);
    }
}

fn check_server_host(host: &str, at: &Path<'_>, to: &mut Checker<'_>, converted: bool) {
    let name = match host.split_once('/') {
        Some((namespace, name)) => {
            let hides = namespace == "~" && converted;
            if namespace.is_empty() || name.is_empty() {
                to.error(
                    Code::BadHost,
                    at,
                    format!("{host:?}: namespace and host can't be empty"),
                )
                .help("write `namespace/host`, `./host` or `*/host`");
            } else if !matches!(namespace, "*" | ".") && !is_label(namespace) && !hides {
                to.error(
                    Code::BadHost,
                    at,
                    format!("{namespace:?} in {host:?} is not a namespace"),
                );
            }
            name
        }
        None => host,
    };
    if name.is_empty() {
        if !host.contains('/') {
            to.error(Code::BadHost, at, "a host can't be empty")
                .help("write `*` for all hosts");
        }
        return;
    }
    if let Err(reason) = check_wildcard_domain(name)
        && !is_address(name)
    {
        to.error(Code::BadHost, at, reason);
    } else if is_address(name) && !name.contains('.') {
        // Istio takes it for a short name: validateSidecarOrGatewayHostnamePart.
        to.error(
            Code::BadHost,
            at,
            format!("{name:?} is an IPv6 address: Istio refuses it as a host here"),
        );
    } else if name != "*" && !name.contains('.') {
        let message = format!("{name:?} is a short name: hosts of a Gateway are written in full");
        to.error(Code::BadHost, at, message).help(format!(
            "for example {name}.example.com, or {name}.default.svc.cluster.local"
        ));
    } else if name.contains('*') && name.len() != 1 && !name.starts_with("*.") {
        let message = format!("{name:?}: a `*` must be a whole label");
        to.error(Code::BadHost, at, message)
            .help("write for example `*.example.com`");
    }
}

fn check_port(server: &Server, at: &Path<'_>, to: &mut Checker<'_>) -> bool {
    let at = at.field("port");
    let Some(port) = &server.port else {
        to.missing(&at, "port: {number: 80, name: http, protocol: HTTP}");
        return false;
    };
    let mut fits = true;
    if port.protocol.is_empty() {
        to.missing(&at.field("protocol"), "protocol: HTTP");
        fits = false;
    } else if !is_protocol(&port.protocol) {
        let known = [
            "HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTPS", "TLS", "TCP", "MONGO", "REDIS", "MYSQL",
        ];
        to.error(
            Code::BadProtocol,
            &at.field("protocol"),
            format!("{:?} is not a protocol that Istio knows", port.protocol),
        )
        .help(format!("use one of {}", crate::decode::name_list(&known, "or")));
        fits = false;
    }
    let on_unix = server.bind.starts_with("unix://");
    match port.number {
        None | Some(0) if on_unix => {}
        None => {
            to.missing(&at.field("number"), "number: 80");
            fits = false;
        }
        Some(number) => {
            to.port(number, &at.field("number"));
            fits &= (1..=65535).contains(&number);
        }
    }
    if port.target_port.is_some_and(|it| it > 0) {
        to.error(
            Code::NoEffect,
            &at.field("targetPort"),
            "targetPort does nothing in a Gateway and is refused",
        )
        .help("remove it: the Service of the gateway maps its ports");
        fits = false;
    }
    if port.name.is_empty() {
        to.missing(&at.field("name"), "name: http");
        fits = false;
    }
    fits
}

fn check_bind(server: &Server, at: &Path<'_>, to: &mut Checker<'_>) {
    let bind = at.field("bind");
    if let Some(path) = server.bind.strip_prefix("unix://") {
        check_unix_path(path, &bind, to);
        if let Some(number) = server
            .port
            .as_ref()
            .and_then(|it| it.number)
            .filter(|it| *it != 0)
        {
            let port = at.field("port");
            to.error(
                Code::Conflict,
                &port.field("number"),
                format!("a server on a Unix socket has no port, not {number}"),
            )
            .help("remove the number, or the bind");
        }
    } else if !server.bind.is_empty() && !is_address(&server.bind) {
        to.error(
            Code::BadAddress,
            &bind,
            format!("{:?} is not an IP address", server.bind),
        )
        .help("write an address such as 10.0.0.1, or unix:///path/of/socket");
    }
}

/// The path of a Unix socket, or `@name` of an abstract one.
pub(super) fn check_unix_path(path: &str, at: &Path<'_>, to: &mut Checker<'_>) {
    if path.is_empty() {
        to.error(Code::BadAddress, at, "the path of a Unix socket can't be empty")
            .help("write unix:///path/of/socket");
    } else if !path.starts_with('@') && (!path.starts_with('/') || path.ends_with('/')) {
        let message = format!("{path:?} is not the absolute path of a file");
        to.error(Code::BadAddress, at, message)
            .help("write unix:///path/of/socket");
    }
}
