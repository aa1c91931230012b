//! Gateway: servers, their ports and hosts, and TLS.

use std::collections::BTreeSet;

use super::Checker;
use super::names::{check_wildcard_domain, is_address, is_label};
use super::path::Path;
use crate::gateway::{Gateway, Port, Server, ServerTlsMode, ServerTlsSettings, TlsProtocol};

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
            to.error("bad-name", &at, message);
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
                to.error("duplicate", &port_at.field("name"), message);
            }
            let redirects = server
                .tls
                .as_ref()
                .is_some_and(|it| it.https_redirect == Some(true));
            if redirects && !is_http(&port.protocol) {
                let tls = at.field("tls");
                to.warn(
                    "no-effect",
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
        check_tls(tls, &at.field("tls"), to);
    }
    if let Some(port) = server.port.as_ref().filter(|_| port_fits) {
        check_tls_fits_protocol(server, port, &at.field("tls"), to);
    }
}

fn check_server_host(host: &str, at: &Path<'_>, to: &mut Checker<'_>, converted: bool) {
    let name = match host.split_once('/') {
        Some((namespace, name)) => {
            let hides = namespace == "~" && converted;
            if namespace.is_empty() || name.is_empty() {
                to.error(
                    "bad-host",
                    at,
                    format!("{host:?}: namespace and host can't be empty"),
                )
                .help("write `namespace/host`, `./host` or `*/host`");
            } else if !matches!(namespace, "*" | ".") && !is_label(namespace) && !hides {
                to.error(
                    "bad-host",
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
            to.error("bad-host", at, "a host can't be empty")
                .help("write `*` for all hosts");
        }
        return;
    }
    if let Err(reason) = check_wildcard_domain(name)
        && !is_address(name)
    {
        to.error("bad-host", at, reason);
    } else if name != "*" && !name.contains('.') && !is_address(name) {
        let message = format!("{name:?} is a short name: hosts of a Gateway are written in full");
        to.error("bad-host", at, message).help(format!(
            "for example {name}.example.com, or {name}.default.svc.cluster.local"
        ));
    } else if name.contains('*') && name.len() != 1 && !name.starts_with("*.") {
        let message = format!("{name:?}: a `*` must be a whole label");
        to.error("bad-host", at, message)
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
            "bad-protocol",
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
            "no-effect",
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
                "conflict",
                &port.field("number"),
                format!("a server on a Unix socket has no port, not {number}"),
            )
            .help("remove the number, or the bind");
        }
    } else if !server.bind.is_empty() && !is_address(&server.bind) {
        to.error(
            "bad-address",
            &bind,
            format!("{:?} is not an IP address", server.bind),
        )
        .help("write an address such as 10.0.0.1, or unix:///path/of/socket");
    }
}

/// The path of a Unix socket, or `@name` of an abstract one.
pub(super) fn check_unix_path(path: &str, at: &Path<'_>, to: &mut Checker<'_>) {
    if path.is_empty() {
        to.error("bad-address", at, "the path of a Unix socket can't be empty")
            .help("write unix:///path/of/socket");
    } else if !path.starts_with('@') && (!path.starts_with('/') || path.ends_with('/')) {
        let message = format!("{path:?} is not the absolute path of a file");
        to.error("bad-address", at, message)
            .help("write unix:///path/of/socket");
    }
}

fn check_tls_fits_protocol(server: &Server, port: &Port, at: &Path<'_>, to: &mut Checker<'_>) {
    match &server.tls {
        None if is_tls(&port.protocol) => {
            to.missing(at, "tls: {mode: SIMPLE, credentialName: shop-cert}");
        }
        Some(tls) if is_http(&port.protocol) => {
            let files = [&tls.ca_certificates, &tls.private_key, &tls.server_certificate];
            if !passes_through(tls) || files.iter().any(|it| !it.is_empty()) {
                let message = format!(
                    "a server that speaks {} has no TLS but httpsRedirect",
                    port.protocol
                );
                to.error("conflict", at, message)
                    .help("write `protocol: HTTPS` to serve TLS");
            }
        }
        Some(_) if !is_tls(&port.protocol) => {
            let message = format!("a server that speaks {} has no TLS", port.protocol);
            to.error("conflict", at, message)
                .help("write `protocol: TLS` to serve TLS");
        }
        None | Some(_) => {}
    }
}

fn passes_through(tls: &ServerTlsSettings) -> bool {
    matches!(
        mode(tls),
        ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough
    )
}

fn mode(tls: &ServerTlsSettings) -> ServerTlsMode {
    tls.mode.unwrap_or(ServerTlsMode::Passthrough)
}

fn check_tls(tls: &ServerTlsSettings, at: &Path<'_>, to: &mut Checker<'_>) {
    if matches!(
        tls.min_protocol_version,
        Some(TlsProtocol::V1_0 | TlsProtocol::V1_1)
    ) && tls.cipher_suites.is_empty()
    {
        let message = "TLS below 1.2 needs cipherSuites: none of the default ones works with it";
        to.warn("no-effect", &at.field("minProtocolVersion"), message);
    }
    check_ciphers(tls, &at.field("cipherSuites"), to);
    let sources = [
        ("serverCertificate", !tls.server_certificate.is_empty()),
        ("privateKey", !tls.private_key.is_empty()),
        ("caCertificates", !tls.ca_certificates.is_empty()),
        ("tlsCertificates", !tls.tls_certificates.is_empty()),
        ("credentialName", !tls.credential_name.is_empty()),
        ("credentialNames", !tls.credential_names.is_empty()),
        ("caCrl", !tls.ca_crl.is_empty()),
    ];
    let given = || sources.iter().filter(|(_, given)| *given).map(|(name, _)| *name);
    if mode(tls) == ServerTlsMode::IstioMutual {
        for name in given().filter(|it| *it != "caCrl") {
            to.error(
                "conflict",
                &at.field(name),
                format!("with ISTIO_MUTUAL there is no {name}: Istio brings the certificates"),
            );
        }
        return;
    }
    if passes_through(tls) {
        for name in given() {
            let message = format!(
                "{} does not use certificates: {name} does nothing",
                mode(tls).as_str()
            );
            let finding = to.warn("no-effect", &at.field(name), message);
            if tls.mode.is_none() {
                finding.help("write `mode: SIMPLE` to serve TLS: without a mode it is PASSTHROUGH");
            }
        }
    }
    check_one_source(tls, at, to);
    let by_name = !tls.credential_name.is_empty() || !tls.credential_names.is_empty();
    if by_name && !passes_through(tls) {
        return;
    }
    if !passes_through(tls) {
        check_certificates(tls, at, to);
    }
    if !tls.ca_crl.is_empty() {
        if !tls.credential_name.is_empty() {
            to.error(
                "conflict",
                &at.field("caCrl"),
                "with credentialName, the revocation list belongs into that secret",
            );
        }
        if mode(tls) == ServerTlsMode::Simple {
            to.error(
                "conflict",
                &at.field("caCrl"),
                "with SIMPLE no client certificate is asked for: caCrl has no use",
            );
        }
    }
}

fn check_one_source(tls: &ServerTlsSettings, at: &Path<'_>, to: &mut Checker<'_>) {
    let sources = [
        (
            "serverCertificate",
            !tls.server_certificate.is_empty() && !tls.private_key.is_empty(),
        ),
        ("credentialName", !tls.credential_name.is_empty()),
        ("credentialNames", !tls.credential_names.is_empty()),
        ("tlsCertificates", !tls.tls_certificates.is_empty()),
    ];
    let given: Vec<_> = sources
        .iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| *name)
        .collect();
    if given.len() > 1 {
        let message = format!(
            "only one of {} can be set",
            crate::decode::name_list(&given, "and")
        );
        to.error("conflict", at, message);
    }
}

fn check_certificates(tls: &ServerTlsSettings, at: &Path<'_>, to: &mut Checker<'_>) {
    if matches!(mode(tls), ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual)
        && tls.ca_certificates.is_empty()
    {
        let message = format!(
            "{} needs caCertificates to check the clients by",
            mode(tls).as_str()
        );
        to.error("missing-field", &at.field("caCertificates"), message)
            .help("set it, or a credentialName whose secret holds ca.crt");
    }
    let certificates = at.field("tlsCertificates");
    if tls.tls_certificates.len() > 2 {
        let message = format!(
            "at most 2 certificates are used, here are {}",
            tls.tls_certificates.len()
        );
        to.warn("too-many", &certificates, message);
    }
    let mut check = |certificate: &str, key: &str, at: &Path<'_>| {
        for (name, value) in [("serverCertificate", certificate), ("privateKey", key)] {
            if value.is_empty() {
                to.error(
                    "missing-field",
                    &at.field(name),
                    format!("{} needs a {name}", mode(tls).as_str()),
                )
                .help("set it, or a credentialName");
            }
        }
    };
    if tls.tls_certificates.is_empty() {
        check(&tls.server_certificate, &tls.private_key, at);
    }
    for (index, it) in tls.tls_certificates.iter().enumerate() {
        check(&it.server_certificate, &it.private_key, &certificates.item(index));
    }
}

fn check_ciphers(tls: &ServerTlsSettings, at: &Path<'_>, to: &mut Checker<'_>) {
    // istio pkg/config/security: what BoringSSL knows; operators such as `-ALL` pass unseen.
    const KNOWN: [&str; 15] = [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA",
        "ECDHE-RSA-AES256-SHA",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-SHA",
        "AES256-SHA",
        "DES-CBC3-SHA",
    ];
    let mut seen = BTreeSet::new();
    for (index, name) in tls.cipher_suites.iter().enumerate() {
        let is_operator = name.starts_with(|it: char| !it.is_alphanumeric());
        if !name.is_empty() && name != "ALL" && !is_operator && !KNOWN.contains(&name.as_str()) {
            to.warn(
                "unknown-cipher",
                &at.item(index),
                format!("{name:?} is not a known cipher suite and is left out"),
            );
        } else if !seen.insert(name) {
            to.warn(
                "duplicate",
                &at.item(index),
                format!("{name:?} is listed already"),
            );
        }
    }
}
