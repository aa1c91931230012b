//! Sets a compiled bootstrap up on this machine: which ports, which upstreams, which certificates.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

use fingerpost_config_compiler::{Compiled, Endpoints, Plan, PlanListener};
use fingerpost_envoy::{Bootstrap, Echo, EchoOptions, Report, RunningEnvoy};

use super::access_log;
use super::certificates::{self, Made};
use crate::failure::Failure;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// `--listen 80=8080`: a Gateway's port, and the one on this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listen {
    declared: u32,
    port: u16,
}

/// Which clusters an echo server stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Echoes {
    /// Those whose endpoints the input does not tell.
    Unknown,
    All,
    None,
}

/// Everything that Envoy needs here.
pub(super) struct Stage {
    pub(super) bootstrap: Bootstrap,
    pub(super) echo: Echo,
    /// How many clusters have an echo server.
    pub(super) echoes: usize,
    pub(super) made: Made,
}

/// Where a listener can be reached.
pub(super) struct Door {
    pub(super) name: String,
    /// The Gateway's port.
    pub(super) port: u32,
    pub(super) address: SocketAddr,
    pub(super) tls: bool,
}

impl Stage {
    /// Arranges it all. Files that Envoy needs lie in `directory`.
    pub(super) fn set(
        compiled: &Compiled,
        listen: &[Listen],
        echoes: Echoes,
        report: Report,
        directory: &Path,
    ) -> Result<Self, Failure> {
        let machine = |error: std::io::Error| Failure::surroundings(error.to_string());
        let mut bootstrap = Bootstrap(compiled.bootstrap.clone());
        bind(&mut bootstrap, &compiled.plan, listen)?;

        let echo = Echo::start(EchoOptions { report }).map_err(machine)?;
        let stands_in = |endpoints: &Endpoints| match (echoes, endpoints) {
            (Echoes::All, _) | (Echoes::Unknown, Endpoints::Dns { .. }) => true,
            (Echoes::Unknown, Endpoints::Known(known)) => known.is_empty(),
            (Echoes::None, _) => false,
        };
        let clusters = compiled.plan.clusters.iter();
        let mut served = 0;
        for cluster in clusters.filter(|it| stands_in(&it.endpoints)) {
            let address = echo.listen(&cluster.name).map_err(machine)?;
            served += usize::from(bootstrap.point_cluster(&cluster.name, address));
        }

        let made = certificates::make_missing(&mut bootstrap, directory).map_err(machine)?;
        bootstrap.set_admin(ANY_PORT);
        bootstrap.set_access_log(&access_log::format(), "/dev/stdout");
        Ok(Self {
            bootstrap,
            echo,
            echoes: served,
            made,
        })
    }
}

/// All listeners on the loopback: where `--listen` says, else on free ports.
fn bind(bootstrap: &mut Bootstrap, plan: &Plan, listen: &[Listen]) -> Result<(), Failure> {
    for listener in &plan.listeners {
        bootstrap.bind_listener(&listener.name, ANY_PORT);
    }
    for Listen { declared, port } in listen {
        let has_it = |it: &&PlanListener| it.port == *declared || it.listen_port == *declared;
        let found: Vec<&PlanListener> = plan.listeners.iter().filter(has_it).collect();
        match found.as_slice() {
            [one] => {
                bootstrap.bind_listener(&one.name, SocketAddr::from((Ipv4Addr::LOCALHOST, *port)));
            }
            [] => {
                let ports: Vec<String> = plan.listeners.iter().map(|it| it.port.to_string()).collect();
                return Err(Failure::refused(format!(
                    "--listen {declared}={port}: no listener has port {declared}: there is {}",
                    ports.join(", ")
                )));
            }
            several => {
                let names: Vec<&str> = several.iter().map(|it| it.name.as_str()).collect();
                return Err(Failure::refused(format!(
                    "--listen {declared}={port}: several listeners have port {declared}: {}",
                    names.join(", ")
                )));
            }
        }
    }
    Ok(())
}

/// Where each listener of the plan can be reached.
pub(super) fn doors(plan: &Plan, envoy: &RunningEnvoy) -> Result<Vec<Door>, Failure> {
    let bound = envoy
        .listeners()
        .map_err(|error| Failure::surroundings(format!("Envoy's admin interface: {error}")))?;
    let doors = plan.listeners.iter().filter_map(|listener| {
        let address = bound.iter().find(|it| it.name == listener.name)?.address;
        Some(Door {
            name: listener.name.clone(),
            port: listener.port,
            address,
            tls: listener.hosts.iter().any(|it| it.over_tls),
        })
    });
    Ok(doors.collect())
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
                "`{text}` is no pair of ports: expected the Gateway's and yours, such as 80=8080"
            )),
        }
    }
}
