//! A folder for docker compose: a stock Envoy that routes by what was compiled, and an echo server for each upstream.
//!
//! Decides which upstreams get a container. The rules:
//!
//! * A host name that DNS would find is one: the container has that name in the network, so Envoy finds it as it would find
//!   the real one. Remove the container, and Envoy connects to the real one.
//! * An IP address or a socket's path is none: Envoy connects to it.
//!
//! What Envoy is configured by is compiled, not made here; the folder `config` beside the file has it.

mod echo;
mod upstreams;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use fingerpost_config_compiler::Summary;
use serde::Serialize;

use crate::document::Document;
use crate::refusal::Refusal;

use upstreams::{Upstream, upstreams};

/// Where the folder `config` is in the container of Envoy.
pub const CONFIG: &str = "/etc/fingerpost";
/// The folder beside the compose file that Envoy reads its configuration from.
pub const CONFIG_FOLDER: &str = "config";
/// The name of Envoy's own container.
const GATEWAY: &str = "gateway";
/// Where the echo servers are configured.
const ECHO_CONFIG: &str = "/etc/echo.yaml";

/// How the folder is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeOptions {
    /// The image of a stock Envoy.
    pub image: String,
    /// How the containers reach each other.
    pub network: Network,
    /// The address of Envoy's admin interface, in Envoy's own network.
    pub admin: SocketAddr,
    /// The port of the readiness endpoint, for the health check.
    pub readiness: u16,
}

/// How the containers reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// By a network of compose's own. The ports of the listeners are published on the host.
    Bridge,
    /// By the host's own network, where a Docker daemon has no other. No two upstreams may have one port.
    Host,
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Its path below the folder.
    pub path: String,
    /// What it holds.
    pub document: Document,
}

/// The compose file and the files that it mounts, without the folder `config`.
pub fn folder(summary: &Summary, options: &ComposeOptions) -> Result<Vec<File>, Refusal> {
    let found = upstreams(summary);
    if options.network == Network::Host {
        no_shared_port(&found)?;
    }
    if found.iter().any(|it| it.host == GATEWAY) {
        return Err(Refusal {
            reason: format!("an upstream is named `{GATEWAY}`, which is the name of Envoy's container"),
            help: "give it another address".to_owned(),
        });
    }
    let mut services = BTreeMap::new();
    services.insert(GATEWAY.to_owned(), gateway(summary, &found, options));
    services.extend(
        found
            .iter()
            .map(|it| (it.host.clone(), echo_service(it, options))),
    );
    let change = format!(
        "Change the rules:  fingerpost sync -f RESOURCES -o {CONFIG_FOLDER} --mounted-at {CONFIG} --admin {}",
        options.admin
    );
    let comment = [
        "A stock Envoy that routes by the files in ./config, and an echo server for each upstream.",
        "Start it:          docker compose up --wait",
        &change,
        "An echo server has the host name of its upstream. Remove one, and Envoy connects to the real one.",
    ];
    let compose = File {
        path: "docker-compose.yaml".to_owned(),
        document: Document::new(&comment, &ComposeFile { services }),
    };
    let echoes = found.iter().map(|it| File {
        path: echo_path(it),
        document: echo::document(it),
    });
    Ok(std::iter::once(compose).chain(echoes).collect())
}

/// A compose file (the Compose Specification, as docker-compose 1.29 and all later ones read it).
#[derive(Debug, Serialize)]
struct ComposeFile {
    services: BTreeMap<String, Service>,
}

#[derive(Debug, Serialize)]
struct Service {
    image: String,
    command: Vec<String>,
    volumes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_hosts: Vec<String>,
    healthcheck: HealthCheck,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    depends_on: BTreeMap<String, Condition>,
}

#[derive(Debug, Serialize)]
struct HealthCheck {
    test: Vec<String>,
    interval: &'static str,
    timeout: &'static str,
    retries: u32,
    start_period: &'static str,
}

#[derive(Debug, Serialize)]
struct Condition {
    condition: &'static str,
}

fn gateway(summary: &Summary, upstreams: &[Upstream], options: &ComposeOptions) -> Service {
    let listeners = summary.listeners.iter().map(|it| it.listen_port);
    let published = listeners.map(|port| format!("{port}:{port}"));
    let admin = options.admin.port();
    // For `sync`, and for this machine only.
    let published = published.chain([format!("127.0.0.1:{admin}:{admin}")]);
    let depends_on = upstreams.iter().map(|it| {
        let healthy = Condition {
            condition: "service_healthy",
        };
        (it.host.clone(), healthy)
    });
    Service {
        image: options.image.clone(),
        command: command(&format!("{CONFIG}/envoy.json"), &[]),
        volumes: vec![format!("./{CONFIG_FOLDER}:{CONFIG}:ro")],
        ports: match options.network {
            Network::Bridge => published.collect(),
            Network::Host => Vec::new(),
        },
        network_mode: network_mode(options),
        extra_hosts: match options.network {
            Network::Bridge => Vec::new(),
            Network::Host => upstreams
                .iter()
                .map(|it| format!("{}:127.0.0.1", it.host))
                .collect(),
        },
        healthcheck: health_check(options.readiness.into(), "/healthz/ready"),
        depends_on: depends_on.collect(),
    }
}

fn echo_service(upstream: &Upstream, options: &ComposeOptions) -> Service {
    let port = upstream.ports.iter().next().copied().unwrap_or_default();
    Service {
        image: options.image.clone(),
        command: command(ECHO_CONFIG, &["--log-level", "warning"]),
        volumes: vec![format!("./{}:{ECHO_CONFIG}:ro", echo_path(upstream))],
        ports: Vec::new(),
        network_mode: network_mode(options),
        extra_hosts: Vec::new(),
        healthcheck: health_check(port, "/"),
        depends_on: BTreeMap::new(),
    }
}

/// Envoy's arguments. Containers are replaced, not restarted in place; without that, several Envoys can share a network.
fn command(config: &str, others: &[&str]) -> Vec<String> {
    let arguments = ["-c", config, "--disable-hot-restart"]
        .into_iter()
        .chain(others.iter().copied());
    arguments.map(str::to_owned).collect()
}

/// A check by the shell alone, since images of Envoy have no curl: connects, asks and reads the status.
fn health_check(port: u32, path: &str) -> HealthCheck {
    let ask =
        format!("printf 'GET {path} HTTP/1.1\\r\\nhost: health\\r\\nconnection: close\\r\\n\\r\\n' >&3");
    // Compose reads one `$` as a variable of its own.
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port} && {ask} && read -r _ status _ <&3 && [ \"$$status\" = 200 ]"
    );
    HealthCheck {
        test: vec!["CMD".to_owned(), "bash".to_owned(), "-c".to_owned(), script],
        interval: "2s",
        timeout: "2s",
        retries: 5,
        // A check that passes counts at once; those that fail only count after this, since a busy machine starts Envoy slowly.
        start_period: "60s",
    }
}

fn network_mode(options: &ComposeOptions) -> Option<&'static str> {
    match options.network {
        Network::Bridge => None,
        Network::Host => Some("host"),
    }
}

fn echo_path(upstream: &Upstream) -> String {
    format!("echo/{}.yaml", upstream.host)
}

/// In the host's network two servers cannot listen on one port.
fn no_shared_port(upstreams: &[Upstream]) -> Result<(), Refusal> {
    let mut taken: BTreeMap<u32, &str> = BTreeMap::new();
    for upstream in upstreams {
        for port in &upstream.ports {
            if let Some(other) = taken.insert(*port, &upstream.host) {
                return Err(Refusal {
                    reason: format!(
                        "{other} and {} both listen on port {port}, and in the host's network only one can",
                        upstream.host
                    ),
                    help: "give them different ports, or leave out `--network host`".to_owned(),
                });
            }
        }
    }
    Ok(())
}
