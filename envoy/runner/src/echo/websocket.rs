//! WebSocket (RFC 6455): every message comes back as it is.

use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{SinkExt, StreamExt};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Received;

/// RFC 6455, section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The key of a client that asks for a WebSocket.
pub(super) fn key(received: &Received) -> Option<&str> {
    let upgrade = received.header("upgrade")?;
    received
        .header("sec-websocket-key")
        .filter(|_| upgrade.eq_ignore_ascii_case("websocket"))
}

/// Agrees, and sends back what comes until the client ends it. `read` was already read from the stream.
pub(super) async fn serve<S>(mut stream: S, read: Vec<u8>, key: &str) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {}\r\n\r\n",
        accept(key)
    );
    stream.write_all(head.as_bytes()).await?;
    let mut socket = WebSocketStream::from_partially_read(stream, read, Role::Server, None).await;
    // Pings and the end are answered by the library.
    while let Some(message) = socket.next().await {
        let message = message.map_err(io::Error::other)?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await.map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// What shows that the key was understood.
fn accept(key: &str) -> String {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key.as_bytes());
    digest.update(GUID);
    BASE64_STANDARD.encode(digest.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_standard_is_accepted_as_it_says() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
