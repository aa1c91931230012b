//! Who is behind each cluster, and asking them: HTTP/1.1 in plain text, a connection for each request.
//!
//! Endpoints take turns, whatever the cluster's policy says, and their health is not tracked.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;

use fingerpost_config_compiler::{ClusterSummary, EndpointAddress, Endpoints};
use fingerpost_envoy_runner::Echo;
use fingerpost_proxy_model::Headers;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::body::Body;
use crate::error::LocalError;
use crate::local::{Echoes, served};

/// The endpoints of all clusters.
pub(crate) struct Upstreams {
    clusters: HashMap<String, Cluster>,
    /// How many of them an echo server replaces.
    pub(crate) echoes: usize,
}

struct Cluster {
    endpoints: Vec<Endpoint>,
    turn: Cell<usize>,
}

/// Where an upstream listens. The host may be a name.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint(EndpointAddress);

impl Upstreams {
    /// Those of a summary, with echo servers where they are wanted.
    pub(crate) fn of(summary: &[ClusterSummary], echoes: Echoes, echo: &Echo) -> Result<Self, LocalError> {
        let mut clusters = HashMap::new();
        let mut echo_servers = 0;
        for cluster in summary {
            let endpoints = if echoes.stand_in(&cluster.endpoints) {
                let address = echo
                    .listen_for(served(cluster))
                    .map_err(|error| LocalError::Surroundings(format!("an echo server: {error}")))?;
                echo_servers += 1;
                vec![Endpoint(EndpointAddress::Socket {
                    host: address.ip().to_string(),
                    port: address.port().into(),
                })]
            } else {
                known(&cluster.endpoints)
            };
            let turn = Cell::new(0);
            clusters.insert(cluster.name.clone(), Cluster { endpoints, turn });
        }
        Ok(Self {
            clusters,
            echoes: echo_servers,
        })
    }

    /// The endpoint whose turn it is; none if the cluster has none.
    pub(crate) fn next(&self, cluster: &str) -> Option<Endpoint> {
        let Cluster { endpoints, turn } = self.clusters.get(cluster)?;
        let number = turn.get();
        turn.set(number.wrapping_add(1));
        let place = number.checked_rem(endpoints.len())?;
        endpoints.get(place).cloned()
    }
}

impl Endpoint {
    /// As access logs name it.
    pub(crate) fn name(&self) -> String {
        self.0.to_string()
    }

    /// Sends a request, and waits for the head of the answer.
    pub(crate) async fn ask(&self, request: Request<Body>) -> io::Result<Response<Incoming>> {
        match &self.0 {
            EndpointAddress::Socket { host, port } => {
                let port = u16::try_from(*port).map_err(io::Error::other)?;
                let stream = TcpStream::connect((host.as_str(), port)).await?;
                stream.set_nodelay(true)?;
                send(stream, request).await
            }
            EndpointAddress::Pipe(path) => send(UnixStream::connect(path).await?, request).await,
        }
    }
}

async fn send<S>(stream: S, request: Request<Body>) -> io::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // It lives as long as the body of the answer; what goes wrong with it the body tells.
    tokio::task::spawn_local(async move { drop(connection.await) });
    sender.send_request(request).await.map_err(io::Error::other)
}

fn known(endpoints: &Endpoints) -> Vec<Endpoint> {
    match endpoints {
        Endpoints::Known(known) => known.iter().map(|it| Endpoint(it.address.clone())).collect(),
        Endpoints::Empty(_) => Vec::new(),
        Endpoints::Dns { host, port } => {
            let (host, port) = (host.clone(), *port);
            vec![Endpoint(EndpointAddress::Socket { host, port })]
        }
    }
}

/// A request as the model has it, ready to be sent with this body; none if a part of it can't be.
pub(crate) fn request(headers: &Headers, body: Body) -> Option<Request<Body>> {
    let mut request = Request::new(body);
    for (name, value) in headers {
        match name.as_slice() {
            b":method" => *request.method_mut() = value.as_slice().try_into().ok()?,
            b":path" => *request.uri_mut() = Uri::from(PathAndQuery::try_from(value.as_slice()).ok()?),
            b":authority" => drop(
                request
                    .headers_mut()
                    .insert(HOST, HeaderValue::from_bytes(value).ok()?),
            ),
            name if name.starts_with(b":") => {}
            name => {
                let name = HeaderName::from_bytes(name).ok()?;
                // The body says itself how long it is.
                if name != CONTENT_LENGTH {
                    let value = HeaderValue::from_bytes(value).ok()?;
                    request.headers_mut().append(name, value);
                }
            }
        }
    }
    Some(request)
}
