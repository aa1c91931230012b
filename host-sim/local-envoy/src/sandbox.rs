//! Arranges a compiled bootstrap for this machine: which ports, which upstreams, which certificates.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use fingerpost_config_compiler::{Compiled, FileSecret, NeededBy, Summary};
use fingerpost_envoy_runner::{
    Bootstrap, Echo, EchoBody, EchoOptions, Report, RunningEnvoy, access_log_format,
};
use fingerpost_local_server::error::LocalError;
use fingerpost_local_server::local::{self, Echoes, Listen, LocalListener};

use crate::certificates::Certificates;

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How it is arranged.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The ports that the user has chosen.
    pub listen: Vec<Listen>,
    /// Which clusters an echo server replaces.
    pub echoes: Echoes,
    /// What echo servers keep of requests.
    pub report: Report,
    /// The header of answers that tells which cluster's echo server it was.
    pub cluster_header: Option<String>,
    /// Whether files of a secret are missing, so that certificates are made.
    pub lacks_files: fn(&FileSecret) -> bool,
    /// A private directory, for files that Envoy reads.
    pub directory: PathBuf,
}

/// Everything that an Envoy on this machine needs beside its bootstrap. It stays from one configuration to the next: a cluster keeps
/// its echo server, and a listener its certificate.
pub struct Sandbox {
    options: SandboxOptions,
    /// Whether a configuration was arranged before.
    is_in_use: bool,
    echo: Echo,
    /// The echo servers, by the names of their clusters.
    echoes: BTreeMap<String, SocketAddr>,
    certificates: Certificates,
}

/// A configuration for this machine.
#[derive(Debug)]
pub struct Arranged {
    /// What Envoy runs.
    pub bootstrap: Bootstrap,
    /// How many clusters have an echo server.
    pub echoes: usize,
    /// The names that certificates were made for this time.
    pub certified: BTreeSet<String>,
    /// The hosts whose echo servers are spoken to in plain text, though TLS or the PROXY protocol is spoken to their own endpoints.
    pub in_plain_text: BTreeSet<String>,
    /// The hosts that no connection is made to, since files with certificates are missing.
    pub without_certificates: BTreeSet<String>,
}

impl Sandbox {
    /// Starts what the echo servers share.
    pub fn new(options: SandboxOptions) -> Result<Self, LocalError> {
        let echo = Echo::start(EchoOptions {
            report: options.report.clone(),
            body: EchoBody::Request,
            cluster_header: options.cluster_header.clone(),
            ..EchoOptions::default()
        });
        Ok(Self {
            options,
            is_in_use: false,
            echo: echo.map_err(|error| machine(&error))?,
            echoes: BTreeMap::new(),
            certificates: Certificates::default(),
        })
    }

    /// Arranges a configuration: all listeners on the loopback, where the user says, else on free ports. Files that Envoy needs are written.
    pub fn arrange(&mut self, compiled: &Compiled) -> Result<Arranged, LocalError> {
        let mut bootstrap = Bootstrap(compiled.bootstrap_json());
        let chosen = self.chosen_ports(&compiled.summary)?;
        for listener in &compiled.summary.listeners {
            let port = chosen.get(listener.name.as_str()).copied().unwrap_or_default();
            bootstrap.bind_listener(&listener.name, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
        self.is_in_use = true;

        let clusters = compiled.summary.clusters.iter();
        let mut served = 0;
        let mut in_plain_text = BTreeSet::new();
        for cluster in clusters.filter(|it| self.options.echoes.stand_in(&it.endpoints)) {
            let address = match self.echoes.get(&cluster.name) {
                Some(address) => *address,
                None => self
                    .echo
                    .listen_for(local::served(cluster))
                    .map_err(|error| machine(&error))?,
            };
            self.echoes.insert(cluster.name.clone(), address);
            if cluster.upstream.tls.is_some() || cluster.upstream.proxy_protocol.is_some() {
                in_plain_text.insert(cluster.host.clone());
            }
            served += usize::from(bootstrap.point_cluster(&cluster.name, address));
        }

        let SandboxOptions {
            lacks_files,
            directory,
            ..
        } = &self.options;
        let certified = self
            .certificates
            .make_missing(compiled, *lacks_files, directory)
            .map_err(|error| machine(&error))?;
        let lacking = compiled.file_secrets.iter().filter(|it| lacks_files(it));
        let lacking = lacking.filter_map(|it| match &it.needed_by {
            NeededBy::Cluster { host } => Some(host.clone()),
            NeededBy::Listener { .. } => None,
        });
        let without_certificates = lacking.filter(|it| !in_plain_text.contains(it)).collect();
        bootstrap.set_admin(ANY_PORT);
        bootstrap.set_access_log(&access_log_format(), "/dev/stdout");
        Ok(Arranged {
            bootstrap,
            echoes: served,
            certified,
            in_plain_text,
            without_certificates,
        })
    }

    /// The echo servers.
    pub fn echo(&self) -> &Echo {
        &self.echo
    }

    /// The directory of `client.crt` and `client.key`, by the listener that wants to see them.
    pub fn clients(&self) -> &BTreeMap<String, PathBuf> {
        &self.certificates.clients
    }

    /// The ports that the user has chosen for listeners of this configuration, by the listeners' names.
    pub(crate) fn chosen_ports<'s>(
        &self,
        summary: &'s Summary,
    ) -> Result<BTreeMap<&'s str, u16>, LocalError> {
        let mut listen = self.options.listen.clone();
        // At first, a port of no listener is a slip. Later, its listener may have gone for a while.
        listen.retain(|it| !self.is_in_use || it.is_for_one_of(summary));
        local::ports(summary, &listen)
    }
}

impl Arranged {
    /// What is otherwise than in a cluster, a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let joined = |hosts: &BTreeSet<String>| hosts.iter().cloned().collect::<Vec<_>>().join(", ");
        let mut remarks = Vec::new();
        if !self.in_plain_text.is_empty() {
            remarks.push(format!(
                "the echo upstream of {} gets plain text: a DestinationRule's tls and proxyProtocol are for its own endpoints",
                joined(&self.in_plain_text)
            ));
        }
        if !self.without_certificates.is_empty() {
            remarks.push(format!(
                "requests to {} get 503: files with certificates are missing, which `fingerpost compile` names",
                joined(&self.without_certificates)
            ));
        }
        remarks
    }
}

/// Where each listener of the summary can be reached.
pub fn listeners(summary: &Summary, envoy: &RunningEnvoy) -> Result<Vec<LocalListener>, LocalError> {
    let bound = envoy
        .listeners()
        .map_err(|error| LocalError::Surroundings(format!("Envoy's admin interface: {error}")))?;
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

fn machine(error: &std::io::Error) -> LocalError {
    LocalError::Surroundings(error.to_string())
}
