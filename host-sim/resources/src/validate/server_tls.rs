//! TLS of the servers of a Gateway.

use std::collections::BTreeSet;

use super::Checker;
use super::gateway::{is_http, is_tls};
use super::path::Path;
use crate::gateway::{Port, Server, ServerTlsMode, ServerTlsSettings, TlsProtocol};

/// Whether a server has TLS where its protocol wants it, and only there.
pub(super) fn check_fits_protocol(server: &Server, port: &Port, at: &Path<'_>, to: &mut Checker<'_>) {
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

pub(super) fn check(tls: &ServerTlsSettings, at: &Path<'_>, to: &mut Checker<'_>) {
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
