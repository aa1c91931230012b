//! A stock Envoy that runs what was compiled, with an echo server behind each cluster, and each listener on a free port.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use fingerpost_config_compiler::{Compiled, EnvoyVersion, FileSecret, MountedSecrets, Options, compile};
use fingerpost_envoy_runner::{Bootstrap, Echo, EchoOptions, EnvoyBinary, RunningEnvoy, StartOptions};
use fingerpost_resources::{Diagnostics, Severity, Source, read};
use fingerpost_tests::client::{Connection, Failure};
use fingerpost_tests::compiled;
use fingerpost_tests::generate::table;
use fingerpost_tests::tls_client::Client;
use fingerpost_tests::tls_session::{Session, is_refusal};
use tempfile::TempDir;

use super::authority::Leaf;
use crate::operations::said;

/// The folder of mounted Secrets, below that of the files.
pub(crate) const MOUNTED: &str = "secrets";

/// An Envoy that serves, and its files.
pub(crate) struct Edge {
    ports: BTreeMap<u16, SocketAddr>,
    envoy: RunningEnvoy,
    _echo: Echo,
    folder: TempDir,
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
    /// Compiles the resources, and starts Envoy with the filter's module and these files beside it. In the resources `FOLDER` stands for the
    /// folder of the files. Secrets that can't be used are the only errors that may be found.
    pub(crate) fn start(
        (binary, release): (&EnvoyBinary, EnvoyVersion),
        resources: &str,
        files: &[(&str, String)],
    ) -> Result<Self, String> {
        let options = Options {
            envoy: release,
            ..Options::default()
        };
        Self::start_after(binary, options, resources, files, |_| Ok(()))
    }

    /// The same with these options, after the folder has been prepared. Of mounted Secrets the keys count; their folder is [`MOUNTED`].
    pub(crate) fn start_after(
        binary: &EnvoyBinary,
        options: Options,
        resources: &str,
        files: &[(&str, String)],
        prepare: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(said)?;
        let module = folder.path().join("fingerpost.wasm");
        fs::copy(compiled::module_path(), &module).map_err(said)?;
        fs::create_dir(folder.path().join(FileSecret::FOLDER)).map_err(said)?;
        for (path, content) in files {
            write(&folder.path().join(path), content)?;
        }
        prepare(folder.path())?;
        let secrets = folder.path().join(MOUNTED);
        let options = Options {
            module_path: module.to_string_lossy().into_owned(),
            mounted_secrets: options.mounted_secrets.map(|it| MountedSecrets {
                path: secrets.to_string_lossy().into_owned(),
                folder: secrets,
                ..it
            }),
            ..options
        };
        let resources = resources.replace("FOLDER", &folder.path().to_string_lossy());
        Self::run(binary, &compile_all(&resources, &options)?, folder)
    }

    fn run(binary: &EnvoyBinary, compiled: &Compiled, folder: TempDir) -> Result<Self, String> {
        for secret in &compiled.file_secrets {
            fs::write(secret.path(), secret.content()).map_err(said)?;
        }
        let echo = Echo::start(EchoOptions::default()).map_err(said)?;
        let mut bootstrap = Bootstrap(compiled.bootstrap_json());
        for cluster in bootstrap.clusters() {
            bootstrap.point_cluster(&cluster, echo.listen(&cluster).map_err(said)?);
        }
        bootstrap.bind_listeners_to_free_ports();
        let envoy = RunningEnvoy::start(binary, &bootstrap, folder.path(), StartOptions::default());
        let envoy = envoy.map_err(said)?;
        let listening = envoy.listeners().map_err(said)?;
        let ports = compiled::ports(compiled).into_iter().filter_map(|(port, name)| {
            let found = listening.iter().find(|it| it.name == name)?;
            Some((port, found.address))
        });
        Ok(Self {
            ports: ports.collect(),
            envoy,
            _echo: echo,
            folder,
        })
    }

    /// The folder of the module and of all other files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The sum of Envoy's counters whose names match.
    pub(crate) fn count(&self, filter: &str) -> Result<u64, String> {
        Ok(self.envoy.stats(filter).map_err(said)?.values().sum())
    }

    /// Where a port of the Gateway listens.
    pub(crate) fn address(&self, port: u16) -> Result<SocketAddr, String> {
        let found = self.ports.get(&port).copied();
        found.ok_or_else(|| format!("nothing listens on port {port}"))
    }

    /// Why a port does not answer in plain text.
    pub(crate) fn plain(&self, port: u16) -> Result<(), String> {
        let stream = TcpStream::connect(self.address(port)?).map_err(said)?;
        let reply = Connection::new(stream).ask(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", b"GET");
        match reply {
            Ok(reply) if reply.status == 200 => Ok(()),
            Ok(reply) => Err(format!("port {port} answers {}", reply.status)),
            Err(failure) => Err(format!("port {port}: {}", failure.as_str())),
        }
    }

    /// Shakes hands with a port, and asks for `/` of the server name.
    pub(crate) fn see(&self, port: u16, name: Option<&str>, client: &Client) -> Seen {
        let see = || {
            let address = self.address(port).map_err(Failure::Broken)?;
            let mut session = Session::open(client, address, name)?;
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

fn compile_all(resources: &str, options: &Options) -> Result<Compiled, String> {
    let sources = vec![
        Source::new("world.yaml", table::WORLD),
        Source::new("resources.yaml", resources),
    ];
    let mut found = Diagnostics::new();
    let resources = read(sources, &mut found);
    let compiled = compile(&resources, options, &mut found);
    let mut errors = found.iter().filter(|it| it.severity == Severity::Error);
    match errors.find(|it| !compiled.invalid_secrets.contains(&it.subject)) {
        Some(error) => Err(error.to_string()),
        None => Ok(compiled),
    }
}

/// Writes a file, with the folders above it.
pub(crate) fn write(path: &Path, content: &str) -> Result<(), String> {
    let folder = path.parent().ok_or("a file is in a folder")?;
    fs::create_dir_all(folder).map_err(said)?;
    fs::write(path, content).map_err(said)
}
