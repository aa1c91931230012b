//! The services behind the proxies: each answers any request with its number. As cheap as an upstream can be, because
//! it shares a core with the load.

use std::io;
use std::net::SocketAddr;

use fingerpost_workload::SERVICES;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

/// Starts the services on the loopback, as tasks of `tasks`. Their addresses are in the order of their numbers.
pub(crate) async fn start(tasks: &LocalSet) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for service in 0..SERVICES {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        addresses.push(listener.local_addr()?);
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", body(service));
        tasks.spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A connection that fails is closed; who sent the request reports it.
                let _closed = tokio::task::spawn_local(serve(stream, answer.clone()));
            }
        });
    }
    Ok(addresses)
}

/// What a service answers: two bytes.
pub(crate) fn body(service: usize) -> String {
    format!("s{service}")
}

async fn serve(mut stream: TcpStream, answer: String) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::with_capacity(4096);
    while stream.read_buf(&mut request).await? > 0 {
        // Envoy sends the next request after the answer, and ours have no body.
        if request.ends_with(b"\r\n\r\n") {
            stream.write_all(answer.as_bytes()).await?;
            request.clear();
        }
    }
    Ok(())
}
