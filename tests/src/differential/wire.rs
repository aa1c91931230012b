//! Sends requests over connections that are kept while both ends like.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::client::{Connection, Failure, Reply};
use crate::http2;
use crate::sent::{Sent, Version};

/// No answer takes longer, retries and all.
const PATIENCE: Duration = Duration::from_secs(3);

/// The open connections of one thread.
#[derive(Default)]
pub(super) struct Wire {
    idle: HashMap<SocketAddr, Connection<TcpStream>>,
}

impl Wire {
    /// Sends a request as case `case`, and reads the answer.
    pub(super) fn send(&mut self, address: SocketAddr, sent: &Sent, case: &str) -> Result<Reply, Failure> {
        if sent.version == Version::Http2 {
            return http2::send(address, sent, case, PATIENCE);
        }
        let message = sent.message(case);
        if !is_last(sent)
            && let Some(mut connection) = self.idle.remove(&address)
        {
            // Envoy may just have closed it; then the request was not taken.
            match self.ask(&mut connection, &message, sent) {
                Err(Failure::Closed) => {}
                Ok(reply) => {
                    self.keep(address, connection, sent, &reply);
                    return Ok(reply);
                }
                Err(failure) => return Err(failure),
            }
        }
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut connection = Connection::new(stream);
        let reply = self.ask(&mut connection, &message, sent)?;
        self.keep(address, connection, sent, &reply);
        Ok(reply)
    }

    fn ask(
        &self,
        connection: &mut Connection<TcpStream>,
        message: &[u8],
        sent: &Sent,
    ) -> Result<Reply, Failure> {
        let started = Instant::now();
        let reply = connection.ask(message, &sent.method)?;
        Ok(Reply {
            took: started.elapsed(),
            ..reply
        })
    }

    fn keep(&mut self, address: SocketAddr, connection: Connection<TcpStream>, sent: &Sent, reply: &Reply) {
        let is_over = reply
            .header("connection")
            .is_some_and(|it| it.eq_ignore_ascii_case("close"))
            || !(reply.is_chunked() || reply.header("content-length").is_some())
            || matches!(reply.status, 101 | 204 | 304);
        if !is_over && !is_last(sent) {
            self.idle.insert(address, connection);
        }
    }
}

/// Whether nothing should follow on the connection: it may become another protocol's, or be closed.
fn is_last(sent: &Sent) -> bool {
    let has = |name| sent.header(name).is_some();
    sent.version != Version::Http11
        || sent.method == b"CONNECT"
        || [
            "upgrade",
            "connection",
            "transfer-encoding",
            "expect",
            "proxy-connection",
            "content-length",
        ]
        .into_iter()
        .any(has)
        || sent.target.len() > 8_000
}
