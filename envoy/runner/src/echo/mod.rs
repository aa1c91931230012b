//! The echo server: one listener for each cluster.
//!
//! It answers 200 with the request as JSON, or with the body `ok` ([`EchoBody`]); a request header `x-echo` changes that (see
//! [`directive`]). It speaks HTTP/1.1, HTTP/2 with prior knowledge, and both over TLS, all on the same port: the first
//! bytes of a connection decide. It echoes WebSockets, and answers the health check of gRPC.

mod answer;
mod connection;
mod directive;
mod grpc;
mod http1;
mod http2;
mod websocket;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};

use directive::{Attempts, Directive};

/// A request as an echo server received it.
///
/// Text that is not UTF-8 is read as Latin-1, so nothing is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The cluster whose server it was.
    pub cluster: String,
    /// The method.
    pub method: String,
    /// The path with its query, byte for byte.
    pub path: String,
    /// `Host`, or `:authority`.
    pub authority: String,
    /// All headers in order, with names in lower case; repeated ones are kept apart. HTTP/2's are without pseudo headers.
    pub headers: Vec<(String, String)>,
    /// When its head had arrived.
    pub at: Instant,
}

/// What becomes of [`Received`] requests.
#[derive(Debug, Clone, Default)]
pub enum Report {
    /// They are kept, for [`Echo::take`] and [`Echo::take_case`].
    #[default]
    Keep,
    /// They are sent here.
    To(Sender<Received>),
    /// They are forgotten: for load tests.
    Forget,
}

/// What answers say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EchoBody {
    /// `ok`, whatever the request. WebSocket and gRPC are not spoken then: they are requests like others.
    #[default]
    Ok,
    /// The request as one line of JSON:
    /// ```json
    /// {"service":"shop.default:80","subset":"v2","method":"GET","path":"/","headers":{"host":"a","x-r":["1","2"]},"body":{"bytes":0}}
    /// ```
    Request,
}

/// What an echo server takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedCluster {
    /// The cluster, by Envoy's name.
    pub cluster: String,
    /// Its service, as an answer names it.
    pub service: String,
    /// Its subset, if it has one.
    pub subset: Option<String>,
}

/// How to run echo servers.
#[derive(Debug, Clone, Default)]
pub struct EchoOptions {
    /// What becomes of the requests.
    pub report: Report,
    /// What the answers say.
    pub body: EchoBody,
    /// Headers of each answer, beside `content-type` and `content-length`.
    pub headers: Vec<(String, String)>,
    /// The header of each answer that names the cluster, if one is to do so.
    pub cluster_header: Option<String>,
}

/// Echo servers, all on one thread. Dropping it closes them.
pub struct Echo {
    shared: Arc<Shared>,
    runtime: Handle,
    addresses: Mutex<BTreeMap<String, SocketAddr>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What all connections share.
struct Shared {
    report: Report,
    body: EchoBody,
    headers: Vec<(String, String)>,
    cluster_header: Option<String>,
    kept: Mutex<Vec<Received>>,
    arrived: Condvar,
    attempts: Attempts,
    tls: tokio_rustls::TlsAcceptor,
}

impl Received {
    /// The id that Envoy gives a request, or that its client did.
    pub fn request_id(&self) -> Option<&str> {
        self.header("x-request-id")
    }

    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Echo {
    /// Starts the thread; [`listen`](Self::listen) then opens servers on it.
    pub fn start(options: EchoOptions) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            report: options.report,
            body: options.body,
            headers: options.headers,
            cluster_header: options.cluster_header,
            kept: Mutex::default(),
            arrived: Condvar::new(),
            attempts: Attempts::default(),
            tls: connection::tls_acceptor()?,
        });
        let runtime: Runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = thread::Builder::new().name("echo".to_owned()).spawn(move || {
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self {
            shared,
            runtime: handle,
            addresses: Mutex::default(),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Opens the server of a cluster on a free port of the loopback, or tells where it is.
    pub fn listen(&self, cluster: &str) -> io::Result<SocketAddr> {
        self.listen_for(ServedCluster {
            cluster: cluster.to_owned(),
            service: cluster.to_owned(),
            subset: None,
        })
    }

    /// As [`listen`](Self::listen), with the names that answers show.
    pub fn listen_for(&self, served: ServedCluster) -> io::Result<SocketAddr> {
        let mut addresses = lock(&self.addresses);
        if let Some(address) = addresses.get(&served.cluster) {
            return Ok(*address);
        }
        let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        addresses.insert(served.cluster.clone(), address);
        self.runtime
            .spawn(connection::accept(listener, served, Arc::clone(&self.shared)));
        Ok(address)
    }

    /// Where the server of a cluster listens, if there is one.
    pub fn address(&self, cluster: &str) -> Option<SocketAddr> {
        lock(&self.addresses).get(cluster).copied()
    }

    /// Takes everything that was kept, in the order of arrival.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *lock(&self.shared.kept))
    }

    /// Takes what was kept of the requests with this `x-case`.
    pub fn take_case(&self, case: &str) -> Vec<Received> {
        lock(&self.shared.kept)
            .extract_if(.., |it| it.header("x-case") == Some(case))
            .collect()
    }

    /// Waits until so many requests with this `x-case` were kept, and takes them all; or takes what there is when
    /// `patience` is over. Mirrors arrive when the answer may already be there.
    pub fn wait_for_case(&self, case: &str, count: usize, patience: Duration) -> Vec<Received> {
        let missing = |kept: &mut Vec<Received>| {
            kept.iter().filter(|it| it.header("x-case") == Some(case)).count() < count
        };
        let kept = lock(&self.shared.kept);
        drop(self.shared.arrived.wait_timeout_while(kept, patience, missing));
        self.take_case(case)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Echo")
            .field("addresses", &*lock(&self.addresses))
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The headers of an answer that depend on the options.
    fn answer_headers<'s>(&'s self, cluster: &'s str) -> impl Iterator<Item = (&'s str, &'s str)> {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        headers.chain(self.cluster_header.as_deref().map(|name| (name, cluster)))
    }

    /// Reports a request, and says how it is to be answered; or why it is refused.
    fn receive(&self, received: Received) -> Result<Directive, String> {
        let directive = self.attempts.directive(&received);
        match &self.report {
            Report::Keep => {
                lock(&self.kept).push(received);
                self.arrived.notify_all();
            }
            Report::To(sink) => drop(sink.send(received)),
            Report::Forget => {}
        }
        directive
    }
}

/// UTF-8, or else Latin-1.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
