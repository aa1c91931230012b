//! `fingerpost up`: the resources at work, in a stock Envoy on this machine.
//!
//! Compiles to a temporary directory, starts Envoy with an echo server behind each cluster whose endpoints are not
//! known, prints where to knock, and then shows what knocks. All of it ends, and is gone, with Ctrl-C.

mod certificates;
mod check;
mod client;
mod sandbox;
mod temporary;

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use certificates::Made;
use check::Probes;
use clap::Args;
use fingerpost_config_compiler::{Compilation, EnvoyVersion, compile};
use fingerpost_envoy_runner::{
    BinaryError, EnvoyBinary, NEWEST, Report, RunningEnvoy, StartError, StartOptions, Stdout, default_cache,
    install, write_private,
};
use fingerpost_resources::{Code, Diagnostics};
use sandbox::{Sandbox, listeners};

use crate::args::{EngineName, Input};
use crate::caller::Caller;
use crate::echo_help::echo_help;
use crate::failure::Failure;
use crate::load::{load, note_plain_text};
use crate::module;
use crate::run_options::explain_command;
use crate::signals::Stop;
use fingerpost_local_server::explain_command::GatewayPort;
use fingerpost_local_server::journal::{Entry, Journal};
use fingerpost_local_server::local::{CurlHints, Echoes, Listen, LocalListener};
use fingerpost_local_server::port_owner::who_listens;
use fingerpost_terminal::count;
use fingerpost_terminal::listing;
use fingerpost_terminal::messages::{self, note, progress};
use fingerpost_terminal::style::{BOLD, DIM, paint};
use fingerpost_terminal::table;
pub(crate) use temporary::RemoveAfter;
use temporary::TemporaryDirectory;

/// Poll interval for Ctrl-C and for whether Envoy still runs.
const TICK: Duration = Duration::from_millis(50);
/// Names the directory that Envoy is kept in.
const CACHE: &str = "FINGERPOST_CACHE";

/// Serve the rules in an Envoy on this machine
///
/// Each listener gets a free port on the loopback. A cluster without endpoints in the input gets an echo server.
/// Prints a curl line for every rule, and then every request with its rule. Ctrl-C stops everything and
/// leaves nothing behind; a second Ctrl-C does not wait for requests under way.
///
/// Uses the Envoy that FINGERPOST_ENVOY names, else the one on the PATH, else installs one to FINGERPOST_CACHE
/// (default: ~/.cache/fingerpost) on first use.
#[derive(Debug, Args)]
#[command(after_long_help = concat!("\
Examples:
  fingerpost up -f bookinfo.yaml
  fingerpost up -f k8s/ --listen 80=8080 --listen 443=8443
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
        let stop = Stop::listen().map_err(|error| Failure::surroundings(error.to_string()))?;
        let directory = TemporaryDirectory::new().map_err(|error| in_directory(&env::temp_dir(), &error))?;
        stop.remove(directory.path());
        let module = directory.path().join("fingerpost.wasm");
        if let Some(bytes) = wasm {
            write_private(&module, bytes).map_err(|error| in_directory(&module, &error))?;
        }

        let options = self
            .input
            .options(self.engine, module.to_string_lossy().into_owned());
        let mut ignored_codes = vec![Code::CertificateNotFound]; // one is made
        if !self.no_echo {
            ignored_codes.push(Code::SubsetByDns); // each subset has its own echo server
        }
        let mut loaded = load(&self.input, Caller::Up, options, &ignored_codes)?;
        let binary = find_envoy().map_err(|failure| stop.check().err().unwrap_or(failure))?;
        self.suit(&mut loaded, &binary);

        let report = if checks.is_some() {
            Report::Keep
        } else {
            Report::Forget
        };
        let sandbox = Sandbox::set(&loaded.compiled, &self.listen, self.echoes(), report, &directory)?;
        note_certificates(&sandbox.made);
        stop.check()?;
        let (lines, log) = channel();
        let options = StartOptions {
            stdout: Stdout::Lines(lines),
            ..StartOptions::default()
        };
        let envoy = RunningEnvoy::start(&binary, &sandbox.bootstrap, directory.path(), options)
            .map_err(|error| not_started(&error))?;
        stop.kill(envoy.pid());
        stop.check()?;
        let listeners = listeners(&loaded.compiled.summary, &envoy)?;

        let mut out = fingerpost_terminal::screen::stdout();
        let mut journal = Journal::of(&loaded.compiled.summary, explain_command());
        let result = match &checks {
            Some(checks) => {
                let probes = Probes {
                    listeners: &listeners,
                    log: &log,
                    echo: &sandbox.echo,
                };
                check::run(checks, &probes, &stop, &mut out)
            }
            None => announce(&loaded, &sandbox, &listeners, &binary, &envoy, &mut out).and_then(|()| {
                watch(&envoy, &log, &stop, |line| {
                    show(line, &listeners, &mut journal, &mut out)
                })
            }),
        };
        // A check that failed because Envoy died says so.
        let result = match envoy.exit_watch().check() {
            Some(exit) => Err(Failure::surroundings(format!("{exit}"))),
            None => result,
        };
        envoy.stop();
        result?;
        if checks.is_none() {
            // Those under way when it was stopped. Envoy has closed its output, so this ends.
            log.iter()
                .try_for_each(|line| show(&line, &listeners, &mut journal, &mut out))?;
        }
        Ok(())
    }

    fn echoes(&self) -> Echoes {
        Echoes::wanted(self.no_echo, self.echo_all)
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

fn note_certificates(made: &Made) {
    if !made.names.is_empty() {
        let names: Vec<&str> = made.names.iter().map(String::as_str).collect();
        note(format_args!(
            "generated a temporary certificate for {}: the input has no Secret or file for it",
            names.join(", ")
        ));
    }
}

/// Says what is up, and where.
fn announce(
    loaded: &Compilation,
    sandbox: &Sandbox,
    listeners: &[LocalListener],
    binary: &EnvoyBinary,
    envoy: &RunningEnvoy,
    out: &mut impl Write,
) -> Result<(), Failure> {
    note_plain_text(&loaded.compiled.summary);
    let hints = CurlHints {
        listeners,
        clients: &sandbox.made.clients,
    };
    let shown = listing::all(&loaded.compiled.summary);
    let tables = listing::tables(&shown, &hints, table::terminal_width());
    let up = paint(BOLD, format_args!("Envoy {} is up", binary.version()));
    let echoes = count(sandbox.echoes, "echo upstream");
    writeln!(
        out,
        "{up}, with {echoes}; admin at http://{}\n\n{tables}",
        envoy.admin()
    )?;
    out.flush()?;
    messages::release();
    writeln!(
        out,
        "\n{}",
        paint(DIM, "Requests appear here. Ctrl-C stops everything.")
    )?;
    Ok(out.flush()?)
}

/// Shows requests until the user has enough, or Envoy ends.
fn watch(
    envoy: &RunningEnvoy,
    log: &Receiver<String>,
    stop: &Stop,
    mut show: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let exit = envoy.exit_watch();
    loop {
        match log.recv_timeout(TICK) {
            Ok(line) => show(&line)?,
            Err(RecvTimeoutError::Timeout) => {}
            // Envoy closed its output: it has ended, or is about to.
            Err(RecvTimeoutError::Disconnected) => drop(exit.wait(TICK)),
        }
        if stop.is_wanted() || exit.check().is_some() {
            return Ok(());
        }
    }
}

/// Shows the request in a line of the access log.
fn show(
    line: &str,
    listeners: &[LocalListener],
    journal: &mut Journal,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if let Some(mut entry) = Entry::parse(line) {
        let listener = listeners
            .iter()
            .find(|it| Some(it.address.port()) == entry.local_port);
        entry.gateway = listener.map(|it| GatewayPort {
            number: it.port,
            tls: it.tls,
        });
        writeln!(out, "{}", journal.lines(&entry))?;
        out.flush()?;
    }
    Ok(())
}
