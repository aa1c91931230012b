//! A TLS client whose every choice a test makes: the versions, algorithms and protocols that it offers, the certificate that
//! it shows. It trusts any server.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, DEFAULT_VERSIONS, DigitallySignedStruct, ProtocolVersion,
    SignatureScheme, StreamOwned, SupportedProtocolVersion,
};

/// What a client offers.
#[derive(Debug, Clone)]
pub struct Client {
    /// The only version of TLS; 1.2 and 1.3 if there is none.
    pub version: Option<ProtocolVersion>,
    /// The cipher suites; all that the library has if empty.
    pub suites: &'static [CipherSuite],
    /// The algorithms of signatures; all that the library has if empty.
    pub schemes: &'static [SignatureScheme],
    /// Protocols inside TLS, by preference.
    pub alpn: &'static [&'static str],
    /// A certificate chain and its key in PEM.
    pub identity: Option<(String, String)>,
}

impl Default for Client {
    /// Offers what most clients offer, and shows no certificate.
    fn default() -> Self {
        Self {
            version: None,
            suites: &[],
            schemes: &[],
            alpn: &["http/1.1"],
            identity: None,
        }
    }
}

impl Client {
    /// Shakes hands over a connection that is there.
    ///
    /// # Errors
    /// The server refuses, or the network.
    pub fn shake_hands(
        &self,
        tcp: TcpStream,
        name: Option<&str>,
    ) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut stream = StreamOwned::new(self.begin(name)?, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// The bytes with which it begins: a ClientHello.
    ///
    /// # Errors
    /// The server name is none, or the client offers nothing.
    pub fn first_message(&self, name: Option<&str>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.begin(name)?.write_tls(&mut bytes)?;
        Ok(bytes)
    }

    fn begin(&self, name: Option<&str>) -> io::Result<ClientConnection> {
        let mut provider = ring::default_provider();
        provider
            .cipher_suites
            .retain(|it| self.suites.is_empty() || self.suites.contains(&it.suite()));
        let provider = Arc::new(provider);
        let verifier = AcceptAny::new(Arc::clone(&provider), self.schemes);
        let is_offered = |it: &&&SupportedProtocolVersion| self.version.is_none_or(|only| it.version == only);
        let versions: Vec<_> = DEFAULT_VERSIONS.iter().filter(is_offered).copied().collect();
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.identity {
            Some((chain, key)) => {
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(io::Error::other)?;
                builder
                    .with_client_auth_cert(chain.map_err(io::Error::other)?, key)
                    .map_err(io::Error::other)?
            }
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = name.is_some();
        config.alpn_protocols = self.alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.unwrap_or("localhost").to_owned()).map_err(io::Error::other)?;
        ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)
    }
}

/// Tests ask where a request goes and what a server shows, not whether it may be trusted.
#[derive(Debug)]
struct AcceptAny {
    provider: Arc<CryptoProvider>,
    /// The algorithms of signatures that it offers; all of the provider's if empty.
    schemes: &'static [SignatureScheme],
}

impl AcceptAny {
    fn new(provider: Arc<CryptoProvider>, schemes: &'static [SignatureScheme]) -> Self {
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
