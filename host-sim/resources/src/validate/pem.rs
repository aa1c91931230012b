//! Whether a field that takes the path or the name of a certificate or key has the certificate or key itself.
//!
//! Istio accepts such text as the path of a file. Envoy refuses to start without that file. The message shows nothing of
//! the text, which can be a private key; `confidential` keeps the source line from being shown.

use super::Checker;
use super::path::Path;
use crate::code::Code;
use crate::confidential::holds_pem;
use crate::destination_rule::ClientTlsSettings;
use crate::gateway::ServerTlsSettings;

/// For a server of a Gateway.
pub(super) fn check_server(tls: &ServerTlsSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    check_files(
        [
            ("serverCertificate", &tls.server_certificate),
            ("privateKey", &tls.private_key),
            ("caCertificates", &tls.ca_certificates),
            ("caCrl", &tls.ca_crl),
        ],
        path,
        cx,
    );
    check_name(&tls.credential_name, &path.field("credentialName"), cx);
    check_name(
        &tls.ca_cert_credential_name,
        &path.field("caCertCredentialName"),
        cx,
    );
    let names = path.field("credentialNames");
    for (index, name) in tls.credential_names.iter().enumerate() {
        check_name(name, &names.item(index), cx);
    }
    let certificates = path.field("tlsCertificates");
    for (index, it) in tls.tls_certificates.iter().enumerate() {
        check_files(
            [
                ("serverCertificate", &it.server_certificate),
                ("privateKey", &it.private_key),
                ("caCertificates", &it.ca_certificates),
            ],
            &certificates.item(index),
            cx,
        );
    }
}

/// For the destinations of a DestinationRule.
pub(super) fn check_client(tls: &ClientTlsSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    check_files(
        [
            ("clientCertificate", &tls.client_certificate),
            ("privateKey", &tls.private_key),
            ("caCertificates", &tls.ca_certificates),
            ("caCrl", &tls.ca_crl),
        ],
        path,
        cx,
    );
    check_name(&tls.credential_name, &path.field("credentialName"), cx);
}

fn check_files<const N: usize>(files: [(&str, &String); N], path: &Path<'_>, cx: &mut Checker<'_>) {
    for (field, _) in files.iter().filter(|(_, value)| holds_pem(value)) {
        cx.error(Code::EnvoyRefuses, &path.field(field), "PEM text instead of a path")
            .help("save it to a file and write the path of that file, or write `credentialName` and put it into a Secret");
    }
}

fn check_name(name: &str, path: &Path<'_>, cx: &mut Checker<'_>) {
    if holds_pem(name) {
        cx.error(
            Code::EnvoyRefuses,
            path,
            "PEM text instead of the name of a Secret",
        )
        .help("put it into a Secret and write the name of that Secret");
    }
}
