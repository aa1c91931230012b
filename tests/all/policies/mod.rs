//! Policies of DestinationRules, seen to act in a stock Envoy: which endpoint a request reaches, and how many may be on their
//! way.
//!
//! One Envoy runs the output of `compile` as it is, but for the address on which it listens. Nothing is timed. Where chance has a
//! part (where endpoints lie on a ring), the bound is so far away that it is not met in a billion runs.

mod hashes;
mod limits;
mod localities;
mod upstream;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fingerpost_config_compiler::Options;
use fingerpost_envoy_runner::{Bootstrap, RunningEnvoy, StartOptions};
use fingerpost_tests::client::{Connection, Reply};
use fingerpost_tests::compiled;
use tempfile::TempDir;

use crate::engines::{envoy, one_envoy_at_a_time};
use crate::operations::{PATIENCE, said};
use upstream::Gate;

/// What a check is about, and the check.
type Check = (&'static str, fn(&Proxy) -> Result<(), String>);

/// A service of its own for each thing to see.
struct Service {
    host: &'static str,
    /// Names of endpoints, each with further fields.
    endpoints: &'static [(&'static str, &'static str)],
    /// The traffic policy.
    policy: &'static str,
    /// Further fields of the only rule that leads to it.
    rule: &'static str,
}

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
";

/// Every check, in one Envoy.
pub(crate) fn act() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let proxy = Proxy::start()?;
    let checks = [hashes::CHECKS, localities::CHECKS, limits::CHECKS];
    let failures: Vec<String> = checks
        .into_iter()
        .flatten()
        .filter_map(|(what, check)| check(&proxy).err().map(|it| format!("{what}: {it}")))
        .collect();
    match failures.as_slice() {
        [] => Ok(()),
        failures => Err(failures.join("\n")),
    }
}

/// An Envoy at `eu/a`, with the label `tier: gold`.
struct Proxy {
    envoy: RunningEnvoy,
    listener: SocketAddr,
    gate: Arc<Gate>,
    _folder: TempDir,
}

impl Proxy {
    fn start() -> Result<Self, String> {
        let gate = Arc::new(Gate::default());
        let mut addresses: BTreeMap<&str, SocketAddr> = BTreeMap::new();
        let services = [hashes::SERVICES, localities::SERVICES, limits::SERVICES];
        let mut text = GATEWAY.to_owned();
        for service in services.into_iter().flatten() {
            let mut endpoints = String::new();
            for (name, fields) in service.endpoints {
                let address = match addresses.get(name) {
                    Some(known) => *known,
                    None => *addresses.entry(name).or_insert(upstream::start(name, &gate)?),
                };
                let (ip, port) = (address.ip(), address.port());
                let _ = write!(
                    endpoints,
                    "\n  - {{address: {ip}, ports: {{http: {port}}}{fields}}}"
                );
            }
            text += &resources(service, &endpoints);
        }
        let mut options = Options {
            module_path: compiled::module_path(),
            locality: Some("eu/a".parse().map_err(said)?),
            ..Options::default()
        };
        options.labels.insert("tier".to_owned(), "gold".to_owned());
        let compiled = compiled::of_text(&text, &options)?;
        let mut bootstrap = Bootstrap(compiled.bootstrap_json());
        bootstrap.bind_listeners_to_free_ports();
        let folder = tempfile::tempdir().map_err(said)?;
        let envoy = RunningEnvoy::start(&envoy()?, &bootstrap, folder.path(), StartOptions::default());
        let envoy = envoy.map_err(said)?;
        let listeners = envoy.listeners().map_err(said)?;
        let listener = listeners.first().ok_or("no listener")?.address;
        Ok(Self {
            envoy,
            listener,
            gate,
            _folder: folder,
        })
    }

    /// A connection on which requests to `host` are sent, one after the other.
    fn client(&self, host: &'static str) -> Result<Client, String> {
        let stream = TcpStream::connect_timeout(&self.listener, PATIENCE).map_err(said)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
        stream.set_nodelay(true).map_err(said)?;
        Ok(Client {
            connection: Connection::new(stream),
            host,
        })
    }

    /// A counter or gauge of the cluster of `host`.
    fn stat(&self, host: &str, name: &str) -> Result<u64, String> {
        let stats = self.envoy.stats(&format!("cluster.*{name}")).map_err(said)?;
        let cluster = format!("|{host}");
        let found = stats
            .iter()
            .find(|(key, _)| key.contains(&cluster) && key.ends_with(name));
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| format!("no {name} of {host} in {:?}", stats.keys().next()))
    }

    /// Waits until a gauge of the cluster of `host` has that value.
    fn wait_for(&self, host: &str, name: &str, value: u64) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while self.stat(host, name)? != value {
            if Instant::now() > deadline {
                return Err(format!("{name} of {host} never was {value}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

struct Client {
    connection: Connection<TcpStream>,
    host: &'static str,
}

impl Client {
    /// Sends a request with these lines of headers.
    fn ask(&mut self, path: &str, headers: &str) -> Result<Reply, String> {
        let message = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.host);
        let reply = self.connection.ask(message.as_bytes(), b"GET");
        reply.map_err(|failure| format!("{}: {}", self.host, failure.as_str()))
    }

    /// The endpoint that answered a request.
    fn endpoint(&mut self, headers: &str) -> Result<String, String> {
        let reply = self.ask("/", headers)?;
        named(&reply)
    }

    /// How many of so many requests each endpoint answers.
    fn counts(&mut self, requests: usize, headers: &str) -> Result<BTreeMap<String, usize>, String> {
        let mut counts = BTreeMap::new();
        for _ in 0..requests {
            *counts.entry(self.endpoint(headers)?).or_default() += 1;
        }
        Ok(counts)
    }
}

fn named(reply: &Reply) -> Result<String, String> {
    let name = reply.header("x-endpoint");
    name.map(str::to_owned).ok_or_else(|| {
        let body = String::from_utf8_lossy(&reply.body);
        format!("{} without an endpoint: {body}", reply.status)
    })
}

/// What the shares of endpoints should be, in percent; two points more or less are allowed.
fn expect_shares(counts: &BTreeMap<String, usize>, expected: &[(&str, usize)]) -> Result<(), String> {
    let total: usize = counts.values().sum();
    let has_share = |(name, percent): &(&str, usize)| {
        let count = counts.get(*name).copied().unwrap_or_default() * 100;
        count.abs_diff(percent * total) <= 2 * total
    };
    match expected.iter().all(has_share) {
        true => Ok(()),
        false => Err(format!("{counts:?}, expected {expected:?} %")),
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, expected: &T) -> Result<(), String> {
    match got == expected {
        true => Ok(()),
        false => Err(format!("{what}: {got:?}, expected {expected:?}")),
    }
}

fn resources(service: &Service, endpoints: &str) -> String {
    let Service {
        host, policy, rule, ..
    } = service;
    let name = host.replace('.', "-");
    format!(
        "
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: [{host}]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: {endpoints}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, namespace: default}}
spec:
  host: {host}
  trafficPolicy: {policy}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: [{host}]
  gateways: [gateway]
  http: [{{route: [{{destination: {{host: {host}}}}}]{rule}}}]
"
    )
}
