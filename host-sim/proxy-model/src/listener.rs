//! Listeners and their filter chains: which chain serves a connection.

use fingerpost_envoy_config::core::{Address, Extension};
use fingerpost_envoy_config::listener::{FilterChainMatch, ListenerFilterConfig, TransportSocketConfig};
use fingerpost_envoy_http::domain::{Fit, fit};
use serde::Deserialize;
use serde_json::Value;

use crate::ModelError;
use crate::connection::Connection;
use crate::http::Http;
use crate::outcome::Failure;
use crate::read::{Ignored, list, message};
use crate::tcp::Tcp;

/// A listener.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) port: u16,
    reads_server_names: bool,
    pub(crate) chains: Vec<Chain>,
}

/// A filter chain.
#[derive(Debug)]
pub(crate) struct Chain {
    /// In lower case; empty for any connection.
    server_names: Vec<String>,
    tls: Option<TlsEnd>,
    pub(crate) network: Network,
}

/// Where TLS ends.
#[derive(Debug)]
struct TlsEnd {
    needs_certificate: bool,
}

/// What happens to the bytes.
#[derive(Debug)]
pub(crate) enum Network {
    Http(Box<Http>),
    Tcp(Tcp),
}

/// What a listener takes, by its chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerTraffic<'m> {
    /// The listener's name.
    pub listener: &'m str,
    /// Whether a chain takes HTTP in plain text.
    pub plain: bool,
    /// Whether a chain ends TLS, and takes HTTP in it.
    pub tls: bool,
    /// Whether such a chain requires the client's certificate.
    pub wants_certificate: bool,
    /// Whether a chain carries bytes.
    pub bytes: bool,
    /// Whether it reads the server names of TLS clients, to choose a chain by them.
    pub inspects: bool,
}

/// What Envoy makes of a connection, before any request on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted<'m> {
    /// The server names of the chain that takes it, in lower case; empty for any.
    pub server_names: &'m [String],
    /// Whether TLS ends at the chain.
    pub ends_tls: bool,
    /// Whether the chain takes HTTP; else bytes.
    pub is_http: bool,
}

/// A filter chain whose server names fit a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FittingChain<'m> {
    /// All its server names, in lower case; empty for any.
    pub server_names: &'m [String],
    /// The one that fits; none if it takes any.
    pub fitting: Option<&'m str>,
    fit: Fit,
}

/// A `Listener` without its chains, which are read one by one: an error then names the chain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenerHead {
    name: String,
    address: Address,
    #[serde(default)]
    listener_filters: Vec<Extension<ListenerFilterConfig>>,
    #[serde(rename = "filter_chains")]
    _filter_chains: Ignored,
    #[serde(default, rename = "traffic_direction")]
    _direction: Ignored,
    #[serde(default, rename = "access_log")]
    _access_log: Ignored,
    #[serde(default, rename = "stat_prefix")]
    _stat_prefix: Ignored,
    #[serde(default, rename = "ignore_global_conn_limit")]
    _limit: Ignored,
}

/// A `FilterChain` without its filters, which are read elsewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainHead {
    #[serde(default)]
    filter_chain_match: FilterChainMatch,
    #[serde(rename = "filters")]
    _filters: Ignored,
    transport_socket: Option<Extension<TransportSocketConfig>>,
    #[serde(default, rename = "transport_socket_connect_timeout")]
    _handshake: Ignored,
    #[serde(default, rename = "name")]
    _name: Ignored,
}

/// The port; 0 of a Unix socket, which no request to a port reaches.
fn port(address: &Address) -> Result<u16, ModelError> {
    match address {
        Address::SocketAddress(address) => u16::try_from(address.port_value).map_err(ModelError::new),
        Address::Pipe(_) => Ok(0),
    }
}

impl Listener {
    /// Reads a `Listener`.
    pub(crate) fn read(value: &Value, refuses_fragments: bool) -> Result<Self, ModelError> {
        let head: ListenerHead = message(value)?;
        let chains = list(value, "filter_chains")?;
        let chains = chains.iter().enumerate().map(|(index, value)| {
            Chain::read(value, &head.name, refuses_fragments)
                .map_err(|error| error.within(format!("filter_chains[{index}]")))
        });
        Ok(Self {
            chains: chains.collect::<Result<_, _>>()?,
            port: port(&head.address)?,
            // The only filter there is reads them.
            reads_server_names: !head.listener_filters.is_empty(),
            name: head.name,
        })
    }

    pub(crate) fn traffic(&self) -> ListenerTraffic<'_> {
        let is_http = |it: &&Chain| matches!(it.network, Network::Http(_));
        let ends = || self.chains.iter().filter(is_http).map(|it| &it.tls);
        ListenerTraffic {
            listener: &self.name,
            plain: ends().any(Option::is_none),
            tls: ends().any(Option::is_some),
            wants_certificate: ends().flatten().any(|it| it.needs_certificate),
            bytes: self.chains.iter().any(|it| matches!(it.network, Network::Tcp(_))),
            inspects: self.reads_server_names,
        }
    }

    /// The chains whose names fit this server name, the most specific first: that one takes the connection.
    pub(crate) fn fitting(&self, server_name: Option<&str>) -> Vec<FittingChain<'_>> {
        let name = self.read_name(server_name);
        let fitting = self.chains.iter().filter_map(|chain| {
            let (fit, fitting) = chain.fitting_name(&name)?;
            Some(FittingChain {
                server_names: &chain.server_names,
                fitting,
                fit,
            })
        });
        let mut fitting: Vec<FittingChain<'_>> = fitting.collect();
        // Stable: of equals the last one counts, as in `chain`.
        fitting.reverse();
        fitting.sort_by_key(|it| std::cmp::Reverse(it.fit));
        fitting
    }

    /// The server name as the chains see it: none if the listener reads none.
    fn read_name(&self, server_name: Option<&str>) -> String {
        let name = server_name.filter(|_| self.reads_server_names);
        name.unwrap_or_default().to_ascii_lowercase()
    }

    /// What becomes of a connection.
    pub(crate) fn accept(&self, connection: &Connection<'_>) -> Result<Accepted<'_>, Failure> {
        let chain = self.chain(connection)?;
        Ok(Accepted {
            server_names: &chain.server_names,
            ends_tls: chain.tls.is_some(),
            is_http: matches!(chain.network, Network::Http(_)),
        })
    }

    /// The chain that serves a connection.
    pub(crate) fn chain(&self, connection: &Connection<'_>) -> Result<&Chain, Failure> {
        let name = self.read_name(connection.server_name());
        let fitting = self.chains.iter().filter_map(|it| Some((it.fit(&name)?, it)));
        let (_, chain) = fitting.max_by_key(|(fit, _)| *fit).ok_or(Failure::Closed)?;
        match (&chain.tls, connection.tls) {
            // TLS is met with a plain 400, or plain text with the end of the connection.
            (None, Some(_)) if matches!(chain.network, Network::Http(_)) => Err(Failure::Tls),
            (Some(_), None) => Err(Failure::Closed),
            (Some(end), Some(tls)) if end.needs_certificate && !tls.shows_certificate() => Err(Failure::Tls),
            _ => Ok(chain),
        }
    }
}

impl Chain {
    fn read(value: &Value, listener: &str, refuses_fragments: bool) -> Result<Self, ModelError> {
        let head: ChainHead = message(value)?;
        let [filter] = list(value, "filters")? else {
            return Err(ModelError::new("expected one network filter"));
        };
        let config = filter
            .get("typed_config")
            .ok_or_else(|| ModelError::new("a network filter without typed_config"))?;
        let kind = config.get("@type").and_then(Value::as_str).unwrap_or_default();
        let network = match kind.rsplit('.').next() {
            Some("HttpConnectionManager") => {
                Network::Http(Box::new(Http::read(config, listener, refuses_fragments)?))
            }
            Some("TcpProxy") => Network::Tcp(Tcp::read(config)?),
            _ => {
                return Err(ModelError::new(format!(
                    "the network filter {kind} is not modelled"
                )));
            }
        };
        let names = head.filter_chain_match.server_names;
        Ok(Self {
            server_names: names.iter().map(|it| it.to_ascii_lowercase()).collect(),
            tls: head.transport_socket.map(|socket| {
                let TransportSocketConfig::DownstreamTls(tls) = socket.typed_config;
                TlsEnd {
                    needs_certificate: tls.require_client_certificate.unwrap_or_default(),
                }
            }),
            network,
        })
    }

    /// How closely it fits a server name, which is in lower case.
    fn fit(&self, name: &str) -> Option<Fit> {
        self.fitting_name(name).map(|(fit, _)| fit)
    }

    /// The same, and the server name of the chain that fits; none if it takes any.
    fn fitting_name(&self, name: &str) -> Option<(Fit, Option<&str>)> {
        if self.server_names.is_empty() {
            return Some((Fit::Any, None));
        }
        let fitting = self
            .server_names
            .iter()
            .filter_map(|pattern| Some((fit(pattern, name)?, Some(pattern.as_str()))));
        fitting.max()
    }
}
