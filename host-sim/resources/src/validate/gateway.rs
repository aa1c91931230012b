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

pub(super) fn check(gateway: &Gateway, cx: &mut Checker<'_>) {
    // Gateways that Istio makes from the Gateway API have dots in their names.
    let converted = cx
        .meta
        .annotations
        .get("internal.istio.io/gateway-semantics")
        .is_some_and(|it| it == "gateway");
    if !is_label(&cx.meta.name) && !converted {
        let at = Path::ROOT.field("metadata");
        let at = at.field("name");
        if cx.meta.name.is_empty() {
            cx.missing(&at, "metadata: {name: shop}");
        } else {
            let message = format!(
                "{:?} can't be the name of a Gateway: it has more than letters, digits and inner hyphens",
                cx.meta.name
            );
            cx.error(Code::BadName, &at, message);
        }
    }
    let servers = Path::SPEC.field("servers");
    if gateway.servers.is_empty() {
        cx.missing(
            &servers,
            "servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]",
        );
    }
    let mut names = BTreeSet::new();
    for (index, server) in gateway.servers.iter().enumerate() {
        let at = servers.item(index);
        check_server(server, &at, cx, converted);
        if let Some(port) = &server.port {
            if !names.insert(port.name.as_str()) && !port.name.is_empty() {
                let port_at = at.field("port");
                let message = format!("another server of this Gateway has the port name {:?}", port.name);
                cx.error(Code::Duplicate, &port_at.field("name"), message);
            }
            let redirects = server
                .tls
                .as_ref()
                .is_some_and(|it| it.https_redirect == Some(true));
            if redirects && !is_http(&port.protocol) {
                let tls = at.field("tls");
                cx.warn(
                    Code::NoEffect,
                    &tls.field("httpsRedirect"),
                    "httpsRedirect is for servers that speak HTTP",
                );
            }
        }
    }
}

fn check_server(server: &Server, path: &Path<'_>, cx: &mut Checker<'_>, converted: bool) {
    let hosts = path.field("hosts");
    if server.hosts.is_empty() {
        cx.missing(&hosts, "hosts: ['shop.example.com']");
    }
    for (index, host) in server.hosts.iter().enumerate() {
        check_server_host(host, &hosts.item(index), cx, converted);
    }
    let port_fits = check_port(server, path, cx);
    check_bind(server, path, cx);
    if let Some(tls) = &server.tls {
        server_tls::check(tls, &path.field("tls"), cx);
    }
    if let Some(port) = server.port.as_ref().filter(|_| port_fits) {
        server_tls::check_fits_protocol(server, port, &path.field("tls"), cx);
    }
}

fn check_server_host(host: &str, path: &Path<'_>, cx: &mut Checker<'_>, converted: bool) {
    let name = match host.split_once('/') {
        Some((namespace, name)) => {
            let hides = namespace == "~" && converted;
            if namespace.is_empty() || name.is_empty() {
                cx.error(
                    Code::BadHost,
                    path,
                    format!("{host:?}: namespace and host can't be empty"),
                )
                .help("write `namespace/host`, `./host` or `*/host`");
            } else if !matches!(namespace, "*" | ".") && !is_label(namespace) && !hides {
                cx.error(
                    Code::BadHost,
                    path,
                    format!("{namespace:?} in {host:?} is not a namespace"),
                );
            }
            name
        }
        None => host,
    };
    if name.is_empty() {
        if !host.contains('/') {
            cx.error(Code::BadHost, path, "a host can't be empty")
                .help("write `*` for all hosts");
        }
        return;
    }
    if let Err(reason) = check_wildcard_domain(name)
        && !is_address(name)
    {
        cx.error(Code::BadHost, path, reason);
    } else if is_address(name) && !name.contains('.') {
        // Istio takes it for a short name: validateSidecarOrGatewayHostnamePart.
        cx.error(
            Code::BadHost,
            path,
            format!("{name:?} is an IPv6 address: Istio refuses it as a host here"),
        );
    } else if name != "*" && !name.contains('.') {
        let message = format!("{name:?} is a short name: hosts of a Gateway are written in full");
        cx.error(Code::BadHost, path, message).help(format!(
            "for example {name}.example.com, or {name}.default.svc.cluster.local"
        ));
    } else if name.contains('*') && name.len() != 1 && !name.starts_with("*.") {
        let message = format!("{name:?}: a `*` must be a whole label");
        cx.error(Code::BadHost, path, message)
            .help("write for example `*.example.com`");
    }
}

fn check_port(server: &Server, path: &Path<'_>, cx: &mut Checker<'_>) -> bool {
    let path = path.field("port");
    let Some(port) = &server.port else {
        cx.missing(&path, "port: {number: 80, name: http, protocol: HTTP}");
        return false;
    };
    let mut fits = true;
    if port.protocol.is_empty() {
        cx.missing(&path.field("protocol"), "protocol: HTTP");
        fits = false;
    } else if !is_protocol(&port.protocol) {
        let known = [
            "HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTPS", "TLS", "TCP", "MONGO", "REDIS", "MYSQL",
        ];
        cx.error(
            Code::BadProtocol,
            &path.field("protocol"),
            format!("{:?} is not a protocol that Istio knows", port.protocol),
        )
        .help(format!("use one of {}", crate::decode::name_list(&known, "or")));
        fits = false;
    }
    let on_unix = server.bind.starts_with("unix://");
    match port.number {
        None | Some(0) if on_unix => {}
        None => {
            cx.missing(&path.field("number"), "number: 80");
            fits = false;
        }
        Some(number) => {
            cx.port(number, &path.field("number"));
            fits &= (1..=65535).contains(&number);
        }
    }
    if port.target_port.is_some_and(|it| it > 0) {
        cx.error(
            Code::NoEffect,
            &path.field("targetPort"),
            "targetPort does nothing in a Gateway and is refused",
        )
        .help("remove it: the Service of the gateway maps its ports");
        fits = false;
    }
    if port.name.is_empty() {
        cx.missing(&path.field("name"), "name: http");
        fits = false;
    }
    fits
}

fn check_bind(server: &Server, field: &Path<'_>, cx: &mut Checker<'_>) {
    let bind = field.field("bind");
    if let Some(path) = server.bind.strip_prefix("unix://") {
        check_unix_path(path, &bind, cx);
        if let Some(number) = server
            .port
            .as_ref()
            .and_then(|it| it.number)
            .filter(|it| *it != 0)
        {
            let port = field.field("port");
            cx.error(
                Code::Conflict,
                &port.field("number"),
                format!("a server on a Unix socket has no port, not {number}"),
            )
            .help("remove the number, or the bind");
        }
    } else if !server.bind.is_empty() && !is_address(&server.bind) {
        cx.error(
            Code::BadAddress,
            &bind,
            format!("{:?} is not an IP address", server.bind),
        )
        .help("write an address such as 10.0.0.1, or unix:///path/of/socket");
    }
}

/// The path of a Unix socket, or `@name` of an abstract one.
pub(super) fn check_unix_path(path: &str, field: &Path<'_>, cx: &mut Checker<'_>) {
    if path.is_empty() {
        cx.error(
            Code::BadAddress,
            field,
            "the path of a Unix socket can't be empty",
        )
        .help("write unix:///path/of/socket");
    } else if !path.starts_with('@') && (!path.starts_with('/') || path.ends_with('/')) {
        let message = format!("{path:?} is not the absolute path of a file");
        cx.error(Code::BadAddress, field, message)
            .help("write unix:///path/of/socket");
    }
}
