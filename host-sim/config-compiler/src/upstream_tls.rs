//! TLS to the endpoints of a cluster: what the proxy shows, what it sends as the server name, and how it judges the endpoint's
//! certificate.
//!
//! Decides for the modes SIMPLE and MUTUAL. Where certificates come from is `certificate_sources`; ISTIO_MUTUAL has no
//! effect without a mesh, which `left_out` reports.
//! Source: istio `pilot/pkg/networking/core/cluster_tls.go`, `constructUpstreamTLS`, `setAutoSniAndAutoSanValidation`;
//! `pilot/pkg/security/model/authentication.go`, `ApplyCustomSDSToClientCommonTLSContext`; docs/istio-routing.md 4.9.

use std::collections::BTreeSet;

use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::tls::{
    CertificateValidationContext, CombinedCertificateValidationContext, CommonTlsContext, TlsParameters,
    TlsProtocol, UpstreamTlsContext,
};
use fingerpost_envoy_config::upstream_socket::UpstreamSocketConfig;
use fingerpost_resources::{ClientTlsMode, ClientTlsSettings, Diagnostics};

use crate::certificate_sources::{Authorities, Source, Sources};
use crate::client_certificates::exact_names;
use crate::client_tls::{authorities_file, has_effect, skips_verification};
use crate::cluster_parts::Parts;
use crate::cluster_policies::Policies;
use crate::credentials;
use crate::endpoints;
use crate::file_secrets::{Needed, NeededBy, SecretFiles};
use crate::mesh::Mesh;
use crate::upstream_socket::UpstreamSocket;

/// The names of which the certificate of an endpoint needs one, whatever the request: those of the DestinationRule, else
/// those of the ServiceEntry.
pub(crate) fn names(tls: &ClientTlsSettings, parts: &Parts<'_, '_>, mesh: &Mesh<'_>) -> Vec<String> {
    if skips_verification(tls) {
        Vec::new()
    } else if tls.subject_alt_names.is_empty() {
        let names: BTreeSet<String> = endpoints::identities(parts.service, &mesh.inventory);
        names.into_iter().collect()
    } else {
        tls.subject_alt_names.clone()
    }
}

/// Builds the TLS of a cluster, if it speaks any.
pub(crate) fn build(
    parts: &Parts<'_, '_>,
    policies: &Policies<'_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) -> UpstreamSocket {
    let mut built = UpstreamSocket::default();
    let Some(tls) = policies.tls.filter(|it| has_effect(it)) else {
        return built;
    };
    let Some((origin, path)) = parts.rule.and_then(|it| it.place_of_tls(tls)) else {
        return built;
    };
    let client = Client {
        tls,
        path,
        names: names(tls, parts, mesh),
        sources: Sources {
            needed: Needed {
                by: NeededBy::Cluster {
                    host: parts.service.hostname.clone(),
                },
                origin,
                module_path: &mesh.options.module_path,
            },
            mesh,
            resources: mesh.resources,
        },
    };
    let mut common = CommonTlsContext {
        tls_params: Some(TlsParameters {
            tls_minimum_protocol_version: Some(TlsProtocol::V1_2),
            tls_maximum_protocol_version: Some(TlsProtocol::V1_3),
            ..TlsParameters::default()
        }),
        ..CommonTlsContext::default()
    };
    if policies.speaks_http2(parts.port.protocol) {
        common.alpn_protocols = vec!["h2".to_owned()];
    }
    client.add_certificate(&mut common, &mut built, diagnostics);
    client.add_validation(&mut common, &mut built, diagnostics);
    built.socket = Some(Extension {
        name: "envoy.transport_sockets.tls".to_owned(),
        typed_config: UpstreamSocketConfig::UpstreamTls(Box::new(UpstreamTlsContext {
            common_tls_context: common,
            sni: tls.sni.clone(),
        })),
    });
    built
}

/// The proxy as a client of the endpoints.
struct Client<'a> {
    tls: &'a ClientTlsSettings,
    /// Where the settings are written, such as `spec.trafficPolicy.tls`.
    path: String,
    /// The names of which the certificate of an endpoint needs one.
    names: Vec<String>,
    sources: Sources<'a>,
}

impl Client<'_> {
    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// Adds what the proxy shows.
    fn add_certificate(
        &self,
        common: &mut CommonTlsContext,
        built: &mut UpstreamSocket,
        diagnostics: &mut Diagnostics,
    ) {
        if self.tls.mode != Some(ClientTlsMode::Mutual) {
            return;
        }
        let credential = &self.tls.credential_name;
        let source = if credential.is_empty() {
            let files = SecretFiles::Certificate {
                chain: self.tls.client_certificate.clone(),
                key: self.tls.private_key.clone(),
            };
            let secret = self.sources.needed.named(files, self.field("clientCertificate"));
            Source::Files(Box::new(secret))
        } else {
            let field = self.field("credentialName");
            self.sources.certificate(credential, field, diagnostics)
        };
        match source {
            Source::Inline(certificate, held) => {
                common.tls_certificates.push(certificate);
                built.inline_secrets.push(*held);
            }
            Source::Files(secret) => {
                common.tls_certificate_sds_secret_configs.push(secret.config());
                built.file_secrets.push(*secret);
            }
            Source::Refused => {}
        }
    }

    /// Adds what the certificate of an endpoint is judged by.
    fn add_validation(
        &self,
        common: &mut CommonTlsContext,
        built: &mut UpstreamSocket,
        diagnostics: &mut Diagnostics,
    ) {
        if skips_verification(self.tls) {
            // As Istio writes it, where no credential is named.
            let is_by_files = self.tls.credential_name.is_empty();
            common.validation_context = is_by_files.then(CertificateValidationContext::default);
            return;
        }
        let mut context = CertificateValidationContext {
            match_typed_subject_alt_names: exact_names(&self.names),
            ..CertificateValidationContext::default()
        };
        match self.authorities(diagnostics) {
            Some(Authorities::Inline {
                trusted,
                revoked,
                held,
            }) => {
                built.inline_secrets.push(*held);
                context.trusted_ca = Some(trusted);
                context.crl = revoked;
                common.validation_context = Some(context);
            }
            Some(Authorities::Files(secret)) => {
                common.combined_validation_context = Some(CombinedCertificateValidationContext {
                    default_validation_context: context,
                    validation_context_sds_secret_config: secret.config(),
                });
                built.file_secrets.push(*secret);
            }
            None => {}
        }
    }

    fn authorities(&self, diagnostics: &mut Diagnostics) -> Option<Authorities> {
        let credential = &self.tls.credential_name;
        if !credential.is_empty() {
            let credential = credentials::authority_of(credential);
            let field = self.field("credentialName");
            return self.sources.authorities(&credential, field, diagnostics);
        }
        let field = if self.tls.ca_certificates.is_empty() {
            self.path.clone()
        } else {
            self.field("caCertificates")
        };
        let files = SecretFiles::Authority {
            trusted: authorities_file(self.tls).to_owned(),
            revoked: Some(self.tls.ca_crl.clone()).filter(|it| !it.is_empty()),
        };
        Some(Authorities::Files(Box::new(
            self.sources.needed.named(files, field),
        )))
    }
}
