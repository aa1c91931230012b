//! The server's end of TLS, with temporary certificates: one for each name that a client asks for. Clients' certificates are
//! judged as the chain says (`client_certificates`).
//!
//! The proxy decides which chain takes a connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use fingerpost_config_compiler::Compiled;
use fingerpost_envoy_config::listener::TransportSocketConfig;
use fingerpost_envoy_config::tls::DownstreamTlsContext;
use fingerpost_envoy_runner::Authority;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::client_certificates::{lacks_authorities, verifier};
use crate::hello::Replayed;

/// What a client gets that asks for no name.
const NO_NAME: &str = "localhost";

/// Makes handshakes.
pub(crate) struct Handshakes {
    authority: Authority,
    provider: Arc<CryptoProvider>,
    /// For chains that ask for no certificate, by server name.
    configs: RefCell<HashMap<String, Arc<ServerConfig>>>,
}

impl Handshakes {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            authority: Authority::new()?,
            provider: Arc::new(ring::default_provider()),
            configs: RefCell::default(),
        })
    }

    /// Makes one with a client that asks for this name, at the chain with this context. Tells whether the client has shown a
    /// certificate that will do.
    pub(crate) async fn accept(
        &self,
        stream: Replayed,
        name: Option<&str>,
        context: &DownstreamTlsContext,
        compiled: &Compiled,
    ) -> io::Result<(TlsStream<Replayed>, bool)> {
        let is_any_accepted = lacks_authorities(context, compiled);
        let name = name.unwrap_or(NO_NAME);
        let verifier = verifier(context, compiled, &self.provider)?;
        let config = match verifier {
            None => self.config(name)?,
            Some(verifier) => Arc::new(self.make_config(name, Some(verifier))?),
        };
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        let shows_certificate = is_any_accepted || stream.get_ref().1.peer_certificates().is_some();
        Ok((stream, shows_certificate))
    }

    fn config(&self, name: &str) -> io::Result<Arc<ServerConfig>> {
        if let Some(config) = self.configs.borrow().get(name) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make_config(name, None)?);
        self.configs
            .borrow_mut()
            .insert(name.to_owned(), Arc::clone(&config));
        Ok(config)
    }

    fn make_config(
        &self,
        name: &str,
        verifier: Option<Arc<dyn ClientCertVerifier>>,
    ) -> io::Result<ServerConfig> {
        let certificate = self.authority.sign(&[name])?;
        let chain = CertificateDer::from_pem_slice(certificate.chain_pem.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match verifier {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let mut config = builder
            .with_single_cert(
                vec![chain.map_err(io::Error::other)?],
                key.map_err(io::Error::other)?,
            )
            .map_err(io::Error::other)?;
        // As Istio's gateway offers them (istio pilot/pkg/networking/util, ALPNHttp).
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// The TLS contexts of a listener's chains.
pub(crate) fn contexts<'c>(
    compiled: &'c Compiled,
    listener: &str,
) -> impl Iterator<Item = (&'c [String], &'c DownstreamTlsContext)> {
    let listeners = compiled.bootstrap.static_resources.listeners.iter();
    let chains = listeners
        .filter(move |it| it.name == *listener)
        .flat_map(|it| &it.filter_chains);
    chains.filter_map(|chain| {
        let names = chain.filter_chain_match.server_names.as_slice();
        let TransportSocketConfig::DownstreamTls(context) = &chain.transport_socket.as_ref()?.typed_config;
        Some((names, &**context))
    })
}

/// The context of the chain with these server names, which are in lower case.
pub(crate) fn context<'c>(
    compiled: &'c Compiled,
    listener: &str,
    server_names: &[String],
) -> Option<&'c DownstreamTlsContext> {
    let is_same = |names: &[String]| {
        names
            .iter()
            .map(|it| it.to_ascii_lowercase())
            .eq(server_names.iter().cloned())
    };
    let mut all = contexts(compiled, listener);
    all.find(|(names, _)| is_same(names)).map(|(_, context)| context)
}
