//! Load: connections that are kept open and always have one request under way.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use fingerpost_envoy_runner::RunningEnvoy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 16;

/// What one turn brought.
pub(crate) struct Turn {
    requests: u64,
    lasted: Duration,
    cpu: Duration,
}

impl Turn {
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.lasted.as_secs_f64()
    }

    /// Seconds of Envoy's processor time.
    pub(crate) fn cpu_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() / self.requests as f64
    }
}

/// Sends `requests` round and round for so long. Any answer but 200 is an error: it would be cheaper than a true one.
pub(crate) fn turn(
    address: SocketAddr,
    envoy: &RunningEnvoy,
    requests: &[Vec<u8>],
    length: Duration,
) -> io::Result<Turn> {
    let requests: Rc<[Vec<u8>]> = requests.into();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (start, cpu_before) = (Instant::now(), envoy.cpu_time()?);
    let until = start + length;
    let tasks = tokio::task::LocalSet::new();
    let sent = tasks.block_on(&runtime, async {
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|n| {
                let first = n * requests.len() / CONNECTIONS;
                tokio::task::spawn_local(connection(address, Rc::clone(&requests), first, until))
            })
            .collect();
        let mut sent = 0;
        for connection in connections {
            sent += connection.await.map_err(io::Error::other)??;
        }
        io::Result::Ok(sent)
    })?;
    Ok(Turn {
        requests: sent,
        lasted: start.elapsed(),
        cpu: envoy.cpu_time()?.saturating_sub(cpu_before),
    })
}

async fn connection(
    address: SocketAddr,
    requests: Rc<[Vec<u8>]>,
    first: usize,
    until: Instant,
) -> io::Result<u64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut answer = Vec::with_capacity(4096);
    let mut sent = 0;
    for request in requests.iter().cycle().skip(first) {
        if Instant::now() >= until {
            break;
        }
        stream.write_all(request).await?;
        answer.clear();
        // The echo's answer is always these two bytes behind the head.
        while !answer.ends_with(b"\r\n\r\nok") {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if !b"HTTP/1.1 200".starts_with(&answer) && !answer.starts_with(b"HTTP/1.1 200") {
                return Err(io::Error::other(format!(
                    "Envoy answered {}",
                    String::from_utf8_lossy(&answer)
                )));
            }
        }
        sent += 1;
    }
    Ok(sent)
}
