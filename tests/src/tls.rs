//! TLS for tests: a client that accepts any certificate, and one identity for everyone who must show one.

use std::io;
use std::net::TcpStream;
use std::sync::LazyLock;

use fingerpost_envoy_runner::{Authority, Certificate};
use rustls::{ClientConnection, StreamOwned};

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
