//! Who is behind each cluster, and asking them: in plain text, a connection for each request, in the version of HTTP that the
//! cluster has.
//!
//! Endpoints take turns, whatever the cluster's policy says, and their health is not tracked.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;

use fingerpost_config_compiler::{ClusterProtocol, ClusterSummary, EndpointAddress, Endpoints};
use fingerpost_envoy_runner::Echo;
use fingerpost_proxy_model::Headers;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::body::Body;
use crate::error::LocalError;
use crate::executor::OnThisThread;
use crate::local::{Echoes, served};

/// The endpoints of all clusters.
pub(crate) struct Upstreams {
    clusters: HashMap<String, Cluster>,
    /// How many of them an echo server replaces.
    pub(crate) echoes: usize,
}

struct Cluster {
    endpoints: Vec<EndpointAddress>,
    protocol: ClusterProtocol,
    turn: Cell<usize>,
}

/// Where an upstream listens, and what it speaks. The host may be a name.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    address: EndpointAddress,
    protocol: ClusterProtocol,
}

/// A connection to an upstream.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

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
                vec![EndpointAddress::Socket {
                    host: address.ip().to_string(),
                    port: address.port().into(),
                }]
            } else {
                known(&cluster.endpoints)
            };
            let cluster_of = Cluster {
                endpoints,
                protocol: cluster.upstream.http,
                turn: Cell::new(0),
            };
            clusters.insert(cluster.name.clone(), cluster_of);
        }
        Ok(Self {
            clusters,
            echoes: echo_servers,
        })
    }

    /// The endpoint whose turn it is; none if the cluster has none.
    pub(crate) fn next(&self, cluster: &str) -> Option<Endpoint> {
        let Cluster {
            endpoints,
            protocol,
            turn,
        } = self.clusters.get(cluster)?;
        let number = turn.get();
        turn.set(number.wrapping_add(1));
        let index = number.checked_rem(endpoints.len())?;
        Some(Endpoint {
            address: endpoints.get(index)?.clone(),
            protocol: *protocol,
        })
    }
}

impl Endpoint {
    /// As access logs name it.
    pub(crate) fn name(&self) -> String {
        self.address.to_string()
    }

    /// Opens a connection.
    pub(crate) async fn open(&self) -> io::Result<Box<dyn Connection>> {
        Ok(match &self.address {
            EndpointAddress::Socket { host, port } => {
                let port = u16::try_from(*port).map_err(io::Error::other)?;
                let stream = TcpStream::connect((host.as_str(), port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            EndpointAddress::Pipe(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    /// Sends a request of a client that speaks `version`, and waits for the head of the answer.
    pub(crate) async fn ask(
        &self,
        request: Request<Body>,
        version: Version,
    ) -> io::Result<Response<Incoming>> {
        let is_http2 = match self.protocol {
            ClusterProtocol::Http2 => true,
            ClusterProtocol::Client => version == Version::HTTP_2,
            ClusterProtocol::Http1 | ClusterProtocol::Bytes => false,
        };
        let stream = TokioIo::new(self.open().await?);
        if is_http2 {
            let (mut sender, connection) = http2::handshake(OnThisThread, stream)
                .await
                .map_err(io::Error::other)?;
            tokio::task::spawn_local(async move { drop(connection.await) });
            return sender
                .send_request(in_http2(request)?)
                .await
                .map_err(io::Error::other);
        }
        let (mut sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
        // It lives as long as the body of the answer, or as what the answer goes on in; what goes wrong with it these tell.
        tokio::task::spawn_local(async move { drop(connection.with_upgrades().await) });
        sender.send_request(request).await.map_err(io::Error::other)
    }
}

/// The request as HTTP/2 has it: the host is in the URI, and nothing is said of the connection (RFC 9113, section 8.2.2).
fn in_http2(mut request: Request<Body>) -> io::Result<Request<Body>> {
    let host = request.headers_mut().remove(HOST);
    let authority = host.as_ref().map(HeaderValue::as_bytes).unwrap_or_default();
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::builder()
        .scheme("http")
        .authority(authority)
        .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build()
        .map_err(io::Error::other)?;
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ] {
        request.headers_mut().remove(name);
    }
    *request.version_mut() = Version::HTTP_2;
    Ok(request)
}

fn known(endpoints: &Endpoints) -> Vec<EndpointAddress> {
    match endpoints {
        Endpoints::Known(_) | Endpoints::Empty(_) => {
            // Those that take over from others wait: nothing here fails an endpoint.
            let used = endpoints.shares().into_iter().filter(|(_, share)| *share > 0.0);
            used.map(|(it, _)| it.address.clone()).collect()
        }
        Endpoints::Dns { host, port } => {
            let (host, port) = (host.clone(), *port);
            vec![EndpointAddress::Socket { host, port }]
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
