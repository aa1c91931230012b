//! Load: connections that are kept open, one request under way on each.
//!
//! [`as_fast_as_possible`] finds the rate: a connection sends as soon as it has its answer. Times measured so would say
//! nothing, because a slow answer delays the requests behind it (wrk2 calls this coordinated omission). So
//! [`at_rate`] has a schedule: each request has the time at which it is due, and its latency counts from then, whether or
//! not a connection was free.
//!
//! We never sleep while Envoy is measured. To wake a core that sleeps takes time, and the kernel counts it as that of the process
//! that sends: so an Envoy that keeps us waiting would pay for it too, by a tenth of a request.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use fingerpost_workload::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::process::cpu_time;
use crate::upstream::body;

/// Connections of a client.
const CONNECTIONS: usize = 16;

/// A request as bytes, where it goes, and how its answer ends.
#[derive(Debug)]
pub(crate) struct Target {
    address: SocketAddr,
    request: Vec<u8>,
    end_of_answer: Vec<u8>,
}

/// What a turn of [`as_fast_as_possible`] brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) requests: u64,
    pub(crate) lasted: Duration,
    /// The processor time of Envoy.
    pub(crate) envoy: Duration,
}

impl Target {
    pub(crate) fn new(address: SocketAddr, request: &Request) -> Self {
        let Request {
            authority,
            path,
            headers,
            service,
        } = request;
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        Self {
            address,
            request: format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n{headers}\r\n").into_bytes(),
            end_of_answer: format!("\r\n\r\n{}", body(*service)).into_bytes(),
        }
    }
}

/// Sends as many requests as the proxy answers, for so long.
pub(crate) async fn as_fast_as_possible(target: &Rc<Target>, pid: u32, length: Duration) -> io::Result<Turn> {
    let connections = connect(target).await?;
    let (start, envoy_before) = (Instant::now(), cpu_time(pid)?);
    let until = start + length;
    let awake = spawn_local(stay_awake(until));
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            spawn_local(async move {
                let mut sent = 0_u64;
                while Instant::now() < until {
                    connection.exchange().await?;
                    sent += 1;
                }
                io::Result::Ok(sent)
            })
        })
        .collect();
    let mut requests = 0;
    for task in tasks {
        requests += task.await.map_err(io::Error::other)??;
    }
    awake.await.map_err(io::Error::other)?;
    Ok(Turn {
        requests,
        lasted: start.elapsed(),
        envoy: cpu_time(pid)?.saturating_sub(envoy_before),
    })
}

/// Keeps our thread from sleeping.
async fn stay_awake(until: Instant) {
    while Instant::now() < until {
        tokio::task::yield_now().await;
    }
}

/// Sends requests at a constant rate, and returns their latencies in nanoseconds.
pub(crate) async fn at_rate(target: &Rc<Target>, rate: f64, length: Duration) -> io::Result<Vec<u64>> {
    let connections = connect(target).await?;
    let next = Rc::new(Cell::new(0_u32));
    let count = (rate * length.as_secs_f64()).ceil() as u32;
    let start = Instant::now();
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let next = Rc::clone(&next);
            spawn_local(async move {
                let mut latencies = Vec::new();
                while next.get() < count {
                    let due = start + Duration::from_secs_f64(f64::from(next.replace(next.get() + 1)) / rate);
                    wait_until(due).await;
                    connection.exchange().await?;
                    latencies.push(due.elapsed().as_nanos() as u64);
                }
                io::Result::Ok(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.map_err(io::Error::other)??);
    }
    Ok(latencies)
}

/// The timer's clock has steps of a millisecond, which is more than an answer takes: the rest is waited for by asking.
async fn wait_until(due: Instant) {
    const STEP: Duration = Duration::from_millis(2);
    let left = due.saturating_duration_since(Instant::now());
    if left > STEP {
        tokio::time::sleep(left - STEP).await;
    }
    stay_awake(due).await;
}

async fn connect(target: &Rc<Target>) -> io::Result<Vec<Connection>> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        connections.push(Connection {
            stream,
            target: Rc::clone(target),
            answer: Vec::with_capacity(4096),
        });
    }
    Ok(connections)
}

struct Connection {
    stream: TcpStream,
    target: Rc<Target>,
    answer: Vec<u8>,
}

impl Connection {
    /// Sends the request and reads the answer. Any answer but the right one is an error: it may be cheaper.
    async fn exchange(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.target.request).await?;
        self.answer.clear();
        while !self.answer.ends_with(&self.target.end_of_answer) {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::Error::other(format!(
                    "Envoy closed the connection after `{}`",
                    String::from_utf8_lossy(&self.answer)
                )));
            }
            if self.is_wrong() {
                return Err(io::Error::other(format!(
                    "Envoy answered `{}` to `{}`",
                    String::from_utf8_lossy(&self.answer),
                    String::from_utf8_lossy(&self.target.request)
                )));
            }
        }
        Ok(())
    }

    /// Another status, or the body of another service: both have as many bytes as the right answer.
    fn is_wrong(&self) -> bool {
        let status = b"HTTP/1.1 200";
        let seen = self.answer.len().min(status.len());
        let is_other_status = self.answer.get(..seen) != status.get(..seen);
        let end = self.answer.len().saturating_sub(self.target.end_of_answer.len());
        let is_whole = self
            .answer
            .get(end..)
            .is_some_and(|it| it.starts_with(b"\r\n\r\n"));
        is_other_status || (is_whole && !self.answer.ends_with(&self.target.end_of_answer))
    }
}
