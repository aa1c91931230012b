//! The Envoy that all tests here share: one listener for each engine, an upstream behind each cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::sync::OnceLock;

use fingerpost_config_compiler::EnvoyVersion;
use fingerpost_envoy_runner::{Bootstrap, RunningEnvoy, StartOptions};
use fingerpost_tests::differential::{Pair, pair};
use fingerpost_tests::tls::IDENTITY;
use fingerpost_tests::{compiled, repository};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::received::Log;
use super::upstream::Upstreams;
use crate::engines::envoy;
use crate::operations::said;

/// So much of Envoy's log is shown where a test fails.
const SHOWN_LINES: usize = 20;

/// What chooses the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// Envoy's own router.
    Native,
    /// Our filter.
    Filter,
}

impl Side {
    pub(super) const ALL: [Self; 2] = [Self::Native, Self::Filter];
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "Envoy's router",
            Self::Filter => "our filter",
        })
    }
}

/// An Envoy that starts when it is first asked for.
#[derive(Default)]
pub(super) struct SharedProxy(OnceLock<Result<Proxy, String>>);

impl SharedProxy {
    pub(super) fn get(&self) -> Result<&Proxy, String> {
        self.0.get_or_init(Proxy::start).as_ref().map_err(Clone::clone)
    }
}

/// The most memory that it has had so far, in KiB: proc_pid_status(5).
fn most_memory(envoy: &RunningEnvoy) -> Result<usize, String> {
    let status = fs::read_to_string(format!("/proc/{}/status", envoy.pid())).map_err(said)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|it| it.split_whitespace().next());
    let number = number.and_then(|it| it.parse().ok());
    number.ok_or_else(|| "no VmHWM in /proc".to_owned())
}

/// An Envoy with its upstreams.
pub(super) struct Proxy {
    envoy: RunningEnvoy,
    upstreams: Upstreams,
    /// The listeners, by side and Gateway port.
    listeners: BTreeMap<(Side, u16), SocketAddr>,
    memory_at_start: usize,
    _folder: TempDir,
}

impl Proxy {
    fn start() -> Result<Self, String> {
        compiled::built_module()?;
        let example = repository::root().join("examples/09-grpc/resources.yaml");
        let example = fs::read_to_string(example).map_err(said)?;
        let sources = [
            ("example.yaml", example.as_str()),
            ("streams.yaml", include_str!("resources.yaml")),
        ];
        let pair = Pair::compile(&sources, &pair::options(EnvoyVersion::NEWEST))?;
        let upstreams = Upstreams::start()?;
        let mut clusters = BTreeMap::new();
        let mut listeners = Vec::new();
        for (side, mut bootstrap) in Side::ALL.into_iter().zip(pair.bootstraps) {
            bootstrap.bind_listeners_to_free_ports();
            for cluster in bootstrap.clusters() {
                bootstrap.point_cluster(&cluster, upstreams.listen(&cluster)?);
            }
            bootstrap.set_certificate(&IDENTITY.certificate, IDENTITY.authority.pem());
            let own = bootstrap.0["static_resources"].take();
            for cluster in own["clusters"].as_array().into_iter().flatten() {
                let name = cluster["name"].as_str().unwrap_or_default().to_owned();
                clusters.entry(name).or_insert_with(|| cluster.clone());
            }
            for mut listener in own["listeners"].as_array().into_iter().flatten().cloned() {
                let name = listener["name"].as_str().unwrap_or_default().to_owned();
                listener["name"] = json!(format!("{side}/{name}"));
                listeners.push(listener);
            }
        }
        let bootstrap = Bootstrap(json!({"static_resources": {
            "clusters": clusters.into_values().collect::<Vec<Value>>(),
            "listeners": listeners,
        }}));
        let folder = tempfile::tempdir().map_err(said)?;
        let envoy = RunningEnvoy::start(&envoy()?, &bootstrap, folder.path(), StartOptions::default());
        let envoy = envoy.map_err(said)?;
        let bound = envoy.listeners().map_err(said)?;
        let mut listeners = BTreeMap::new();
        for side in Side::ALL {
            for (port, name) in &pair.listeners {
                let name = format!("{side}/{name}");
                let found = bound.iter().find(|it| it.name == name);
                let found = found.ok_or_else(|| format!("no listener {name}: {}", envoy.log()))?;
                listeners.insert((side, *port), found.address);
            }
        }
        Ok(Self {
            memory_at_start: most_memory(&envoy)?,
            envoy,
            upstreams,
            listeners,
            _folder: folder,
        })
    }

    /// Where the plain listener of a side is.
    pub(super) fn address(&self, side: Side) -> Result<SocketAddr, String> {
        self.port(side, 80)
    }

    /// Where a Gateway's port is.
    pub(super) fn port(&self, side: Side, port: u16) -> Result<SocketAddr, String> {
        let found = self.listeners.get(&(side, port));
        found
            .copied()
            .ok_or_else(|| format!("no listener for port {port}"))
    }

    /// What the upstreams have received.
    pub(super) fn received(&self) -> &Log {
        &self.upstreams.log
    }

    /// The last lines of Envoy's log.
    pub(super) fn log(&self) -> String {
        let log = self.envoy.log();
        let told = log.lines().filter(|line| !line.contains("Deprecated field"));
        let lines: Vec<&str> = told.collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    /// By how many KiB the most memory that Envoy has had grew since it started.
    pub(super) fn grown(&self) -> Result<usize, String> {
        Ok(most_memory(&self.envoy)?.saturating_sub(self.memory_at_start))
    }
}
