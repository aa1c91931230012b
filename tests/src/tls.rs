//! TLS for tests: a client that accepts any certificate, and one identity for everyone who must show one.

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use fingerpost_envoy_runner::{Authority, Certificate};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::case::Tls;
use crate::tls_client::Client;

/// What listeners and clients show in these tests, and who signed it.
pub struct Identity {
    /// Trusted by listeners that check clients.
    pub authority: Authority,
    /// Shown by listeners, and by clients that are asked for one.
    pub certificate: Certificate,
}

/// The one identity of a run.
pub static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let authority = Authority::new().expect("a fresh key signs itself");
    let certificate = authority
        .sign(&["localhost", "any.test"])
        .expect("two DNS names make a certificate");
    Identity {
        authority,
        certificate,
    }
});

/// Shakes hands over `stream` as `tls` says.
///
/// # Errors
/// As the peer or the network refuses.
pub fn connect(stream: TcpStream, tls: &Tls) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let Certificate {
        chain_pem, key_pem, ..
    } = &IDENTITY.certificate;
    let client = Client {
        alpn: &[],
        identity: tls
            .shows_certificate()
            .then(|| (chain_pem.clone(), key_pem.clone())),
        ..Client::default()
    };
    client.shake_hands(stream, tls.sni.as_deref())
}

/// The corpus asks where a request goes, not whether the server may be trusted.
#[derive(Debug)]
pub(crate) struct AcceptAny {
    provider: Arc<CryptoProvider>,
    /// The algorithms of signatures that it offers; all of the provider's if empty.
    schemes: &'static [SignatureScheme],
}

impl AcceptAny {
    pub(crate) fn new(provider: Arc<CryptoProvider>, schemes: &'static [SignatureScheme]) -> Self {
        Self { provider, schemes }
    }
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = self
            .provider
            .signature_verification_algorithms
            .supported_schemes();
        let is_offered = |it: &SignatureScheme| self.schemes.is_empty() || self.schemes.contains(it);
        known.into_iter().filter(is_offered).collect()
    }
}
