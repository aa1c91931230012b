//! Connections that are passed on as they are: TCP, and TLS that passes through or ends without HTTP.
//!
//! The proxy says which cluster gets a connection.

use std::io;
use std::rc::Rc;
use std::time::Instant;

use fingerpost_proxy_model::{Request, Routed, Run, Tls, Version};
use fingerpost_simulated_proxy::request_id;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};

use crate::exchange::time_of_day;
use crate::explain_command::GatewayPort;
use crate::journal::Entry;
use crate::server::Server;

/// Passes a connection on to an endpoint of its cluster until both ends have closed it, and shows it.
pub(crate) async fn relay<S>(mut stream: S, port: u16, tls: Option<Tls>, server: Rc<Server>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let started = Instant::now();
    let generation = server.generation();
    let mut entry = Entry {
        at: time_of_day(),
        authority: tls.as_ref().and_then(|it| it.sni.clone()),
        gateway: Some(GatewayPort {
            number: port.into(),
            tls: tls.is_some(),
        }),
        ..Entry::default()
    };
    // Only the connection counts.
    let opening = Request {
        port,
        method: "GET".to_owned(),
        path: "/".to_owned(),
        authority: None,
        headers: Vec::new(),
        tls,
        version: Version::default(),
    };
    let run = Run {
        request_id: request_id(),
    };
    let endpoint = match generation.proxy.route(&run, &opening) {
        Ok(Ok(Routed::Passed { cluster })) => {
            entry.cluster = Some(cluster.to_owned());
            generation.upstreams.next(cluster)
        }
        Ok(_) | Err(_) => None,
    };
    let passed = match &endpoint {
        None => Err(io::Error::other("its cluster has no endpoint")),
        Some(endpoint) => {
            entry.host = Some(endpoint.name());
            endpoint.open().await
        }
    };
    let ended = match passed {
        Ok(mut upstream) => copy_bidirectional(&mut stream, &mut upstream).await,
        Err(error) => Err(error),
    };
    entry.ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    entry.details = Some(match &ended {
        Ok((sent, received)) => format!("connection passed on, {sent} bytes sent, {received} received"),
        Err(error) => format!("connection closed: {error}"),
    });
    server.show(&entry);
    ended.map(drop)
}
