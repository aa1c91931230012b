//! The upstreams: one server for each cluster, which notes by which protocol it is spoken to and what it receives.
//!
//! A request says by its path what it wants: a gRPC method, or one of the paths of [`answer`]. The server of `hinting` sends early hints
//! before its answer, that of `leaving` ends each connection with its first answer, and in the place of `down` there is none.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use futures_util::future::{Either, select};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::body::{Body, Ended, long, read, text};
use super::received::{Log, Received, lock};
use super::{upstream_grpc, websocket};
use crate::operations::said;

/// What clients of HTTP/2 send first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";
/// Where nothing listens.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// The servers, all on one thread.
pub(super) struct Upstreams {
    pub(super) log: Arc<Log>,
    runtime: Handle,
    addresses: Mutex<BTreeMap<String, SocketAddr>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstreams {
    pub(super) fn start() -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(said)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        });
        Ok(Self {
            log: Arc::default(),
            runtime: handle,
            addresses: Mutex::default(),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where the server of a cluster is.
    pub(super) fn listen(&self, cluster: &str) -> Result<SocketAddr, String> {
        let mut addresses = lock(&self.addresses);
        if let Some(address) = addresses.get(cluster) {
            return Ok(*address);
        }
        if cluster.contains("|down.") {
            return Ok(NOWHERE);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(said)?;
        listener.set_nonblocking(true).map_err(said)?;
        let address = listener.local_addr().map_err(said)?;
        addresses.insert(cluster.to_owned(), address);
        let (cluster, log) = (cluster.to_owned(), Arc::clone(&self.log));
        self.runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(serve(stream, cluster.clone(), Arc::clone(&log)));
            }
            #[allow(unreachable_code, reason = "it gives the loop's errors a type")]
            Ok::<(), std::io::Error>(())
        });
        Ok(address)
    }
}

impl Drop for Upstreams {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(stream: TcpStream, cluster: String, log: Arc<Log>) {
    let mut first = [0; PREFACE.len()];
    // A peek returns as soon as there is anything; clients send their preface as one.
    let is_http2 = stream
        .peek(&mut first)
        .await
        .is_ok_and(|count| PREFACE.starts_with(&first[..count]));
    if cluster.contains("|hinting.") {
        let _ = hint(stream).await;
        return;
    }
    let is_leaving = cluster.contains("|leaving.");
    let asked = Arc::new(Notify::new());
    let service = service_fn(|request| {
        asked.notify_one();
        answer(request, cluster.clone(), Arc::clone(&log))
    });
    let stream = TokioIo::new(stream);
    if is_http2 {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let mut connection = pin!(server.serve_connection(stream, service));
        if is_leaving {
            match select(connection.as_mut(), pin!(asked.notified())).await {
                Either::Left(_) => return,
                Either::Right(_) => connection.as_mut().graceful_shutdown(),
            }
        }
        let _ = connection.await;
    } else {
        let server = hyper::server::conn::http1::Builder::new();
        let _ = server.serve_connection(stream, service).with_upgrades().await;
    }
}

/// Answers one request, after hints: a server of HTTP/1.1 that no library writes.
async fn hint(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let answer = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    stream.write_all(answer.as_bytes()).await
}

/// Answers by the path:
/// - `/socket`: a WebSocket that sends back what it gets,
/// - `/early`: before the body has come,
/// - `/count`: the length of the body, once all of it has come, with trailers,
/// - `/bytes/N`: a body of N bytes,
/// - `/events`: one event, then nothing for ever,
/// - anything else: `ok`.
async fn answer(
    mut request: Request<Incoming>,
    cluster: String,
    log: Arc<Log>,
) -> Result<Response<Body>, Infallible> {
    let uri = request.uri();
    let host = request
        .headers()
        .get("host")
        .map(|it| it.to_str().unwrap_or_default());
    let received = Received {
        cluster: cluster.clone(),
        version: request.version(),
        path: uri.path_and_query().map_or_else(String::new, ToString::to_string),
        authority: uri
            .authority()
            .map_or_else(|| host.unwrap_or_default().to_owned(), ToString::to_string),
        headers: request.headers().clone(),
        ended: None,
    };
    let index = log.add(received);
    if upstream_grpc::is_call(request.headers()) {
        return Ok(upstream_grpc::answer(request, cluster, &log, index).await);
    }
    let path = request.uri().path().to_owned();
    let answer = match path.as_str() {
        "/socket" => return Ok(websocket::accept(&mut request)),
        "/early" => {
            tokio::spawn(async move { log.end(index, read(request.into_body()).await) });
            return Ok(Response::new(text("early")));
        }
        "/events" => {
            let event = stream::iter([Ok(Frame::data(Bytes::from_static(b"data: one\n\n")))]);
            let endless = event.chain(stream::pending());
            Response::new(Body::new(StreamBody::new(endless)))
        }
        _ => match path.strip_prefix("/bytes/").map(str::parse) {
            Some(Ok(count)) => Response::new(long(count)),
            _ => Response::new(text("ok")),
        },
    };
    let ended = read(request.into_body()).await;
    log.end(index, ended.clone());
    Ok(match (path.as_str(), ended) {
        ("/count", Ended::Whole { bytes, .. }) => with_trailers(bytes),
        _ => answer,
    })
}

fn with_trailers(bytes: usize) -> Response<Body> {
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from(bytes))]);
    let frames = [
        Ok::<_, Infallible>(Frame::data(Bytes::from(bytes.to_string()))),
        Ok(Frame::trailers(trailers)),
    ];
    let mut response = Response::new(Body::new(StreamBody::new(stream::iter(frames))));
    let announced = HeaderValue::from_static("x-sum");
    response.headers_mut().insert("trailer", announced);
    response
}
