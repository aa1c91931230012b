//! Accepts connections, and finds out what a client speaks by its first bytes.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::{ServedCluster, Shared, http1, http2};
use crate::certificate::Authority;

/// The first byte of a TLS handshake record: RFC 8446, section 5.1.
const TLS_HANDSHAKE: u8 = 0x16;
/// How every HTTP/2 connection starts (RFC 9113, section 3.4); no HTTP/1.1 method is `PRI`.
const HTTP2_PREFACE: &[u8] = b"PRI ";

/// Serves a cluster's listener for as long as the runtime lives.
pub(super) async fn accept(listener: TcpListener, served: ServedCluster, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let served = Arc::new(served);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (served, shared) = (Arc::clone(&served), Arc::clone(&shared));
        // A connection that breaks is the client's business: it sees it too.
        tokio::spawn(async move { serve(stream, &served, &shared).await });
    }
}

async fn serve(stream: TcpStream, served: &Arc<ServedCluster>, shared: &Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] == TLS_HANDSHAKE {
        let stream = shared.tls.accept(stream).await?;
        return serve_http(stream, served, shared).await;
    }
    serve_http(stream, served, shared).await
}

async fn serve_http<S>(mut stream: S, served: &Arc<ServedCluster>, shared: &Arc<Shared>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut start = Vec::with_capacity(4096);
    while start.len() < HTTP2_PREFACE.len() && HTTP2_PREFACE.starts_with(&start) {
        if stream.read_buf(&mut start).await? == 0 {
            return Ok(());
        }
    }
    if start.starts_with(HTTP2_PREFACE) {
        let (reader, writer) = tokio::io::split(stream);
        let stream = tokio::io::join(io::Cursor::new(start).chain(reader), writer);
        return http2::serve(stream, served, shared)
            .await
            .map_err(io::Error::other);
    }
    http1::serve(stream, start, served, shared).await
}

/// A self-signed certificate: tests of TLS to an upstream do not check whether it is trusted.
pub(super) fn tls_acceptor() -> io::Result<TlsAcceptor> {
    let certificate = Authority::new()?.sign(&["localhost", "127.0.0.1"])?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.chain_der)],
            PrivatePkcs8KeyDer::from(certificate.key_der).into(),
        )
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
