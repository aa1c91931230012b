//! TLS for tests: a client that accepts any certificate, and one identity for everyone who must show one.

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use fingerpost_envoy_runner::{Authority, Certificate};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::case::Tls;

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
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAny(provider)));
    let mut config = if tls.shows_certificate() {
        let Certificate {
            chain_pem, key_pem, ..
        } = &IDENTITY.certificate;
        let certificate = CertificateDer::from_pem_slice(chain_pem.as_bytes()).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(io::Error::other)?;
        builder
            .with_client_auth_cert(vec![certificate], key)
            .map_err(io::Error::other)?
    } else {
        builder.with_no_client_auth()
    };
    config.enable_sni = tls.sni.is_some();
    let name = tls.sni.clone().unwrap_or_else(|| "localhost".to_owned());
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// The corpus asks where a request goes, not whether the server may be trusted.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

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
            &self.0.signature_verification_algorithms,
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
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
