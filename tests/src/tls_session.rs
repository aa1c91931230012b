//! A connection over TLS, and what was agreed in its handshake.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustls::{CipherSuite, ClientConnection, ProtocolVersion, StreamOwned};

use crate::client::{Connection, Failure, Reply};
use crate::tls_client::Client;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

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

impl Session {
    /// Shakes hands, and asks for this server name.
    ///
    /// # Errors
    /// The server refuses, or the network.
    pub fn open(client: &Client, address: SocketAddr, name: Option<&str>) -> Result<Self, Failure> {
        let tcp = TcpStream::connect_timeout(&address, PATIENCE)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let stream = client.shake_hands(tcp, name)?;
        let connection = &stream.conn;
        let chain = connection.peer_certificates().unwrap_or_default();
        let protocol = connection.alpn_protocol();
        Ok(Self {
            certificate: chain.first().map(|it| it.to_vec()).unwrap_or_default(),
            protocol: protocol.map(|it| String::from_utf8_lossy(it).into_owned()),
            version: connection.protocol_version(),
            suite: connection.negotiated_cipher_suite().map(|it| it.suite()),
            connection: Connection::new(stream),
        })
    }

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
