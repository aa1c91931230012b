//! Sends one request byte for byte as it is written: no escaping, no added headers. One connection each.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The header by which an echo server tells a check its cluster.
pub const CLUSTER_HEADER: &str = "x-echo-cluster";
/// As many headers as an answer may have.
const MAX_HEADERS: usize = 128;

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Which echo server it came from, if it was one.
    pub cluster: Option<String>,
}

/// Sends `message` and reads the answer to its end. With a server name it goes over TLS, without a check whether the
/// certificate can be trusted.
pub fn send(address: SocketAddr, server_name: Option<&str>, message: &[u8]) -> io::Result<Answer> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    match server_name {
        Some(name) => exchange(over_tls(stream, name)?, message),
        None => exchange(stream, message),
    }
}

fn exchange(mut stream: impl Read + Write, message: &[u8]) -> io::Result<Answer> {
    stream.write_all(message)?;
    stream.flush()?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(answer) = parse(&mut bytes)? {
            // The rest is read as well: Envoy logs a request when its answer has been taken.
            while !matches!(stream.read(&mut buffer), Ok(0) | Err(_)) {}
            return Ok(answer);
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::Error::other("the connection was closed without an answer")),
            count => bytes.extend_from_slice(&buffer[..count]), // `read` never tells more than there is room for
        }
    }
}

/// The head of the final answer, once it is all there.
fn parse(bytes: &mut Vec<u8>) -> io::Result<Option<Answer>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let length = match head.parse(bytes).map_err(io::Error::other)? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => return Ok(None),
        };
        let status = head.code.unwrap_or_default();
        if (100..200).contains(&status) {
            bytes.drain(..length);
            continue;
        }
        let echo = head
            .headers
            .iter()
            .find(|it| it.name.eq_ignore_ascii_case(CLUSTER_HEADER));
        let cluster = echo.map(|it| String::from_utf8_lossy(it.value).into_owned());
        return Ok(Some(Answer { status, cluster }));
    }
}

fn over_tls(stream: TcpStream, name: &str) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

/// Accepts any certificate of a server: it may have been made a second ago, or be the user's own for another machine.
#[derive(Debug)]
pub struct AcceptAny(pub Arc<CryptoProvider>);

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
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
