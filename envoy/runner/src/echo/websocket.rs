//! WebSocket (RFC 6455): every message comes back as it is.

use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{SinkExt, StreamExt};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::Received;

/// RFC 6455, section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Why a client that asks for a WebSocket gets none: RFC 6455, section 4.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NotGet,
    NoUpgrade,
    NoKey,
    OtherVersion,
}

impl Refusal {
    /// The status, and a header where one says what to do.
    pub(super) fn head(self) -> &'static str {
        match self {
            Self::NotGet | Self::NoUpgrade | Self::NoKey => "400 Bad Request",
            Self::OtherVersion => "426 Upgrade Required\r\nsec-websocket-version: 13",
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NotGet => "a WebSocket is opened with GET",
            Self::NoUpgrade => "a WebSocket is opened with `connection: upgrade`",
            Self::NoKey => "a WebSocket is opened with a sec-websocket-key of 16 bytes in base64",
            Self::OtherVersion => "a WebSocket is opened with `sec-websocket-version: 13`",
        }
    }
}

/// The key of a client that asks for a WebSocket, or why it gets none. None for other requests.
pub(super) fn wanted(received: &Received) -> Option<Result<String, Refusal>> {
    let lists = |name: &str, token: &str| {
        let value = received.header(name).unwrap_or_default();
        value.split(',').any(|it| it.trim().eq_ignore_ascii_case(token))
    };
    if !lists("upgrade", "websocket") {
        return None;
    }
    if received.method != "GET" {
        return Some(Err(Refusal::NotGet));
    }
    if !lists("connection", "upgrade") {
        return Some(Err(Refusal::NoUpgrade));
    }
    if received.header("sec-websocket-version") != Some("13") {
        return Some(Err(Refusal::OtherVersion));
    }
    let key = received.header("sec-websocket-key");
    let key = key.filter(|it| BASE64_STANDARD.decode(it).is_ok_and(|bytes| bytes.len() == 16));
    Some(key.map(str::to_owned).ok_or(Refusal::NoKey))
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
        match message {
            Ok(message) if message.is_text() || message.is_binary() => {
                socket.send(message).await.map_err(io::Error::other)?;
            }
            Ok(_) => {}
            Err(error) => {
                if let Some(code) = close_code(&error) {
                    let reason = "".into();
                    let frame = CloseFrame { code, reason };
                    socket.close(Some(frame)).await.map_err(io::Error::other)?;
                }
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The close code for a message that the client should not have sent (RFC 6455, section 7.4.1). None if the connection broke.
fn close_code(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Protocol(_) => Some(CloseCode::Protocol),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        Error::Capacity(_) => Some(CloseCode::Size),
        _ => None, // the library's enum, of which the rest is about the connection
    }
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
