//! Which clients a server lets in by their certificates: authorities, names, fingerprints, revocation.
//!
//! Decides for servers that may or must see a certificate; nothing else of TLS. Settings that Istio ignores for the
//! mode of a server are warnings of `fingerpost_resources`.
//! Source: istio `pilot/pkg/security/model/authentication.go`, `ApplyCredentialSDSToServerCommonTLSContext` and
//! `ApplyToCommonTLSContext`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fingerpost_envoy_config::matcher::StringPattern;
use fingerpost_envoy_config::tls::{
    CertificateValidationContext, CombinedCertificateValidationContext, CommonTlsContext, SanType,
    SubjectAltNameMatcher, TrustChainVerification,
};
use fingerpost_resources::{Code, Diagnostics, ServerTlsMode};

use crate::certificate_sources::Authorities;
use crate::credentials;
use crate::file_secrets::SecretFiles;
use crate::tls::{DownstreamTls, Server};

/// Bytes of a SHA-256.
const SHA256: usize = 32;

/// Adds what clients' certificates are judged by.
pub(crate) fn add_validation(
    server: &Server<'_>,
    common: &mut CommonTlsContext,
    built: &mut DownstreamTls,
    diagnostics: &mut Diagnostics,
) {
    let by_credential = server.credentials();
    match server.mode() {
        ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual => {}
        ServerTlsMode::Simple if !by_credential.is_empty() && !server.tls.subject_alt_names.is_empty() => {
            // Istio sends the names without an authority.
            diagnostics
                .error(
                    Code::EnvoyRefuses,
                    "SIMPLE with subjectAltNames: Envoy does not compare names without an authority",
                )
                .on(server.sources.needed.origin, server.field("subjectAltNames"))
                .help("write `mode: MUTUAL`, or remove subjectAltNames");
            return;
        }
        ServerTlsMode::Simple
        | ServerTlsMode::Passthrough
        | ServerTlsMode::AutoPassthrough
        | ServerTlsMode::IstioMutual => return,
    }
    let mut context = restrictions(server, diagnostics);
    match authorities(server, &by_credential, diagnostics) {
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

/// The names of which a certificate needs one.
pub(crate) fn exact_names(names: &[String]) -> Vec<SubjectAltNameMatcher> {
    // Istio names no type; Envoy then tries these.
    let types = [SanType::Email, SanType::Dns, SanType::Uri, SanType::IpAddress];
    let matchers = names.iter().flat_map(|name| {
        types.map(|san_type| SubjectAltNameMatcher {
            san_type,
            matcher: StringPattern::Exact(name.clone()).into(),
        })
    });
    matchers.collect()
}

/// What a certificate needs besides an authority. Istio gives fingerprints to Envoy only beside a credential.
fn restrictions(server: &Server<'_>, diagnostics: &mut Diagnostics) -> CertificateValidationContext {
    let mut context = CertificateValidationContext {
        match_typed_subject_alt_names: exact_names(&server.tls.subject_alt_names),
        ..CertificateValidationContext::default()
    };
    if server.tls.insecure_skip_verify == Some(true) {
        context.trust_chain_verification = TrustChainVerification::AcceptUntrusted;
    }
    if server.credentials().is_empty() {
        return context;
    }
    for fingerprints in [Fingerprints::Hash, Fingerprints::PublicKey] {
        let listed = fingerprints.of(server);
        for (index, text) in listed.iter().enumerate() {
            if !fingerprints.takes(text) {
                let path = server.field(&format!("{}[{index}]", fingerprints.field()));
                diagnostics
                    .error(
                        Code::EnvoyRefuses,
                        format!("{text:?} is not {}", fingerprints.form()),
                    )
                    .on(server.sources.needed.origin, path)
                    .help(fingerprints.command());
            }
        }
    }
    context
        .verify_certificate_hash
        .clone_from(&server.tls.verify_certificate_hash);
    context
        .verify_certificate_spki
        .clone_from(&server.tls.verify_certificate_spki);
    context
}

/// Ways to name a certificate by a checksum.
#[derive(Clone, Copy)]
enum Fingerprints {
    /// Of the whole certificate.
    Hash,
    /// Of its public key.
    PublicKey,
}

impl Fingerprints {
    fn of<'s>(self, server: &'s Server<'_>) -> &'s [String] {
        match self {
            Self::Hash => &server.tls.verify_certificate_hash,
            Self::PublicKey => &server.tls.verify_certificate_spki,
        }
    }

    fn field(self) -> &'static str {
        match self {
            Self::Hash => "verifyCertificateHash",
            Self::PublicKey => "verifyCertificateSpki",
        }
    }

    /// Whether Envoy takes this text.
    fn takes(self, text: &str) -> bool {
        match self {
            Self::Hash => {
                let digits = 2 * SHA256;
                let with_colons = text.len() == digits + SHA256 - 1;
                let plain = if with_colons {
                    text.replace(':', "")
                } else {
                    text.to_owned()
                };
                plain.len() == digits && plain.bytes().all(|it| it.is_ascii_hexdigit())
            }
            Self::PublicKey => STANDARD.decode(text).is_ok_and(|it| it.len() == SHA256),
        }
    }

    fn form(self) -> &'static str {
        match self {
            Self::Hash => {
                "a SHA-256 of a certificate: 64 hexadecimal digits, all or none of the pairs apart by colons"
            }
            Self::PublicKey => "a SHA-256 of a public key in base64, which has 44 characters",
        }
    }

    fn command(self) -> &'static str {
        match self {
            Self::Hash => "`openssl x509 -in client.crt -noout -fingerprint -sha256` prints it",
            Self::PublicKey => {
                "`openssl x509 -in client.crt -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64` prints it"
            }
        }
    }
}

/// Who must have signed a client's certificate; none where an error was reported.
fn authorities(
    server: &Server<'_>,
    by_credential: &[(&str, String)],
    diagnostics: &mut Diagnostics,
) -> Option<Authorities> {
    // Of several credentials the first one counts.
    let Some((credential, field)) = by_credential.first() else {
        let revoked = Some(&server.tls.ca_crl).filter(|it| !it.is_empty()).cloned();
        let named = SecretFiles::Authority {
            trusted: server.tls.ca_certificates.clone(),
            revoked,
        };
        let secret = server.sources.needed.named(named, server.field("caCertificates"));
        return Some(Authorities::Files(Box::new(secret)));
    };
    let (credential, field) = if server.tls.ca_cert_credential_name.is_empty() {
        (credentials::authority_of(credential), field.clone())
    } else {
        (
            server.tls.ca_cert_credential_name.clone(),
            server.field("caCertCredentialName"),
        )
    };
    server.sources.authorities(&credential, field, diagnostics)
}
