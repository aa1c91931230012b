//! TLS of the servers of a Gateway.

use crate::code::Code;
use std::collections::BTreeSet;

use super::Checker;
use super::gateway::{is_http, is_tls};
use super::path::Path;
use super::pem;
use crate::gateway::{Port, Server, ServerTlsMode, ServerTlsSettings, TlsProtocol, is_known_cipher_suite};

/// Whether a server has TLS where its protocol wants it, and only there.
pub(super) fn check_fits_protocol(server: &Server, port: &Port, path: &Path<'_>, cx: &mut Checker<'_>) {
    match &server.tls {
        None if is_tls(&port.protocol) => {
            cx.missing(path, "tls: {mode: SIMPLE, credentialName: shop-cert}");
        }
        Some(tls) if is_http(&port.protocol) => {
            let files = [&tls.ca_certificates, &tls.private_key, &tls.server_certificate];
            if !passes_through(tls) || files.iter().any(|it| !it.is_empty()) {
                let message = format!(
                    "a server that speaks {} has no TLS but httpsRedirect",
                    port.protocol
                );
                cx.error(Code::Conflict, path, message)
                    .help("write `protocol: HTTPS` to serve TLS");
            }
        }
        Some(_) if !is_tls(&port.protocol) => {
            let message = format!("a server that speaks {} has no TLS", port.protocol);
            cx.error(Code::Conflict, path, message)
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

pub(super) fn check(tls: &ServerTlsSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    pem::check_server(tls, path, cx);
    if matches!(
        tls.min_protocol_version,
        Some(TlsProtocol::V1_0 | TlsProtocol::V1_1)
    ) && tls.cipher_suites.is_empty()
    {
        let message = "TLS below 1.2 needs cipherSuites: none of the default ones works with it";
        cx.warn(Code::NoEffect, &path.field("minProtocolVersion"), message);
    }
    check_ciphers(tls, &path.field("cipherSuites"), cx);
    let is_unread = |field: &str| cx.origin.is_unread(&path.field(field).to_string());
    if ["mode", "credentialName", "credentialNames"]
        .into_iter()
        .any(is_unread)
    {
        return; // the rest depends on them
    }
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
            cx.error(
                Code::Conflict,
                &path.field(name),
                format!("ISTIO_MUTUAL does not use {name}: Istio provides the certificates"),
            );
        }
        return;
    }
    check_effects(tls, path, cx);
    check_authorities_of_certificates(tls, path, cx);
    check_one_source(tls, path, cx);
    let by_name = !tls.credential_name.is_empty() || !tls.credential_names.is_empty();
    if by_name && !passes_through(tls) {
        return;
    }
    if !passes_through(tls) {
        check_certificates(tls, path, cx);
    }
    if !tls.ca_crl.is_empty() {
        if !tls.credential_name.is_empty() {
            cx.error(
                Code::Conflict,
                &path.field("caCrl"),
                "with credentialName, the revocation list belongs into that secret",
            );
        }
        if mode(tls) == ServerTlsMode::Simple {
            cx.error(
                Code::Conflict,
                &path.field("caCrl"),
                "SIMPLE requests no client certificate, so caCrl has no effect",
            );
        }
    }
}

fn names_a_credential(tls: &ServerTlsSettings) -> bool {
    !tls.credential_name.is_empty() || !tls.credential_names.is_empty()
}

/// Settings that Istio accepts and does not act on.
fn check_effects(tls: &ServerTlsSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    let mode = mode(tls);
    for (field, needs) in settings(tls) {
        let Some(reason) = needs.missing(tls) else {
            continue;
        };
        if field == "subjectAltNames" && mode == ServerTlsMode::Simple && names_a_credential(tls) {
            continue; // Istio sends the names without an authority, and Envoy refuses that: an error of the compiler
        }
        let finding = cx.warn(
            Code::NoEffect,
            &path.field(field),
            format!("{field} does nothing: {reason}"),
        );
        if tls.mode.is_none() && tls.https_redirect != Some(true) {
            finding.help("write `mode: SIMPLE` to serve TLS: without a mode it is PASSTHROUGH");
        } else if matches!(mode, ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual) {
            match needs {
                Needs::ClientsByCredential => {
                    finding.help(
                        "Istio acts on it only with a credentialName: clients are not restricted by it",
                    );
                }
                Needs::ClientsByFile if field == "caCrl" => {
                    finding.help("put the revocation list into the Secret that holds ca.crt, as ca.crl");
                }
                Needs::ClientsByFile | Needs::Certificates | Needs::Clients | Needs::Handshake => {}
            }
        }
    }
}

/// Clients are judged by the authorities of the server, never by those of one of its certificates.
fn check_authorities_of_certificates(tls: &ServerTlsSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    let certificates = path.field("tlsCertificates");
    for (index, it) in tls.tls_certificates.iter().enumerate() {
        if !it.ca_certificates.is_empty() {
            let path = certificates.item(index);
            cx.warn(
                Code::NoEffect,
                &path.field("caCertificates"),
                "caCertificates does nothing here",
            )
            .help("write `tls.caCertificates`: it is for all certificates of the server");
        }
    }
}

/// What a setting needs to have an effect (istio `pilot/pkg/security/model/authentication.go`).
#[derive(Clone, Copy)]
enum Needs {
    /// A server that shows a certificate.
    Certificates,
    /// A server that ends TLS.
    Handshake,
    /// A server that asks clients for a certificate.
    Clients,
    /// The same, with a credential.
    ClientsByCredential,
    /// The same, with files.
    ClientsByFile,
}

impl Needs {
    /// Why a server has not what is needed.
    fn missing(self, tls: &ServerTlsSettings) -> Option<String> {
        let mode = mode(tls);
        if passes_through(tls) {
            return Some(match self {
                Self::Certificates => format!("{} does not use certificates", mode.as_str()),
                _ => format!("{} does not end TLS", mode.as_str()),
            });
        }
        let asks = matches!(mode, ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual);
        let by_name = !tls.credential_name.is_empty() || !tls.credential_names.is_empty();
        match self {
            Self::Certificates | Self::Handshake => None,
            Self::Clients | Self::ClientsByCredential | Self::ClientsByFile if !asks => {
                Some(format!("{} asks clients for no certificate", mode.as_str()))
            }
            Self::ClientsByCredential if !by_name => Some("the certificates come from files".to_owned()),
            Self::ClientsByFile if by_name => Some("the certificates come from a credential".to_owned()),
            Self::Clients | Self::ClientsByCredential | Self::ClientsByFile => None,
        }
    }
}

/// The settings that are given.
fn settings(tls: &ServerTlsSettings) -> impl Iterator<Item = (&'static str, Needs)> {
    let set = |text: &String| !text.is_empty();
    let settings = [
        (
            "serverCertificate",
            set(&tls.server_certificate),
            Needs::Certificates,
        ),
        ("privateKey", set(&tls.private_key), Needs::Certificates),
        (
            "tlsCertificates",
            !tls.tls_certificates.is_empty(),
            Needs::Certificates,
        ),
        ("credentialName", set(&tls.credential_name), Needs::Certificates),
        (
            "credentialNames",
            !tls.credential_names.is_empty(),
            Needs::Certificates,
        ),
        ("caCertificates", set(&tls.ca_certificates), Needs::ClientsByFile),
        ("caCrl", set(&tls.ca_crl), Needs::ClientsByFile),
        (
            "caCertCredentialName",
            set(&tls.ca_cert_credential_name),
            Needs::ClientsByCredential,
        ),
        (
            "subjectAltNames",
            !tls.subject_alt_names.is_empty(),
            Needs::Clients,
        ),
        (
            "verifyCertificateSpki",
            !tls.verify_certificate_spki.is_empty(),
            Needs::ClientsByCredential,
        ),
        (
            "verifyCertificateHash",
            !tls.verify_certificate_hash.is_empty(),
            Needs::ClientsByCredential,
        ),
        (
            "insecureSkipVerify",
            tls.insecure_skip_verify == Some(true),
            Needs::Clients,
        ),
        (
            "minProtocolVersion",
            tls.min_protocol_version.is_some(),
            Needs::Handshake,
        ),
        (
            "maxProtocolVersion",
            tls.max_protocol_version.is_some(),
            Needs::Handshake,
        ),
        ("cipherSuites", !tls.cipher_suites.is_empty(), Needs::Handshake),
        ("ecdhCurves", !tls.ecdh_curves.is_empty(), Needs::Handshake),
    ];
    settings
        .into_iter()
        .filter(|(_, given, _)| *given)
        .map(|(name, _, needs)| (name, needs))
}

fn check_one_source(tls: &ServerTlsSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
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
        cx.error(Code::Conflict, path, message);
    }
}

fn check_certificates(tls: &ServerTlsSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    if matches!(mode(tls), ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual)
        && tls.ca_certificates.is_empty()
    {
        let message = format!(
            "{} needs caCertificates to check the clients by",
            mode(tls).as_str()
        );
        cx.error(Code::MissingField, &path.field("caCertificates"), message)
            .help("set it, or a credentialName whose secret holds ca.crt");
    }
    let certificates = path.field("tlsCertificates");
    if tls.tls_certificates.len() > 2 {
        let message = format!(
            "at most 2 certificates are used, here are {}",
            tls.tls_certificates.len()
        );
        cx.warn(Code::TooMany, &certificates, message);
    }
    let mut check = |certificate: &str, key: &str, at: &Path<'_>| {
        for (name, value) in [("serverCertificate", certificate), ("privateKey", key)] {
            if value.is_empty() {
                cx.error(
                    Code::MissingField,
                    &at.field(name),
                    format!("{} needs a {name}", mode(tls).as_str()),
                )
                .help("set it, or a credentialName");
            }
        }
    };
    if tls.tls_certificates.is_empty() {
        check(&tls.server_certificate, &tls.private_key, path);
    }
    for (index, it) in tls.tls_certificates.iter().enumerate() {
        check(&it.server_certificate, &it.private_key, &certificates.item(index));
    }
}

/// The suites of TLS 1.3, by the names of RFC 8446, B.4.
const TLS_1_3_SUITES: [&str; 5] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
];

fn check_ciphers(tls: &ServerTlsSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    let mut seen = BTreeSet::new();
    for (index, name) in tls.cipher_suites.iter().enumerate() {
        if TLS_1_3_SUITES.contains(&name.as_str()) {
            let message = format!(
                "{name:?} is a cipher suite of TLS 1.3, which Envoy does not let one choose: it is left out"
            );
            cx.warn(Code::UnknownCipher, &path.item(index), message)
                .help("TLS 1.3 always has all of its suites; `maxProtocolVersion: TLSV1_2` turns it off");
        } else if !is_known_cipher_suite(name) {
            cx.warn(
                Code::UnknownCipher,
                &path.item(index),
                format!("{name:?} is not a known cipher suite and is left out"),
            );
        } else if !seen.insert(name) {
            cx.warn(
                Code::Duplicate,
                &path.item(index),
                format!("{name:?} is listed already"),
            );
        }
    }
}
