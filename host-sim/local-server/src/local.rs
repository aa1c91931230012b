//! Where the compiled listeners are on this machine, which upstreams an echo server replaces, and how to reach a rule.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use fingerpost_config_compiler::{
    ClusterSummary, Endpoints, HostSummary, ListenerSummary, RouteSummary, Summary,
};
use fingerpost_envoy_runner::ServedCluster;
use fingerpost_terminal::listing::Remarks;
use fingerpost_terminal::names::without_domain;
use fingerpost_terminal::style::{DIM, NAME, paint};

use crate::error::LocalError;

/// `--listen 80=8080`: a Gateway's port, and the one on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    declared: u32,
    port: u16,
}

/// Which clusters an echo server replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echoes {
    /// Those whose endpoints the input does not tell.
    Unknown,
    /// All clusters.
    All,
    /// No cluster.
    None,
}

/// Where a listener can be reached.
#[derive(Debug, Clone)]
pub struct LocalListener {
    /// The listener's name in the configuration.
    pub name: String,
    /// The Gateway's port.
    pub port: u32,
    /// Where it is on this machine.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// What the echo server of a cluster calls itself.
pub fn served(cluster: &ClusterSummary) -> ServedCluster {
    ServedCluster {
        cluster: cluster.name.clone(),
        service: without_domain(&format!("{}:{}", cluster.host, cluster.port)),
        subset: cluster.subset.clone(),
    }
}

impl Echoes {
    /// What the flags `--no-echo` and `--echo-all` ask for.
    pub fn wanted(no_echo: bool, echo_all: bool) -> Self {
        match (no_echo, echo_all) {
            (true, _) => Self::None,
            (false, true) => Self::All,
            (false, false) => Self::Unknown,
        }
    }

    /// Whether an echo server replaces a cluster with these endpoints.
    pub fn stand_in(self, endpoints: &Endpoints) -> bool {
        match (self, endpoints) {
            // Nothing answers there in a cluster either.
            (_, Endpoints::Empty(_)) | (Self::None, _) => false,
            (Self::All, _) | (Self::Unknown, Endpoints::Dns { .. }) => true,
            (Self::Unknown, Endpoints::Known(_)) => false,
        }
    }
}

/// The ports that were chosen, by the names of listeners.
pub fn ports<'p>(summary: &'p Summary, listen: &[Listen]) -> Result<BTreeMap<&'p str, u16>, LocalError> {
    let mut chosen = BTreeMap::new();
    for Listen { declared, port } in listen {
        let found: Vec<&ListenerSummary> = summary
            .listeners
            .iter()
            .filter(|it| has_port(it, *declared))
            .collect();
        match found.as_slice() {
            [one] => {
                chosen.insert(one.name.as_str(), *port);
            }
            [] => {
                let ports: Vec<String> = summary.listeners.iter().map(|it| it.port.to_string()).collect();
                return Err(LocalError::Refused(format!(
                    "--listen {declared}={port}: no listener has port {declared}: there is {}",
                    ports.join(", ")
                )));
            }
            several => {
                let names: Vec<&str> = several.iter().map(|it| it.name.as_str()).collect();
                return Err(LocalError::Refused(format!(
                    "--listen {declared}={port}: several listeners have port {declared}: {}",
                    names.join(", ")
                )));
            }
        }
    }
    Ok(chosen)
}

impl Listen {
    /// Whether there is a listener that it can be for.
    pub fn is_for_one_of(&self, summary: &Summary) -> bool {
        summary.listeners.iter().any(|it| has_port(it, self.declared))
    }
}

fn has_port(listener: &ListenerSummary, declared: u32) -> bool {
    listener.port == declared || listener.listen_port == declared
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text
            .split_once('=')
            .and_then(|(declared, port)| Some((declared.parse().ok()?, port.parse().ok()?)));
        match parsed {
            Some((declared, port)) => Ok(Self { declared, port }),
            None => Err(format!(
                "invalid ports `{text}`: expected the Gateway's port and yours, such as 80=8080"
            )),
        }
    }
}

/// Adds to the tables where each listener is, and how each rule is reached.
pub struct CurlHints<'a> {
    /// The open listeners.
    pub listeners: &'a [LocalListener],
    /// The directory of `client.crt` and `client.key`, by the listener that wants to see them.
    pub clients: &'a BTreeMap<String, PathBuf>,
}

impl Remarks for CurlHints<'_> {
    fn beside(&self, listener: &ListenerSummary) -> String {
        let Some(local) = self.listeners.iter().find(|it| it.name == listener.name) else {
            return paint(DIM, &listener.protocol);
        };
        let protocol = paint(
            DIM,
            format_args!("Gateway port {}, {}", listener.port, listener.protocol),
        );
        format!(
            "{}  {protocol}",
            paint(NAME, format_args!("at {}", local.address))
        )
    }

    fn below(&self, listener: &ListenerSummary, host: &HostSummary, route: &RouteSummary) -> Option<String> {
        let local = self.listeners.iter().find(|it| it.name == listener.name)?;
        if host.route_config.is_none() {
            return Some(bytes_line(local.address, host));
        }
        let way = fingerpost_curl::Way {
            address: local.address,
            tls: host.over_tls,
            client: self.clients.get(&listener.name).map(PathBuf::as_path),
        };
        route.example.as_ref().map(|it| fingerpost_curl::line(it, &way))
    }
}

/// A command that opens a connection of bytes: through TLS if clients are to speak it.
fn bytes_line(address: SocketAddr, host: &HostSummary) -> String {
    if !host.over_tls {
        return format!("nc {} {}", address.ip(), address.port());
    }
    let exact = host.domains.iter().find(|it| !it.contains('*'));
    let name = exact.or(host.domains.iter().find(|it| *it != "*"));
    let name = name.map_or(String::new(), |it| {
        format!(" -servername {}", it.replace('*', "any"))
    });
    format!("openssl s_client -quiet -connect {address}{name}")
}
