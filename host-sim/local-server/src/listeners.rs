//! The listeners on the loopback: which are open, and the connections that they accept.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use fingerpost_proxy_model::ListenerTraffic as Kind;
use fingerpost_terminal::messages::note;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use crate::error::LocalError;
use crate::exchange::{Downstream, answer};
use crate::local::{self, Listen, LocalListener};
use crate::port_owner::who_listens;
use crate::server::{Generation, Server};
use crate::tls::Handshakes;

/// More than Envoy takes as a head: the model refuses what is between.
const MOST_BUFFERED: usize = 128 * 1024;
/// How long no connection is taken after one could not be: without it the loop would use a core.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The listeners that are open.
pub struct Listeners {
    listen: Vec<Listen>,
    handshakes: Rc<Handshakes>,
    open: BTreeMap<String, OpenListener>,
    /// Those that were said not to be served.
    closed: BTreeMap<String, &'static str>,
}

struct OpenListener {
    listener: LocalListener,
    accepting: JoinHandle<()>,
    connections: Rc<GracefulShutdown>,
}

impl Listeners {
    /// None is open yet; `listen` says which ports some of them are to have.
    pub fn new(listen: Vec<Listen>) -> io::Result<Self> {
        Ok(Self {
            listen,
            handshakes: Rc::new(Handshakes::new()?),
            open: BTreeMap::new(),
            closed: BTreeMap::new(),
        })
    }

    /// Opens the listeners that there are and are not open, and closes the others. One that can't be opened does not
    /// keep the rest from it; the first of these is the error.
    pub fn suit(&mut self, server: &Rc<Server>) -> Result<(), LocalError> {
        let generation = server.generation();
        let wanted = self.wanted(&generation);
        let gone: Vec<String> = self
            .open
            .iter()
            .filter(|(name, open)| {
                let same = |it: &Wanted| it.port == open.listener.port && it.tls == open.listener.tls;
                !wanted.get(*name).is_some_and(same)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            if let Some(open) = self.open.remove(&name) {
                note(format_args!("{name} is closed"));
                spawn_local(open.close());
            }
        }
        let chosen = local::ports(&generation.loaded.compiled.summary, &self.listen);
        let (chosen, mut result) = match chosen {
            Ok(chosen) => (chosen, Ok(())),
            Err(failure) => (BTreeMap::new(), Err(failure)),
        };
        for (name, Wanted { port, tls }) in wanted {
            if self.open.contains_key(&name) {
                continue;
            }
            let on = chosen.get(name.as_str()).copied().unwrap_or_default();
            match self.listen(server, &name, port, tls, on) {
                Ok(open) => drop(self.open.insert(name, open)),
                Err(failure) => result = result.and(Err(failure)),
            }
        }
        result
    }

    /// The listeners of a summary that can be served. Of the others it is said once why they are not.
    fn wanted(&mut self, generation: &Generation) -> BTreeMap<String, Wanted> {
        let kinds: BTreeMap<&str, Kind<'_>> =
            generation.proxy.traffic().map(|it| (it.listener, it)).collect();
        let mut wanted = BTreeMap::new();
        for listener in &generation.loaded.compiled.summary.listeners {
            let kind = kinds.get(listener.name.as_str());
            match kind.map_or(Err("the model does not know it"), served_over_tls) {
                Ok(tls) => {
                    let port = listener.port;
                    wanted.insert(listener.name.clone(), Wanted { port, tls });
                }
                Err(reason) if self.closed.insert(listener.name.clone(), reason) != Some(reason) => {
                    note(format_args!("{} is not served: {reason}", listener.name));
                }
                Err(_) => {}
            }
        }
        wanted
    }

    fn listen(
        &self,
        server: &Rc<Server>,
        name: &str,
        port: u32,
        tls: bool,
        on: u16,
    ) -> Result<OpenListener, LocalError> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, on));
        let refused = |error| cannot_bind(wanted, &error);
        let socket = TcpListener::bind(wanted).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        socket.set_nonblocking(true).map_err(refused)?;
        let socket = tokio::net::TcpListener::from_std(socket).map_err(refused)?;
        let connections = Rc::new(GracefulShutdown::new());
        let listener = LocalListener {
            name: name.to_owned(),
            port,
            address,
            tls,
        };
        let handshakes = tls.then(|| Rc::clone(&self.handshakes));
        let port = u16::try_from(port).unwrap_or_default();
        let accepting = spawn_local(accept(
            socket,
            port,
            Rc::clone(server),
            handshakes,
            Rc::clone(&connections),
        ));
        Ok(OpenListener {
            listener,
            accepting,
            connections,
        })
    }

    /// Where the open ones are.
    pub fn open(&self) -> Vec<LocalListener> {
        self.open.values().map(|it| it.listener.clone()).collect()
    }

    /// Closes them all, when the requests under way have their answers.
    pub async fn close(self) {
        let closing: Vec<_> = self
            .open
            .into_values()
            .map(|it| spawn_local(it.close()))
            .collect();
        for open in closing {
            drop(open.await);
        }
    }
}

/// A listener that can be served.
struct Wanted {
    /// The Gateway's port.
    port: u32,
    tls: bool,
}

impl OpenListener {
    async fn close(self) {
        self.accepting.abort();
        drop(self.accepting.await);
        // No other owner is left.
        if let Some(connections) = Rc::into_inner(self.connections) {
            connections.shutdown().await;
        }
    }
}

/// Whether a listener is served over TLS; or why it is not served.
fn served_over_tls(kind: &Kind<'_>) -> Result<bool, &'static str> {
    match kind {
        Kind {
            wants_certificate: true,
            ..
        } => Err("it asks clients for certificates, which only `fingerpost up` makes"),
        Kind { plain: true, .. } => Ok(false),
        Kind { tls: true, .. } => Ok(true),
        Kind { .. } => Err("it carries bytes, not HTTP: `fingerpost up` serves it"),
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    port: u16,
    server: Rc<Server>,
    handshakes: Option<Rc<Handshakes>>,
    connections: Rc<GracefulShutdown>,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, as a rule: some are free again when other connections have ended.
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let (server, handshakes) = (Rc::clone(&server), handshakes.clone());
        let watcher = connections.watcher();
        // A connection that breaks is the client's business: it sees it too.
        spawn_local(async move { drop(serve(stream, port, server, handshakes, watcher).await) });
    }
}

async fn serve(
    stream: TcpStream,
    port: u16,
    server: Rc<Server>,
    handshakes: Option<Rc<Handshakes>>,
    watcher: Watcher,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let plain = Downstream { port, tls: None };
    match handshakes {
        None => {
            let is_http2 = starts_with_preface(&stream).await?;
            serve_http(stream, is_http2, plain, server, watcher).await
        }
        Some(handshakes) => {
            let (stream, tls) = handshakes.accept(stream).await?;
            let downstream = Downstream {
                tls: Some(tls),
                ..plain
            };
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            serve_http(stream, is_http2, downstream, server, watcher).await
        }
    }
}

/// Whether a client speaks HTTP/2 without asking (RFC 9113, section 3.4): its preface comes in one piece.
async fn starts_with_preface(stream: &TcpStream) -> io::Result<bool> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0";
    let mut start = [0; PREFACE.len()];
    let length = stream.peek(&mut start).await?;
    Ok(start.get(..length) == Some(PREFACE))
}

async fn serve_http<S>(
    stream: S,
    is_http2: bool,
    downstream: Downstream,
    server: Rc<Server>,
    watcher: Watcher,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(|request| answer(Rc::clone(&server), downstream.clone(), request));
    let stream = TokioIo::new(stream);
    let ended = if is_http2 {
        let connection = http2::Builder::new(OnThisThread)
            .timer(TokioTimer::new())
            .serve_connection(stream, service);
        watcher.watch(connection).await
    } else {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .max_buf_size(MOST_BUFFERED)
            .serve_connection(stream, service);
        watcher.watch(connection).await
    };
    ended.map_err(io::Error::other)
}

/// Runs the streams of HTTP/2 connections.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future + 'static> Executor<F> for OnThisThread {
    fn execute(&self, work: F) {
        drop(spawn_local(work));
    }
}

fn cannot_bind(address: SocketAddr, error: &io::Error) -> LocalError {
    LocalError::Surroundings(match error.kind() {
        io::ErrorKind::AddrInUse => {
            let who = who_listens(address.port());
            format!("{who} already listens on {address}; choose another port with --listen")
        }
        io::ErrorKind::PermissionDenied => {
            format!("listening on {address} needs privileges; choose a port from 1024 up with --listen")
        }
        _ => format!("can't listen on {address}: {error}"),
    })
}
