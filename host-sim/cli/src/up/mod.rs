//! `fingerpost up`: the resources at work, in a stock Envoy on this machine.
//!
//! Compiles to a temporary directory, starts Envoy with an echo server behind each cluster whose endpoints are not
//! known, prints where to knock, and then shows what knocks. All of it ends, and is gone, with Ctrl-C.

mod check;
mod reload;
mod screen;
mod temporary;

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

use check::Probes;
use clap::Args;
use fingerpost_certificates::missing_files;
use fingerpost_config_compiler::{Compilation, EnvoyVersion, compile};
use fingerpost_envoy_runner::{
    BinaryError, EnvoyBinary, NEWEST, Report, RunningEnvoy, StartError, StartOptions, Stdout, default_cache,
    install, write_private,
};
use fingerpost_input_files::Watch;
use fingerpost_local_envoy::{LiveEnvoy, NotInForce, Sandbox, SandboxOptions, client};
use fingerpost_local_server::local::{Echoes, Listen};
use fingerpost_local_server::port_owner::who_listens;
use fingerpost_resources::{Code, Diagnostics};
use fingerpost_terminal::messages::{note, progress};
use reload::Reloader;
use screen::Screen;
pub(crate) use temporary::RemoveAfter;
use temporary::TemporaryDirectory;

use crate::args::{EngineName, Input};
use crate::caller::Caller;
use crate::echo_help::echo_help;
use crate::failure::Failure;
use crate::load::load;
use crate::module;
use crate::settings;
use crate::signals::Stop;

/// Names the directory that Envoy is kept in.
const CACHE: &str = "FINGERPOST_CACHE";

/// Serve the rules in an Envoy on this machine
///
/// Each listener gets a free port on the loopback. A cluster without endpoints in the input gets an echo server.
/// Prints a curl line for every rule, and then every request with its rule. Ctrl-C stops everything and
/// leaves nothing behind; a second Ctrl-C does not wait for requests under way.
///
/// With --watch, a file that is saved changes the rules of the Envoy that runs, in the order of `fingerpost sync`: no request is
/// lost. What changed is printed. If the new files are invalid, or Envoy rejects them, the previous rules stay in effect.
///
/// Uses the Envoy that FINGERPOST_ENVOY names, else the one on the PATH, else installs one to FINGERPOST_CACHE
/// (default: ~/.cache/fingerpost) on first use.
#[derive(Debug, Args)]
#[command(after_long_help = concat!("\
Examples:
  fingerpost up -f bookinfo.yaml
  fingerpost up -f k8s/ --listen 80=8080 --listen 443=8443
  fingerpost up -f k8s/ --watch
  fingerpost up -f bookinfo.yaml --check bookinfo.test.json

", echo_help!(
    "  times=2      the other parts hold for the first two attempts only, so that a\n               retry succeeds\n"
), "

The file of --check:
  {\"requests\": [{
    \"request\": {\"port\": 80, \"method\": \"GET\", \"path\": \"/v1/x\",
                \"authority\": \"shop.example.com\"},
    \"expect\": {\"status\": 200, \"path\": \"/x\", \"rule\": \"default/shop http[0]\",
               \"cluster\": \"outbound|80|v1|shop.default.svc.cluster.local\"}
  }]}"))]
pub(crate) struct Up {
    #[command(flatten)]
    input: Input,

    /// Put a listener on a port of your choice: the Gateway's port, and yours
    #[arg(long, value_name = "DECLARED=PORT", help_heading = "Run")]
    listen: Vec<Listen>,

    /// Start no echo servers: send requests to each cluster's real endpoints
    #[arg(long, conflicts_with = "echo_all", help_heading = "Run")]
    no_echo: bool,

    /// Start echo servers for all clusters
    #[arg(long, help_heading = "Run")]
    echo_all: bool,

    /// Which engine matches requests
    #[arg(long, value_enum, default_value = "wasm", help_heading = "Run")]
    engine: EngineName,

    /// Go on with the new rules when a file is saved, without losing a request
    #[arg(long, conflicts_with = "check", help_heading = "Run")]
    watch: bool,

    /// Send the requests in this file, compare the outcomes, and stop
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    check: Option<PathBuf>,
}

impl Up {
    /// Runs the command.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let wasm = match self.engine {
            EngineName::Wasm => Some(module::bytes()),
            EngineName::Native => None,
        };
        let checks = self.check.as_deref().map(check::read).transpose()?;
        if let (None, Some(labels)) = (
            &self.input.labels,
            checks.as_ref().and_then(|it| it.labels.as_ref()),
        ) {
            self.input.labels = Some(labels.parse().map_err(Failure::refused)?);
        }
        if self.watch && self.input.files.iter().any(|it| it.as_os_str() == "-") {
            return Err(Failure::refused(
                "standard input can't be watched: name files or folders",
            ));
        }
        let stop = Stop::listen().map_err(|error| Failure::surroundings(error.to_string()))?;
        // Before the first reading, so that no change is missed.
        let watch = self
            .watch
            .then(|| Watch::start(&self.input.watched(settings::file())));
        let directory = TemporaryDirectory::new()?;
        stop.remove(directory.path());
        let module = directory.path().join("fingerpost.wasm");
        if let Some(bytes) = wasm {
            write_private(&module, bytes).map_err(|error| in_directory(&module, &error))?;
        }

        let module = module.to_string_lossy().into_owned();
        let mut loaded = self.load(&module)?;
        let binary = find_envoy().map_err(|failure| stop.check().err().unwrap_or(failure))?;
        self.suit(&mut loaded, &binary);

        let (report, cluster_header) = match &checks {
            // A check reads which cluster answered; what a user sees has no mark of ours.
            Some(_) => (Report::Keep, Some(client::CLUSTER_HEADER.to_owned())),
            None => (Report::Forget, None),
        };
        let mut sandbox = Sandbox::new(SandboxOptions {
            listen: self.listen.clone(),
            echoes: Echoes::wanted(self.no_echo, self.echo_all),
            report,
            cluster_header,
            lacks_files: |secret| !missing_files(secret).is_empty(),
            directory: directory.path().to_owned(),
        })?;
        let arranged = sandbox.arrange(&loaded.compiled)?;
        note_certificates(&arranged.certified);
        arranged.remarks().iter().for_each(note);
        stop.check()?;
        let prepared = match &watch {
            Some(_) => LiveEnvoy::prepare(&sandbox, &arranged, &loaded.compiled, directory.path())?,
            None => arranged.bootstrap.clone(),
        };
        let (lines, log) = channel();
        let options = StartOptions {
            stdout: Stdout::Lines(lines),
            ..StartOptions::default()
        };
        let envoy = RunningEnvoy::start(&binary, &prepared, directory.path(), options)
            .map_err(|error| not_started(&error))?;
        stop.kill(envoy.pid());
        stop.check()?;

        let mut out = fingerpost_terminal::screen::stdout();
        let mut screen = Screen::new(loaded, &envoy)?;
        // Dropped after Envoy has stopped: requests under way need the echo servers.
        let mut reloader = None;
        let result = match &checks {
            Some(checks) => {
                let probes = Probes {
                    listeners: screen.listeners(),
                    log: &log,
                    echo: sandbox.echo(),
                };
                check::run(checks, &probes, &stop, &mut out)
            }
            None => {
                let clients = sandbox.clients().clone();
                if let Some(watch) = watch {
                    let live =
                        LiveEnvoy::new(sandbox, &arranged, screen.compiled(), directory.path(), &envoy)?;
                    reloader = Some(Reloader::start(live, watch, module, binary.clone(), stop.clone()));
                }
                screen.announce(&envoy, &arranged, &clients, &binary, reloader.is_some(), &mut out)?;
                screen.follow(&envoy, &log, reloader.as_ref(), &stop, &mut out)
            }
        };
        if let Some(reloader) = &reloader {
            reloader.end();
        }
        // A check that failed because Envoy died says so.
        let result = match envoy.exit_watch().check() {
            Some(exit) => Err(Failure::surroundings(format!("{exit}"))),
            None => result,
        };
        envoy.stop();
        result?;
        if checks.is_none() {
            // Those under way when it was stopped. Envoy has closed its output, so this ends.
            log.iter().try_for_each(|line| screen.show(&line, &mut out))?;
        }
        Ok(())
    }

    /// Reads and compiles, for the filter's module at this path.
    fn load(&self, module: &str) -> Result<Compilation, Failure> {
        let options = self.input.options(self.engine, module.to_owned());
        let mut ignored_codes = vec![Code::CertificateNotFound]; // one is made
        if !self.no_echo {
            ignored_codes.push(Code::SubsetByDns); // each subset has its own echo server
        }
        load(&self.input, Caller::Up, options, &ignored_codes)
    }

    /// Compiles again for the Envoy that was found, if it is of another release and the user did not choose one.
    fn suit(&self, loaded: &mut Compilation, binary: &EnvoyBinary) {
        let version = binary.version();
        let found: EnvoyVersion = format!("{}.{}", version.major, version.minor)
            .parse()
            .unwrap_or(EnvoyVersion::NEWEST); // newer than we know
        if self.input.envoy.is_none() && found != loaded.options.envoy {
            loaded.options.envoy = found;
            // The findings are the same for every release, and have been shown.
            loaded.compiled = compile(&loaded.resources, &loaded.options, &mut Diagnostics::new());
        }
    }
}

fn find_envoy() -> Result<EnvoyBinary, Failure> {
    let named = env::var_os(CACHE).filter(|it| !it.is_empty());
    let cache = named.map_or_else(default_cache, PathBuf::from);
    match EnvoyBinary::find(&cache) {
        Ok(binary) => {
            for other in binary.passed_over() {
                note(format_args!(
                    "{} is not used: {}",
                    other.path.display(),
                    other.fault
                ));
            }
            Ok(binary)
        }
        Err(BinaryError::NotFound { .. }) => {
            progress(format_args!(
                "installing Envoy {} to {}",
                NEWEST.version,
                cache.display()
            ));
            install(&cache).map_err(|error| Failure::surroundings(error.to_string()))
        }
        Err(error @ BinaryError::Named { .. }) => Err(Failure::surroundings(error.to_string())),
    }
}

fn not_started(error: &StartError) -> Failure {
    let advice = match error {
        StartError::PortBusy(address) => {
            let port = address.rsplit(':').next().and_then(|it| it.parse().ok());
            let who = who_listens(port.unwrap_or_default());
            return Failure::surroundings(format!(
                "{who} already listens on {address}; choose another port with --listen"
            ));
        }
        StartError::CannotBind { .. } => "; choose a port from 1024 up with --listen",
        StartError::ConfigRejected(_) => {
            "; Envoy should accept whatever was compiled: this is a bug in Fingerpost"
        }
        StartError::Crashed(_)
        | StartError::NotReadyInTime { .. }
        | StartError::DoesNotRun(..)
        | StartError::File(..) => "",
    };
    Failure::surroundings(format!("{error}{advice}"))
}

fn in_directory(path: &Path, error: &std::io::Error) -> Failure {
    Failure::surroundings(format!("{}: {error}", path.display()))
}

fn note_certificates(names: &BTreeSet<String>) {
    if !names.is_empty() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        note(format_args!(
            "generated a temporary certificate for {}: there is no Secret or file for it that can be used",
            names.join(", ")
        ));
    }
}

impl From<NotInForce> for Failure {
    fn from(error: NotInForce) -> Self {
        match error {
            NotInForce::Refused(message) => Self::Refused(message),
            NotInForce::Surroundings(message) => Self::Surroundings(message),
        }
    }
}
