//! How a chain judges the certificates of clients, in the handshake as Envoy does.
//!
//! Decides whether a certificate is let in: by its authority, its names and its fingerprints, as the chain's TLS context says.
//! Whether a chain asks for one is in that context too. Where the chain's authorities are not on this machine, any certificate is let
//! in, and none is needed: who would be let in can't be known.
//! Source: Envoy `source/common/tls/cert_validator/default_validator.cc`.

use std::fs;
use std::io;
use std::sync::Arc;

use fingerpost_config_compiler::{CertificateIdentity, Compiled, SecretFiles};
use fingerpost_envoy_config::core::DataSource;
use fingerpost_envoy_config::matcher::StringPattern;
use fingerpost_envoy_config::tls::{
    CertificateValidationContext, DownstreamTlsContext, TrustChainVerification,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

/// What a chain trusts.
enum Trust {
    /// Certificates of these authorities in PEM, less those that a list in PEM revokes.
    Authorities {
        trusted: Vec<u8>,
        revoked: Option<Vec<u8>>,
    },
    /// The chain names authorities that this machine does not have.
    Unknown,
}

/// Whether the authorities that a chain judges clients by are not on this machine.
pub(crate) fn lacks_authorities(context: &DownstreamTlsContext, compiled: &Compiled) -> bool {
    matches!(trust(context, compiled), Some((_, Trust::Unknown)))
}

/// What judges clients' certificates; none if the chain asks for none, or if its authorities are not on this machine.
pub(crate) fn verifier(
    context: &DownstreamTlsContext,
    compiled: &Compiled,
    provider: &Arc<CryptoProvider>,
) -> io::Result<Option<Arc<dyn ClientCertVerifier>>> {
    let Some((validation, Trust::Authorities { trusted, revoked })) = trust(context, compiled) else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&trusted) {
        roots
            .add(certificate.map_err(io::Error::other)?)
            .map_err(io::Error::other)?;
    }
    let lists = revoked
        .iter()
        .flat_map(|it| CertificateRevocationListDer::pem_slice_iter(it));
    let lists: Vec<_> = lists.collect::<Result<_, _>>().map_err(io::Error::other)?;
    let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(lists)
        .allow_unknown_revocation_status()
        .build()
        .map_err(io::Error::other)?;
    let names = validation.match_typed_subject_alt_names.iter();
    let hashes = validation.verify_certificate_hash.iter();
    Ok(Some(Arc::new(Verifier {
        chain,
        provider: Arc::clone(provider),
        is_required: context.require_client_certificate == Some(true),
        trusts_all: validation.trust_chain_verification == TrustChainVerification::AcceptUntrusted,
        names: names.map(|it| it.matcher.pattern.clone()).collect(),
        hashes: hashes.map(|it| it.replace(':', "")).collect(),
        public_keys: validation.verify_certificate_spki.clone(),
    })))
}

/// What a chain judges clients by; none if it does not look at their certificates.
fn trust<'c>(
    context: &'c DownstreamTlsContext,
    compiled: &Compiled,
) -> Option<(&'c CertificateValidationContext, Trust)> {
    let common = &context.common_tls_context;
    if let Some(validation) = &common.validation_context {
        let trusted = bytes(validation.trusted_ca.as_ref()?);
        let trust = trusted.map_or(Trust::Unknown, |trusted| Trust::Authorities {
            trusted,
            revoked: validation.crl.as_ref().and_then(bytes),
        });
        return Some((validation, trust));
    }
    let combined = common.combined_validation_context.as_ref()?;
    let name = &combined.validation_context_sds_secret_config.name;
    let secret = compiled.file_secrets.iter().find(|it| it.name == *name);
    let trust = match secret.map(|it| &it.files) {
        Some(SecretFiles::Authority { trusted, revoked }) => match fs::read(trusted) {
            Ok(trusted) => Trust::Authorities {
                trusted,
                revoked: revoked.as_ref().and_then(|it| fs::read(it).ok()),
            },
            Err(_) => Trust::Unknown,
        },
        Some(SecretFiles::Certificate { .. }) | None => Trust::Unknown,
    };
    Some((&combined.default_validation_context, trust))
}

fn bytes(source: &DataSource) -> Option<Vec<u8>> {
    match source {
        DataSource::InlineString(text) => Some(text.clone().into_bytes()),
        DataSource::InlineBytes(_) => None, // the compiler writes texts
        DataSource::Filename(path) => fs::read(path).ok(),
    }
}

/// Judges a certificate.
#[derive(Debug)]
struct Verifier {
    /// By its authority.
    chain: Arc<dyn ClientCertVerifier>,
    provider: Arc<CryptoProvider>,
    is_required: bool,
    trusts_all: bool,
    /// One of its names must be one of these, if there are any.
    names: Vec<StringPattern>,
    /// It must have one of these fingerprints or public keys, if there are any.
    hashes: Vec<String>,
    public_keys: Vec<String>,
}

impl Verifier {
    fn check_identity(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let refused = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
        let identity = CertificateIdentity::parse(certificate).ok_or_else(|| refused.clone())?;
        let is_named = |pattern: &StringPattern| match pattern {
            StringPattern::Exact(name) => identity.names.contains(name),
            StringPattern::Prefix(start) => identity.names.iter().any(|it| it.starts_with(start)),
            StringPattern::Contains(part) => identity.names.iter().any(|it| it.contains(part)),
            StringPattern::SafeRegex(_) => false, // the compiler writes none here
        };
        let has_name = self.names.is_empty() || self.names.iter().any(is_named);
        let is_listed = self
            .hashes
            .iter()
            .any(|it| it.eq_ignore_ascii_case(&identity.hash))
            || self.public_keys.contains(&identity.public_key_hash);
        let needs_listing = !self.hashes.is_empty() || !self.public_keys.is_empty();
        if has_name && (is_listed || !needs_listing) {
            Ok(())
        } else {
            Err(refused)
        }
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if !self.trusts_all {
            self.chain.verify_client_cert(end_entity, intermediates, now)?;
        }
        self.check_identity(end_entity)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
