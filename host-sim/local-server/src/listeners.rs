//! The listeners on the loopback: which are open, and the connections that they accept.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use fingerpost_proxy_model::{Failure, ListenerTraffic as Kind, Tls};
use fingerpost_terminal::messages::note;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use crate::client_certificates::lacks_authorities;
use crate::drain::{Connection, Connections};
use crate::error::LocalError;
use crate::exchange::{Downstream, answer};
use crate::executor::OnThisThread;
use crate::hello::{self, Hello};
use crate::local::{self, Listen, LocalListener};
use crate::port_owner::who_listens;
use crate::relay::relay;
use crate::server::{Generation, Server};
use crate::tls::{self, Handshakes};

/// More than Envoy takes as a head: the model refuses what is between.
const MOST_BUFFERED: usize = 128 * 1024;
/// How long no connection is taken after one could not be: without it the loop would use a core.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The listeners that are open.
pub struct Listeners {
    listen: Vec<Listen>,
    handshakes: Rc<Handshakes>,
    open: BTreeMap<String, OpenListener>,
}

struct OpenListener {
    listener: LocalListener,
    accepting: JoinHandle<()>,
    connections: Rc<Connections>,
}

impl Listeners {
    /// None is open yet; `listen` says which ports some of them are to have.
    pub fn new(listen: Vec<Listen>) -> io::Result<Self> {
        Ok(Self {
            listen,
            handshakes: Rc::new(Handshakes::new()?),
            open: BTreeMap::new(),
        })
    }

    /// Opens the listeners that there are and are not open, and closes the others. One that can't be opened does not
    /// keep the rest from it; the first of these is the error.
    pub fn suit(&mut self, server: &Rc<Server>) -> Result<(), LocalError> {
        let generation = server.generation();
        let wanted = Self::wanted(&generation);
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

    /// The listeners of a summary.
    fn wanted(generation: &Generation) -> BTreeMap<String, Wanted> {
        let kinds: BTreeMap<&str, Kind<'_>> =
            generation.proxy.traffic().map(|it| (it.listener, it)).collect();
        let mut wanted = BTreeMap::new();
        for listener in &generation.loaded.compiled.summary.listeners {
            let kind = kinds.get(listener.name.as_str());
            if let Some(kind) = kind {
                let wanted_listener = Wanted {
                    port: listener.port,
                    // One in plain text reads no server names.
                    tls: kind.inspects,
                };
                wanted.insert(listener.name.clone(), wanted_listener);
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
        let connections = Rc::new(Connections::new());
        let listener = LocalListener {
            name: name.to_owned(),
            port,
            address,
            tls,
        };
        let entrance = Entrance {
            listener: name.to_owned(),
            port: u16::try_from(port).unwrap_or_default(),
            inspects: tls,
            server: Rc::clone(server),
            handshakes: Rc::clone(&self.handshakes),
        };
        let accepting = spawn_local(accept(socket, Rc::new(entrance), Rc::clone(&connections)));
        Ok(OpenListener {
            listener,
            accepting,
            connections,
        })
    }

    /// Those that would judge clients by authorities which are not on this machine.
    pub fn without_authorities(&self, server: &Server) -> Vec<String> {
        let generation = server.generation();
        let compiled = &generation.loaded.compiled;
        let lacks = |name: &&String| {
            tls::contexts(compiled, name).any(|(_, context)| lacks_authorities(context, compiled))
        };
        self.open.keys().filter(lacks).cloned().collect()
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

/// A listener that is to be open.
struct Wanted {
    /// The Gateway's port.
    port: u32,
    tls: bool,
}

impl OpenListener {
    async fn close(self) {
        self.accepting.abort();
        drop(self.accepting.await);
        self.connections.close().await;
    }
}

/// What all connections of a listener share.
struct Entrance {
    /// Envoy's name of it.
    listener: String,
    /// The Gateway's port.
    port: u16,
    /// Whether it waits for the first bytes of a client, to choose a chain by its server name.
    inspects: bool,
    server: Rc<Server>,
    handshakes: Rc<Handshakes>,
}

async fn accept(listener: tokio::net::TcpListener, entrance: Rc<Entrance>, connections: Rc<Connections>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, as a rule: some are free again when other connections have ended.
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let entrance = Rc::clone(&entrance);
        let connection = connections.add();
        // A connection that breaks is the client's business: it sees it too.
        spawn_local(async move { drop(entrance.serve(stream, connection).await) });
    }
}

impl Entrance {
    async fn serve(&self, mut stream: TcpStream, connection: Connection) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let generation = self.server.generation();
        if !self.inspects {
            return match generation.proxy.accept(self.port, None) {
                Ok(accepted) if !accepted.is_http => self.relay(stream, None, connection).await,
                Ok(_) => {
                    let is_http2 = starts_with_preface(&stream).await?;
                    self.serve_http(stream, is_http2, None, connection).await
                }
                Err(_) => Ok(()),
            };
        }
        let (hello, start) = hello::read(&mut stream).await?;
        let is_http2 = start.starts_with(PREFACE);
        let stream = hello::replay(stream, start);
        let sni = match hello {
            Hello::Tls(sni) => sni,
            Hello::Plain => {
                return match generation.proxy.accept(self.port, None) {
                    Ok(accepted) if accepted.is_http => {
                        self.serve_http(stream, is_http2, None, connection).await
                    }
                    Ok(_) => self.relay(stream, None, connection).await,
                    Err(_) => Ok(()),
                };
            }
        };
        // Whether a certificate will do is for the handshake to say.
        let mut tls = Tls {
            sni,
            client_cert: Some(true.into()),
        };
        let accepted = match generation.proxy.accept(self.port, Some(&tls)) {
            Ok(accepted) => accepted,
            // A chain in plain text reads the hello as a request, and answers 400.
            Err(Failure::Tls) => return self.serve_http(stream, false, None, connection).await,
            Err(Failure::Closed | Failure::NoListener) => {
                let asked = match &tls.sni {
                    Some(name) => format!("asks for the server name `{name}`"),
                    None => "sends no server name".to_owned(),
                };
                note(format_args!(
                    "{}: connection closed: the client {asked}, which no filter chain takes",
                    self.listener
                ));
                return Ok(());
            }
        };
        if !accepted.ends_tls {
            return self.relay(stream, Some(tls), connection).await;
        }
        let compiled = &generation.loaded.compiled;
        let context = tls::context(compiled, &self.listener, accepted.server_names)
            .ok_or_else(|| io::Error::other("the chain has no TLS context"))?;
        let (stream, shows_certificate) = self
            .handshakes
            .accept(stream, tls.sni.as_deref(), context, compiled)
            .await
            .inspect_err(|error| {
                note(format_args!("{}: a TLS handshake failed: {error}", self.listener));
            })?;
        tls.client_cert = shows_certificate.then(|| true.into());
        if !accepted.is_http {
            return self.relay(stream, Some(tls), connection).await;
        }
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.serve_http(stream, is_http2, Some(tls), connection).await
    }

    /// Passes the bytes on. A relay has no end of its own, so it does not hold up that of the listener.
    async fn relay<S>(&self, stream: S, tls: Option<Tls>, connection: Connection) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        drop(connection);
        relay(stream, self.port, tls, Rc::clone(&self.server)).await
    }

    async fn serve_http<S>(
        &self,
        stream: S,
        is_http2: bool,
        tls: Option<Tls>,
        connection: Connection,
    ) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let downstream = Downstream { port: self.port, tls };
        let service = service_fn(|request| answer(Rc::clone(&self.server), downstream.clone(), request));
        let stream = TokioIo::new(stream);
        let ended = if is_http2 {
            let served = http2::Builder::new(OnThisThread)
                .timer(TokioTimer::new())
                .serve_connection(stream, service);
            connection.run(served, http2::Connection::graceful_shutdown).await
        } else {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .max_buf_size(MOST_BUFFERED)
                .serve_connection(stream, service)
                .with_upgrades();
            connection
                .run(served, http1::UpgradeableConnection::graceful_shutdown)
                .await
        };
        ended.map_err(io::Error::other)
    }
}

/// How a client begins that speaks HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// Whether a client speaks HTTP/2 without asking: its preface comes in one piece.
async fn starts_with_preface(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; PREFACE.len()];
    let length = stream.peek(&mut start).await?;
    Ok(start.get(..length) == Some(PREFACE))
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
