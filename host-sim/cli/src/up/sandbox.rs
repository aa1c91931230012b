//! Sets a compiled bootstrap up on this machine: which ports, which upstreams, which certificates.

use std::net::{Ipv4Addr, SocketAddr};

use fingerpost_config_compiler::{Compiled, Summary};
use fingerpost_envoy_runner::{
    Bootstrap, Echo, EchoBody, EchoOptions, PrivateDirectory, Report, RunningEnvoy, access_log_format,
};

use super::certificates::{self, Made};
use super::client::CLUSTER_HEADER;
use crate::failure::Failure;
use fingerpost_local_server::local::{self, Echoes, Listen, LocalListener};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Everything that Envoy needs here.
pub(super) struct Sandbox {
    pub(super) bootstrap: Bootstrap,
    pub(super) echo: Echo,
    /// How many clusters have an echo server.
    pub(super) echoes: usize,
    pub(super) made: Made,
}

impl Sandbox {
    /// Arranges it all. Files that Envoy needs lie in `directory`.
    pub(super) fn set(
        compiled: &Compiled,
        listen: &[Listen],
        echoes: Echoes,
        report: Report,
        directory: &PrivateDirectory,
    ) -> Result<Self, Failure> {
        let machine = |error: std::io::Error| Failure::surroundings(error.to_string());
        let mut bootstrap = Bootstrap(compiled.bootstrap_json());
        bind(&mut bootstrap, &compiled.summary, listen)?;

        // What a user sees has no mark of ours; a check reads which cluster answered.
        let cluster_header = matches!(report, Report::Keep).then(|| CLUSTER_HEADER.to_owned());
        let echo = Echo::start(EchoOptions {
            report,
            body: EchoBody::Request,
            cluster_header,
            ..EchoOptions::default()
        })
        .map_err(machine)?;
        let clusters = compiled.summary.clusters.iter();
        let mut served = 0;
        for cluster in clusters.filter(|it| echoes.stand_in(&it.endpoints)) {
            let address = echo.listen_for(local::served(cluster)).map_err(machine)?;
            served += usize::from(bootstrap.point_cluster(&cluster.name, address));
        }

        let made = certificates::make_missing(compiled, directory).map_err(machine)?;
        bootstrap.set_admin(ANY_PORT);
        bootstrap.set_access_log(&access_log_format(), "/dev/stdout");
        Ok(Self {
            bootstrap,
            echo,
            echoes: served,
            made,
        })
    }
}

/// All listeners on the loopback: where `--listen` says, else on free ports.
fn bind(bootstrap: &mut Bootstrap, summary: &Summary, listen: &[Listen]) -> Result<(), Failure> {
    let chosen = local::ports(summary, listen)?;
    for listener in &summary.listeners {
        let port = chosen.get(listener.name.as_str()).copied().unwrap_or_default();
        bootstrap.bind_listener(&listener.name, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    Ok(())
}

/// Where each listener of the summary can be reached.
pub(super) fn listeners(summary: &Summary, envoy: &RunningEnvoy) -> Result<Vec<LocalListener>, Failure> {
    let bound = envoy
        .listeners()
        .map_err(|error| Failure::surroundings(format!("Envoy's admin interface: {error}")))?;
    let listeners = summary.listeners.iter().filter_map(|listener| {
        let address = bound.iter().find(|it| it.name == listener.name)?.address;
        Some(LocalListener {
            name: listener.name.clone(),
            port: listener.port,
            address,
            tls: listener.hosts.iter().any(|it| it.over_tls),
        })
    });
    Ok(listeners.collect())
}
