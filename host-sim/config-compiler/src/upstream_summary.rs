//! What is spoken to the endpoints of a cluster, for people.
//!
//! Decides nothing: `upstream_http`, `upstream_tls` and `upstream_socket` do.

use std::fmt;

use fingerpost_envoy_config::cluster::Cluster;
use fingerpost_resources::{ClientTlsMode, ClientTlsSettings, ProxyProtocolVersion, Span};

use crate::client_tls;
use crate::cluster_parts::Parts;
use crate::cluster_policies::Policies;
use crate::cluster_words::{self, ClusterProtocol};
use crate::credentials;
use crate::mesh::Mesh;
use crate::upstream_tls;

/// What is spoken to the endpoints of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSummary {
    /// The version of HTTP that requests have. Routes of bytes do not depend on it.
    pub http: ClusterProtocol,
    /// TLS; none for plain text.
    pub tls: Option<UpstreamTlsSummary>,
    /// The version of the PROXY protocol whose header comes first; none for no header.
    pub proxy_protocol: Option<ProxyProtocolVersion>,
}

/// TLS to an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTlsSummary {
    /// The server name that is sent; none: the host of the request, and no name for routes of bytes.
    pub sni: Option<String>,
    /// What the certificate of an endpoint must be.
    pub verification: Verification,
    /// Where the proxy's own certificate comes from: a Secret's name, or a path. None if it shows none.
    pub certificate: Option<String>,
    /// Where the settings are written.
    pub span: Span,
}

/// What the certificate of an endpoint must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// Any certificate is accepted (`insecureSkipVerify`).
    Skipped,
    /// Signed by one of the authorities, and for the right name.
    By {
        /// A Secret's name, or a path.
        authorities: String,
        /// Whether it must be for the host of the request. Routes of bytes have none.
        request_host: bool,
        /// Names of which it must have one; empty for any name.
        names: Vec<String>,
    },
}

impl UpstreamSummary {
    /// The view of a cluster with these policies.
    pub(crate) fn new(
        cluster: &Cluster,
        parts: &Parts<'_, '_>,
        policies: &Policies<'_>,
        mesh: &Mesh<'_>,
    ) -> Self {
        let tls = policies.tls.filter(|it| client_tls::has_effect(it));
        Self {
            http: cluster_words::protocol(cluster),
            tls: tls.and_then(|it| tls_summary(it, parts, mesh)),
            proxy_protocol: policies.proxy_protocol.map(|it| it.version.unwrap_or_default()),
        }
    }
}

fn tls_summary(
    tls: &ClientTlsSettings,
    parts: &Parts<'_, '_>,
    mesh: &Mesh<'_>,
) -> Option<UpstreamTlsSummary> {
    let (origin, path) = parts.rule?.place_of_tls(tls)?;
    let credential = Some(tls.credential_name.as_str()).filter(|it| !it.is_empty());
    let verification = if client_tls::skips_verification(tls) {
        Verification::Skipped
    } else {
        Verification::By {
            authorities: match credential {
                Some(name) => credentials::authority_of(name),
                None => client_tls::authorities_file(tls).to_owned(),
            },
            request_host: client_tls::server_name_options(tls).auto_san_validation,
            names: upstream_tls::names(tls, parts, mesh),
        }
    };
    let shows_certificate = tls.mode == Some(ClientTlsMode::Mutual);
    Some(UpstreamTlsSummary {
        sni: Some(tls.sni.clone()).filter(|it| !it.is_empty()),
        verification,
        certificate: shows_certificate.then(|| credential.unwrap_or(&tls.client_certificate).to_owned()),
        span: origin.at(&path),
    })
}

/// Such as `HTTP/2 over TLS, with a client certificate, behind a PROXY header V1`.
impl fmt::Display for UpstreamSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.http.fmt(f)?;
        match &self.tls {
            None => f.write_str(" in plain text")?,
            Some(tls) => {
                f.write_str(" over TLS")?;
                if tls.certificate.is_some() {
                    f.write_str(", with a client certificate")?;
                }
                if tls.verification == Verification::Skipped {
                    f.write_str(", any certificate accepted")?;
                }
            }
        }
        match self.proxy_protocol {
            None => Ok(()),
            Some(version) => write!(f, ", behind a PROXY header {}", version.as_str()),
        }
    }
}
