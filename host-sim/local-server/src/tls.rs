//! The server's end of TLS, with temporary certificates: one for each name that a client asks for.
//!
//! The proxy decides with the first request which names the listener knows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use fingerpost_envoy_runner::Authority;
use fingerpost_proxy_model::Tls;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// What a client gets that asks for no name.
const NO_NAME: &str = "localhost";

/// Makes handshakes.
pub(crate) struct Handshakes {
    authority: Authority,
    configs: RefCell<HashMap<String, Arc<ServerConfig>>>,
}

impl Handshakes {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            authority: Authority::new()?,
            configs: RefCell::default(),
        })
    }

    /// Makes one, and tells what the client asked for.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Tls)> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let name = start.client_hello().server_name().map(str::to_owned);
        let config = self.config(name.as_deref().unwrap_or(NO_NAME))?;
        let tls = Tls {
            sni: name,
            client_cert: None,
        };
        Ok((start.into_stream(config).await?, tls))
    }

    fn config(&self, name: &str) -> io::Result<Arc<ServerConfig>> {
        if let Some(config) = self.configs.borrow().get(name) {
            return Ok(Arc::clone(config));
        }
        let certificate = self.authority.sign(&[name])?;
        let chain = CertificateDer::from_pem_slice(certificate.chain_pem.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(
                vec![chain.map_err(io::Error::other)?],
                key.map_err(io::Error::other)?,
            )
            .map_err(io::Error::other)?;
        // As Istio's gateway offers them (istio pilot/pkg/networking/util, ALPNHttp).
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let config = Arc::new(config);
        self.configs
            .borrow_mut()
            .insert(name.to_owned(), Arc::clone(&config));
        Ok(config)
    }
}
