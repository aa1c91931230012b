//! A stock Envoy that runs what was compiled, with an echo server behind each cluster, and each listener on a free port.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use fingerpost_config_compiler::{Compiled, FileSecret, Options};
use fingerpost_envoy_runner::{Bootstrap, Echo, EchoOptions, RunningEnvoy, StartOptions};
use fingerpost_tests::client::Failure;
use fingerpost_tests::compiled;
use fingerpost_tests::tls_client::{Client, Session, is_refusal};
use tempfile::TempDir;

use super::authority::Leaf;
use crate::engines::envoy;
use crate::operations::said;

/// An Envoy that serves, and its files.
pub(crate) struct Edge {
    ports: BTreeMap<u16, SocketAddr>,
    _envoy: RunningEnvoy,
    _echo: Echo,
    _folder: TempDir,
}

/// What a client sees of a server.
pub(crate) enum Seen {
    /// The server's certificate, and the status of the answer.
    Answer(Box<Session>, u16),
    /// The handshake was refused.
    Refused,
    /// Something that is no outcome of a test.
    Broken(String),
}

impl Edge {
    /// Compiles the resources, and starts Envoy with the filter's module and these files beside it.
    pub(crate) fn start(resources: &str, files: &[(&str, String)]) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(said)?;
        let module = folder.path().join("fingerpost.wasm");
        fs::copy(compiled::module_path(), &module).map_err(said)?;
        fs::create_dir(folder.path().join(FileSecret::FOLDER)).map_err(said)?;
        for (path, content) in files {
            fs::write(folder.path().join(path), content).map_err(said)?;
        }
        let options = Options {
            module_path: module.to_string_lossy().into_owned(),
            ..Options::default()
        };
        let resources = resources.replace("FOLDER", &folder.path().to_string_lossy());
        let compiled = compiled::of_text(&resources, &options)?;
        Self::run(&compiled, folder)
    }

    fn run(compiled: &Compiled, folder: TempDir) -> Result<Self, String> {
        for secret in &compiled.file_secrets {
            fs::write(secret.path(), secret.content()).map_err(said)?;
        }
        let echo = Echo::start(EchoOptions::default()).map_err(said)?;
        let mut bootstrap = Bootstrap(compiled.bootstrap_json());
        for cluster in bootstrap.clusters() {
            bootstrap.point_cluster(&cluster, echo.listen(&cluster).map_err(said)?);
        }
        for (name, _) in bootstrap.listeners() {
            bootstrap.bind_listener(&name, (Ipv4Addr::LOCALHOST, 0).into());
        }
        let envoy = RunningEnvoy::start(&envoy()?, &bootstrap, folder.path(), StartOptions::default());
        let envoy = envoy.map_err(said)?;
        let listening = envoy.listeners().map_err(said)?;
        let ports = compiled::ports(compiled).into_iter().filter_map(|(port, name)| {
            let found = listening.iter().find(|it| it.name == name)?;
            Some((port, found.address))
        });
        Ok(Self {
            ports: ports.collect(),
            _envoy: envoy,
            _echo: echo,
            _folder: folder,
        })
    }

    /// Where a port of the Gateway listens.
    pub(crate) fn address(&self, port: u16) -> Result<SocketAddr, String> {
        let found = self.ports.get(&port).copied();
        found.ok_or_else(|| format!("nothing listens on port {port}"))
    }

    /// Shakes hands with a port, and asks for `/` of the server name.
    pub(crate) fn see(&self, port: u16, name: Option<&str>, client: &Client) -> Seen {
        let see = || {
            let address = self.address(port).map_err(Failure::Broken)?;
            let mut session = client.connect(address, name)?;
            let reply = session.get(name.unwrap_or("localhost"), "/")?;
            Ok((session, reply.status))
        };
        match see() {
            Ok((session, status)) => Seen::Answer(Box::new(session), status),
            Err(failure) if is_refusal(&failure) => Seen::Refused,
            Err(failure) => Seen::Broken(failure.as_str().to_owned()),
        }
    }
}

impl Seen {
    /// Why this is not an answer by the server with this certificate.
    pub(crate) fn shows(&self, certificate: &Leaf) -> Result<&Session, String> {
        match self {
            Self::Answer(session, 200) if session.certificate == certificate.der => Ok(session),
            Self::Answer(_, 200) => Err("shows another certificate".to_owned()),
            Self::Answer(_, status) => Err(format!("answers {status}")),
            Self::Refused => Err("refuses".to_owned()),
            Self::Broken(reason) => Err(reason.clone()),
        }
    }

    /// Why this is not a refusal.
    pub(crate) fn refuses(&self) -> Result<(), String> {
        match self {
            Self::Refused => Ok(()),
            Self::Answer(_, status) => Err(format!("answers {status}")),
            Self::Broken(reason) => Err(reason.clone()),
        }
    }
}
