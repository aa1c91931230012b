//! A server behind Envoy that remembers what it met.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::edge_tls::authority::{Authority, Leaf};
use crate::operations::said;

/// What a connection with a request showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meeting {
    /// The server name; none in plain text.
    pub(crate) sni: Option<String>,
    /// The protocol that was agreed by ALPN.
    pub(crate) alpn: Option<String>,
    /// The client's certificate in DER.
    pub(crate) client: Option<Vec<u8>>,
    /// The version of the PROXY header.
    pub(crate) proxy_header: Option<u8>,
    /// The first line of a request of HTTP/1.1.
    pub(crate) request_line: String,
}

/// A server on a free port of the loopback.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    met: Arc<Mutex<Vec<Meeting>>>,
}

/// What a server speaks.
#[derive(Clone, Default)]
pub(crate) struct Speaks {
    tls: Option<Arc<ServerConfig>>,
    proxy_header: bool,
}

impl Speaks {
    /// HTTP in plain text, and CONNECT.
    pub(crate) fn plain() -> Self {
        Self::default()
    }

    /// HTTP over TLS with this certificate. If there is an authority for clients, they must show a certificate of it.
    pub(crate) fn tls(certificate: &Leaf, clients: Option<&Authority>) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(said)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots
                    .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).map_err(said)?)
                    .map_err(said)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(said)?)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).map_err(said)?;
        let chain = vec![CertificateDer::from(certificate.der.clone())];
        let mut config = builder.with_single_cert(chain, key).map_err(said)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            tls: Some(Arc::new(config)),
            proxy_header: false,
        })
    }

    /// The same, behind a PROXY header.
    pub(crate) fn behind_proxy_header(self) -> Self {
        Self {
            proxy_header: true,
            ..self
        }
    }
}

impl Upstream {
    pub(crate) fn start(speaks: Speaks) -> Result<Self, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(said)?;
        let address = listener.local_addr().map_err(said)?;
        let met = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&met);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (speaks, met) = (speaks.clone(), Arc::clone(&remembered));
                thread::spawn(move || drop(serve(stream, &speaks, &met)));
            }
        });
        Ok(Self { address, met })
    }

    /// What it met since the last time.
    pub(crate) fn met(&self) -> Vec<Meeting> {
        std::mem::take(&mut *self.met.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(mut stream: TcpStream, speaks: &Speaks, met: &Mutex<Vec<Meeting>>) -> io::Result<()> {
    let mut meeting = Meeting::default();
    if speaks.proxy_header {
        meeting.proxy_header = Some(read_proxy_header(&mut stream)?);
    }
    let Some(config) = &speaks.tls else {
        return answer(stream, meeting, met);
    };
    let mut tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    meeting.sni = tls.server_name().map(str::to_owned);
    meeting.alpn = tls
        .alpn_protocol()
        .map(|it| String::from_utf8_lossy(it).into_owned());
    meeting.client = tls
        .peer_certificates()
        .and_then(|it| it.first())
        .map(|it| it.to_vec());
    if meeting.alpn.as_deref() == Some("h2") {
        remember(met, meeting);
        return Ok(());
    }
    answer(StreamOwned::new(tls, stream), meeting, met)
}

/// Answers one request of HTTP/1.1 with 200. After CONNECT it sends back what comes.
fn answer(mut stream: impl Read + Write, mut meeting: Meeting, met: &Mutex<Vec<Meeting>>) -> io::Result<()> {
    let head = read_until(&mut stream, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&head);
    meeting.request_line = head.lines().next().unwrap_or_default().to_owned();
    let is_connect = meeting.request_line.starts_with("CONNECT ");
    remember(met, meeting);
    if !is_connect {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        return stream.flush();
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    stream.flush()?;
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|it| !it.is_empty()) else {
            return Ok(());
        };
        stream.write_all(bytes)?;
        stream.flush()?;
    }
}

fn remember(met: &Mutex<Vec<Meeting>>, meeting: Meeting) {
    met.lock().unwrap_or_else(PoisonError::into_inner).push(meeting);
}

/// Reads a header of the PROXY protocol, and returns its version.
fn read_proxy_header(stream: &mut impl Read) -> io::Result<u8> {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    let mut start = [0; 6];
    stream.read_exact(&mut start)?;
    if start == *b"PROXY " {
        read_until(stream, b"\r\n")?;
        return Ok(1);
    }
    let mut rest = [0; 10];
    stream.read_exact(&mut rest)?;
    let all = [start.as_slice(), rest.as_slice()].concat();
    let [.., high, low] = rest;
    if !all.starts_with(SIGNATURE) {
        return Err(io::Error::other("no PROXY header"));
    }
    let mut addresses = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    stream.read_exact(&mut addresses)?;
    Ok(2)
}

fn read_until(stream: &mut impl Read, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut next = [0];
    while !bytes.ends_with(end) {
        stream.read_exact(&mut next)?;
        bytes.extend(next);
    }
    Ok(bytes)
}
