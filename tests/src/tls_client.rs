//! A TLS client whose every choice a test makes: the versions, algorithms and protocols that it offers, the certificate that
//! it shows. It trusts any server, and says which certificate it was shown.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, DEFAULT_VERSIONS, ProtocolVersion, SignatureScheme,
    StreamOwned, SupportedProtocolVersion,
};

use crate::client::{Connection, Failure, Reply};
use crate::tls::AcceptAny;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// A connection after its handshake.
pub struct Session {
    connection: Connection<StreamOwned<ClientConnection, TcpStream>>,
    /// The server's own certificate, DER.
    pub certificate: Vec<u8>,
    /// The protocol inside TLS, if one was agreed on.
    pub protocol: Option<String>,
    /// The version of TLS.
    pub version: Option<ProtocolVersion>,
    /// The cipher suite.
    pub suite: Option<CipherSuite>,
}

impl Client {
    /// Shakes hands, and asks for this server name.
    ///
    /// # Errors
    /// The server refuses, or the network.
    pub fn connect(&self, address: SocketAddr, name: Option<&str>) -> Result<Session, Failure> {
        let tcp = TcpStream::connect_timeout(&address, PATIENCE)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let stream = self.shake_hands(tcp, name)?;
        let connection = &stream.conn;
        let chain = connection.peer_certificates().unwrap_or_default();
        let protocol = connection.alpn_protocol();
        Ok(Session {
            certificate: chain.first().map(|it| it.to_vec()).unwrap_or_default(),
            protocol: protocol.map(|it| String::from_utf8_lossy(it).into_owned()),
            version: connection.protocol_version(),
            suite: connection.negotiated_cipher_suite().map(|it| it.suite()),
            connection: Connection::new(stream),
        })
    }

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

impl Session {
    /// Asks for a path of a host over HTTP/1.1. With TLS 1.3 a server judges the client's certificate only after the handshake: then
    /// this is what fails.
    ///
    /// # Errors
    /// Says why there was no answer.
    pub fn get(&mut self, host: &str, path: &str) -> Result<Reply, Failure> {
        let message = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        self.connection.ask(message.as_bytes(), b"GET")
    }
}

/// Whether the peer refused the handshake, by an alert or by an end of the connection.
#[must_use]
pub fn is_refusal(failure: &Failure) -> bool {
    match failure {
        Failure::Tls | Failure::Closed => true,
        Failure::NoListener => false,
        Failure::Broken(reason) => reason == &ErrorKind::UnexpectedEof.to_string(),
    }
}
