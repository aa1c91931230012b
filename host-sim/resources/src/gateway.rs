//! Gateway, as in <https://istio.io/latest/docs/reference/config/networking/gateway/>.

use std::collections::BTreeMap;

use crate::decode::{choice, message};

message! {
    /// Listeners at the edge, for the proxies that the selector chooses.
    struct Gateway "Gateway" {
        servers: Vec<Server>,
        selector: BTreeMap<String, String>,
    }

    /// One port of a gateway and the hosts served there.
    struct Server "Server" {
        port: Option<Port>,
        bind: String,
        hosts: Vec<String>,
        tls: Option<ServerTlsSettings>,
        default_endpoint: String,
        name: String,
    }

    /// The port of a server.
    struct Port "Port" {
        number: Option<u32>,
        protocol: String,
        name: String,
        /// Deprecated; Istio refuses it.
        target_port: Option<u32>,
    }

    /// How a server treats TLS.
    struct ServerTlsSettings "ServerTLSSettings" {
        https_redirect: Option<bool>,
        /// Unset means `PASSTHROUGH`.
        mode: Option<ServerTlsMode>,
        server_certificate: String,
        private_key: String,
        ca_certificates: String,
        ca_crl: String,
        credential_name: String,
        credential_names: Vec<String>,
        ca_cert_credential_name: String,
        tls_certificates: Vec<TlsCertificate>,
        subject_alt_names: Vec<String>,
        verify_certificate_spki: Vec<String>,
        verify_certificate_hash: Vec<String>,
        min_protocol_version: Option<TlsProtocol>,
        max_protocol_version: Option<TlsProtocol>,
        cipher_suites: Vec<String>,
        ecdh_curves: Vec<String>,
        insecure_skip_verify: Option<bool>,
    }

    /// One of several certificates of a server.
    struct TlsCertificate "TLSCertificate" {
        server_certificate: String,
        private_key: String,
        ca_certificates: String,
    }
}

impl ServerTlsSettings {
    /// The cipher suites that count, each once: those that Istio does not know are left out
    /// (istio `pkg/config/security`, `FilterCipherSuites`). Empty for Envoy's default.
    pub fn known_cipher_suites(&self) -> Vec<&str> {
        let mut known: Vec<&str> = Vec::new();
        for name in self.cipher_suites.iter().filter(|it| is_known_cipher_suite(it)) {
            if !known.contains(&name.as_str()) {
                known.push(name);
            }
        }
        known
    }
}

/// Whether Istio takes the name of a cipher suite. Operators such as `-AES128-SHA` pass unseen.
pub(crate) fn is_known_cipher_suite(name: &str) -> bool {
    // What BoringSSL has, as istio `pkg/config/security` lists it.
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
    let is_operator = name.starts_with(|it: char| !it.is_alphanumeric());
    name.is_empty() || name == "ALL" || is_operator || KNOWN.contains(&name)
}

choice! {
    /// What a server does with TLS.
    ServerTlsMode {
        Passthrough = 0 "PASSTHROUGH",
        Simple = 1 "SIMPLE",
        Mutual = 2 "MUTUAL",
        AutoPassthrough = 3 "AUTO_PASSTHROUGH",
        IstioMutual = 4 "ISTIO_MUTUAL",
        OptionalMutual = 5 "OPTIONAL_MUTUAL",
    }

    /// A version of TLS.
    TlsProtocol {
        Auto = 0 "TLS_AUTO",
        V1_0 = 1 "TLSV1_0",
        V1_1 = 2 "TLSV1_1",
        V1_2 = 3 "TLSV1_2",
        V1_3 = 4 "TLSV1_3",
    }
}
