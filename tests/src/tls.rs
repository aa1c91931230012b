//! TLS for tests: a client that accepts any certificate, and one certificate for everyone else.

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::case::Tls;

/// A certificate that signs itself, and its key.
pub struct Identity {
    /// The certificate as PEM text.
    pub certificate: String,
    /// The private key as PEM text.
    pub key: String,
    certificate_der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

/// The identity of every listener, every client and their authority in these tests.
pub static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let names = vec!["localhost".to_owned(), "any.test".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("two DNS names make a certificate");
    Identity {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
        certificate_der: made.cert.der().clone(),
        key_der: made.signing_key.serialize_der(),
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
        let key = PrivateKeyDer::try_from(IDENTITY.key_der.clone()).map_err(io::Error::other)?;
        builder
            .with_client_auth_cert(vec![IDENTITY.certificate_der.clone()], key)
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
