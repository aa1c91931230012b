//! What the `tls` block of a DestinationRule means by itself, without the cluster that it is for.
//!
//! Source: istio `pilot/pkg/networking/core/cluster_tls.go`, `constructUpstreamTLS`, `setAutoSniAndAutoSanValidation`.

use fingerpost_envoy_config::core::UpstreamHttpProtocolOptions as ServerNameOptions;
use fingerpost_resources::{ClientTlsMode, ClientTlsSettings};

/// Where Debian, and the images of Envoy, keep the authorities that a machine trusts. Istio looks there first (istio
/// `pkg/security/security.go`, `GetOSRootFilePath`).
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The file name that means the same to Istio.
const SYSTEM: &str = "system";

/// Whether TLS is spoken with these settings.
pub(crate) fn has_effect(tls: &ClientTlsSettings) -> bool {
    match tls.mode.unwrap_or_default() {
        ClientTlsMode::Simple | ClientTlsMode::Mutual => true,
        ClientTlsMode::Disable | ClientTlsMode::IstioMutual => false,
    }
}

/// What of a request decides about the server name: without `sni` its host is sent, and without names of the DestinationRule
/// the certificate must be for that host.
pub(crate) fn server_name_options(tls: &ClientTlsSettings) -> ServerNameOptions {
    if !has_effect(tls) {
        return ServerNameOptions::default();
    }
    let auto_sni = tls.sni.is_empty();
    ServerNameOptions {
        auto_sni,
        auto_san_validation: auto_sni && tls.subject_alt_names.is_empty() && !skips_verification(tls),
    }
}

/// Whether any certificate will do.
pub(crate) fn skips_verification(tls: &ClientTlsSettings) -> bool {
    tls.insecure_skip_verify == Some(true)
}

/// The file with the authorities, where no credential is named.
pub(crate) fn authorities_file(tls: &ClientTlsSettings) -> &str {
    match tls.ca_certificates.as_str() {
        "" | SYSTEM => SYSTEM_AUTHORITIES,
        file => file,
    }
}
