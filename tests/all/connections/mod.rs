//! Connections of TCP and TLS routes, in a stock Envoy: which cluster takes them, which are closed, and by whom.
//!
//! The upstreams speak first, as MySQL's server does: what reaches the client says which upstream it was. Clients send what a
//! case is about: nothing, plain text, or the first message of TLS with a server name.

mod peers;
mod resources;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use fingerpost_config_compiler::{Engine, Options};
use fingerpost_envoy_runner::{Bootstrap, RunningEnvoy, StartOptions};
use fingerpost_tests::client::Failure;
use fingerpost_tests::compiled;
use fingerpost_tests::tls_client::Client;
use fingerpost_tests::tls_session::is_refusal;
use serde_json::json;

use crate::engines::{envoy, one_envoy_at_a_time};
use crate::operations::said;
use peers::{Upstreams, read_to_the_end, talk};
use resources::{HASHED, resources};

/// What Envoy waits for on a listener with TLS before it looks at a connection: 15 s unless it is told otherwise.
const LISTENER_FILTERS_TIMEOUT: &str = "0.2s";

pub(crate) fn go_where_istio_sends_them() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let cast = Cast::start()?;
    let mut failures = Vec::new();
    for (port, sent, expected) in cases() {
        let seen = cast.see(port, &sent);
        if seen.as_deref() != Ok(expected) {
            failures.push(format!(
                "port {port}, {sent:?}: expected `{expected}`, got {seen:?}"
            ));
        }
    }
    failures.extend(cast.tls_that_ends_here());
    failures.extend(cast.clients_keep_their_endpoint());
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures.join("\n")),
    }
}

/// What a client sends when it has connected.
#[derive(Debug)]
enum Sent {
    Nothing,
    PlainText,
    /// A ClientHello, with a server name or without.
    Tls(Option<&'static str>),
}

/// No upstream has greeted the client.
const CLOSED: &str = "";

/// The Gateway's port, what the client sends, and the upstream that it reaches.
fn cases() -> Vec<(u16, Sent, &'static str)> {
    let tls = |name: &'static str| Sent::Tls(Some(name));
    vec![
        // Nothing but TCP: the client may wait for the server.
        (3306, Sent::Nothing, "mysql"),
        (3306, Sent::PlainText, "mysql"),
        (3306, tls("a.example.com"), "mysql"),
        // By server name, the most specific first.
        (443, tls("a.example.com"), "one"),
        (443, tls("A.Example.COM"), "one"),
        (443, tls("b.example.com"), "wide"),
        (443, tls("x.b.example.com"), "wide"),
        (443, tls("x.deep.example.com"), "deep"),
        (443, tls("deep.example.com"), "wide"),
        (443, tls("example.com"), CLOSED),
        (443, Sent::Tls(None), CLOSED),
        (443, Sent::PlainText, CLOSED),
        // A chain without a server name takes the rest, plain text too.
        (444, tls("a.example.com"), "one"),
        (444, tls("other.test"), "any"),
        (444, Sent::Tls(None), "any"),
        (444, Sent::PlainText, "any"),
        // TLS and bytes on one port: Envoy waits for the client, and a client that waits too is closed.
        (445, tls("a.example.com"), "one"),
        (445, tls("other.test"), "mysql"),
        (445, Sent::PlainText, "mysql"),
        (445, Sent::Nothing, CLOSED),
        // Two hosts, one port: the first rule has both.
        (5432, Sent::Nothing, "first"),
        // Subnets exclude no connection.
        (5433, Sent::Nothing, "near"),
        // The cluster does not exist.
        (5434, Sent::Nothing, CLOSED),
    ]
}

/// All that runs.
struct Cast {
    ports: BTreeMap<u16, SocketAddr>,
    _envoy: RunningEnvoy,
    upstreams: Upstreams,
    _folder: tempfile::TempDir,
}

impl Cast {
    fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(said)?;
        let upstreams = Upstreams::start().map_err(said)?;
        let hashed: Vec<u16> = upstreams.hashed().map(|it| it.port()).collect();
        let options = Options {
            engine: Engine::Native,
            ..Options::default()
        };
        let compiled = compiled::of_text(&resources(&hashed)?, &options)?;
        let mut bootstrap = Bootstrap(compiled.bootstrap_json());
        for cluster in bootstrap.clusters() {
            let service = cluster.rsplit('|').next().unwrap_or_default();
            let service = service.split('.').next().unwrap_or_default();
            if service != HASHED {
                bootstrap.point_cluster(&cluster, upstreams.address(service)?);
            }
        }
        bootstrap.bind_listeners_to_free_ports();
        let listeners = bootstrap.0.pointer_mut("/static_resources/listeners");
        for listener in listeners.and_then(|it| it.as_array_mut()).into_iter().flatten() {
            if listener.get("listener_filters").is_some() {
                listener["listener_filters_timeout"] = json!(LISTENER_FILTERS_TIMEOUT);
            }
        }
        let envoy = RunningEnvoy::start(&envoy()?, &bootstrap, folder.path(), StartOptions::default());
        let envoy = envoy.map_err(said)?;
        let listening = envoy.listeners().map_err(said)?;
        let ports = compiled::ports(&compiled).into_iter().filter_map(|(port, name)| {
            let found = listening.iter().find(|it| it.name == name)?;
            Some((port, found.address))
        });
        Ok(Self {
            ports: ports.collect(),
            _envoy: envoy,
            upstreams,
            _folder: folder,
        })
    }

    fn address(&self, port: u16) -> Result<SocketAddr, String> {
        let found = self.ports.get(&port).copied();
        found.ok_or_else(|| format!("nothing listens on port {port}"))
    }

    /// The upstream that greets a client.
    fn see(&self, port: u16, sent: &Sent) -> Result<String, String> {
        let bytes = match sent {
            Sent::Nothing => Vec::new(),
            Sent::PlainText => b"PING\r\n".to_vec(),
            Sent::Tls(name) => Client::default().first_message(*name).map_err(said)?,
        };
        talk(self.address(port)?, Ipv4Addr::LOCALHOST.into(), &bytes).map_err(said)
    }

    /// TLS that ends before `tcp` rules: each server has its names, its certificate and its rule.
    fn tls_that_ends_here(&self) -> Vec<String> {
        let greeted = |name: Option<&str>| -> Result<String, String> {
            let tcp = TcpStream::connect(self.address(6380)?).map_err(said)?;
            match Client::default().shake_hands(tcp, name) {
                Ok(stream) => read_to_the_end(stream).map_err(said),
                Err(error) => match Failure::from(error) {
                    failure if is_refusal(&failure) => Ok(CLOSED.to_owned()),
                    failure => Err(failure.as_str().to_owned()),
                },
            }
        };
        let cases = [
            (Some("a.example.com"), "cache-a"),
            (Some("b.example.com"), "cache-b"),
            (Some("c.example.com"), CLOSED),
            (None, CLOSED),
        ];
        let failures = cases.into_iter().filter_map(|(name, expected)| {
            let seen = greeted(name);
            let wrong = || format!("port 6380, {name:?}: expected `{expected}`, got {seen:?}");
            (seen.as_deref() != Ok(expected)).then(wrong)
        });
        failures.collect()
    }

    /// `useSourceIp`: a client comes to the same endpoint each time, and clients of many addresses to several.
    fn clients_keep_their_endpoint(&self) -> Vec<String> {
        let endpoints = |client: u8| -> Result<BTreeSet<String>, String> {
            let address = self.address(7000)?;
            let from = IpAddr::from([127, 0, 0, client]);
            (0..5).map(|_| talk(address, from, &[]).map_err(said)).collect()
        };
        let mut all = BTreeSet::new();
        let mut failures = Vec::new();
        for client in 2..32 {
            match endpoints(client) {
                Ok(seen) if seen.len() == 1 => all.extend(seen),
                other => failures.push(format!(
                    "client 127.0.0.{client}: expected one endpoint, got {other:?}"
                )),
            }
        }
        if all.len() < 2 {
            failures.push(format!("30 clients come to {all:?} alone"));
        }
        if all.len() > self.upstreams.hashed().count() {
            failures.push(format!("more endpoints than there are: {all:?}"));
        }
        failures
    }
}
