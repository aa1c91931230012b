//! The first bytes of a client, where a listener chooses by them: a TLS hello with its server name, or plain text.
//!
//! Decides nothing: the proxy says which chain takes the connection. What was read is read again by whoever serves it.

use std::io::{self, Cursor};

use rustls::server::Acceptor;
use tokio::io::{AsyncReadExt, Chain, Join, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

/// The first byte of a TLS handshake record: RFC 8446, section 5.1.
const TLS_HANDSHAKE: u8 = 0x16;
/// As much as Envoy's TLS inspector reads.
const MOST_READ: usize = 16 * 1024;

/// A connection whose first bytes were read already.
pub(crate) type Replayed = Join<Chain<Cursor<Vec<u8>>, ReadHalf<TcpStream>>, WriteHalf<TcpStream>>;

/// What a client begins with.
pub(crate) enum Hello {
    /// TLS, with the server name if there is one.
    Tls(Option<String>),
    /// Something else.
    Plain,
}

/// Reads until it is clear what the client speaks, and which server name it asks for. Returns the bytes that were read.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<(Hello, Vec<u8>)> {
    let mut start = Vec::with_capacity(4096);
    let mut acceptor = Acceptor::default();
    let mut taken = 0;
    loop {
        if stream.read_buf(&mut start).await? == 0 || start.first() != Some(&TLS_HANDSHAKE) {
            return Ok((Hello::Plain, start));
        }
        let mut new = start.get(taken..).unwrap_or_default();
        while !new.is_empty() {
            taken += acceptor.read_tls(&mut new)?;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let name = accepted.client_hello().server_name().map(str::to_owned);
                return Ok((Hello::Tls(name), start));
            }
            Ok(None) if start.len() < MOST_READ => {}
            Ok(None) | Err(_) => return Ok((Hello::Plain, start)),
        }
    }
}

/// The connection with these bytes in front of it.
pub(crate) fn replay(stream: TcpStream, start: Vec<u8>) -> Replayed {
    let (reader, writer) = tokio::io::split(stream);
    tokio::io::join(Cursor::new(start).chain(reader), writer)
}
