//! `fingerpost serve`: the simulator as a proxy on this machine, for a person who writes rules.
//!
//! A listener on the loopback for each of the Gateways' that carries HTTP. The compiled proxy decides about each
//! request (`exchange`), real or echo upstreams answer (`upstreams`), and when the files change the next request goes
//! by the new rules. One thread serves all requests: they come from one person.

use fingerpost_resources::Code;
use std::collections::BTreeMap;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use clap::Args;
use fingerpost_config_compiler::Compilation;
use fingerpost_envoy_runner::{Echo, EchoBody, EchoOptions, Report};
use fingerpost_input_files::{Wake, Watch};
use fingerpost_local_server::changes;
use fingerpost_local_server::listeners::Listeners;
use fingerpost_local_server::local::{CurlHints, Echoes, Listen};
use fingerpost_local_server::server::{Generation, Server};
use fingerpost_terminal::count;
use fingerpost_terminal::listing;
use fingerpost_terminal::messages::{self, error, note};
use fingerpost_terminal::style::{BOLD, DIM, paint};
use fingerpost_terminal::table;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::args::{EngineName, Input, RuntimeName};
use crate::caller::Caller;
use crate::echo_help::echo_help;
use crate::failure::Failure;
use crate::load::{load, note_plain_text};
use crate::run_options::explain_command;
use crate::settings;
use crate::signals::Stop;

/// Poll interval for Ctrl-C and reloads.
const TICK: Duration = Duration::from_millis(50);

/// Serve the rules locally without Envoy; reloads on change
///
/// Each HTTP listener gets a free port on the loopback. The filter that Envoy would load, run in a simulator, routes the
/// requests; a model of Envoy does the rest. Requests go to the real endpoints of a cluster if the input has them, and
/// to an echo server if not. Prints a curl line for every rule, and then every request with its rule.
///
/// Two response headers explain the answer: x-fingerpost-rule names the rule and its match, x-fingerpost-cluster the
/// cluster that received the request.
///
/// When a file is saved, the rules are reloaded and the changes are printed. If the new files are invalid, the previous
/// rules stay in effect. Ctrl-C stops it after the requests under way.
#[derive(Debug, Args)]
#[command(after_long_help = concat!("\
Examples:
  fingerpost serve -f k8s/
  fingerpost serve -f bookinfo.yaml --listen 80=8080 --listen 443=8443
  curl -si -H 'Host: shop.example.com' http://127.0.0.1:8080/v1/cart

", echo_help!(""), "

Not supported: retries, connection pools, outlier detection and load balancing policies (endpoints are used round robin); \
upgrades over HTTP/2 and CONNECT (501); TLS to upstreams; the header that tells upstreams of a client's certificate. \
A route's timeout ends when the response headers arrive. The certificates of servers are temporary; those of clients are judged by the \
authorities of the Gateway if they are at hand. If the model cannot predict what Envoy \
would do, the answer is 501 with the reason.

Exit codes: 0 stopped by Ctrl-C; 2 usage error or invalid input at the start; 5 a port that is in use."))]
pub(crate) struct Serve {
    #[command(flatten)]
    input: Input,

    /// Put a listener on a port of your choice: the Gateway's port, and yours
    #[arg(long, value_name = "DECLARED=PORT", help_heading = "Run")]
    listen: Vec<Listen>,

    /// Start echo servers for clusters without known endpoints: the default
    #[arg(long, conflicts_with_all = ["no_echo", "echo_all"], help_heading = "Run")]
    echo: bool,

    /// Start no echo servers: send requests to each cluster's real endpoints
    #[arg(long, conflicts_with = "echo_all", help_heading = "Run")]
    no_echo: bool,

    /// Start echo servers for all clusters
    #[arg(long, help_heading = "Run")]
    echo_all: bool,

    /// How to run the filter
    #[arg(long, value_enum, default_value = "wasm", help_heading = "Run")]
    filter_runtime: RuntimeName,
}

/// What came of reading the files again.
type News = Result<Compilation, Failure>;

impl Serve {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let machine = |error: std::io::Error| Failure::surroundings(error.to_string());
        let stop = Stop::listen().map_err(machine)?;
        // Before the first reading, so that no change is missed.
        let watch = Watch::start(&self.input.watched(settings::file()));
        let serve = Arc::new(self);
        let loaded = serve.load()?;
        let news = serve.follow(watch, stop.clone());
        let echo = Echo::start(EchoOptions {
            report: Report::Forget,
            body: EchoBody::Request,
            ..EchoOptions::default()
        })
        .map_err(machine)?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(machine)?;
        LocalSet::new().block_on(&runtime, serve.serve(loaded, &echo, &news, &stop))
    }

    fn load(&self) -> News {
        let options = self.input.options(EngineName::Wasm, String::new());
        let mut ignored_codes = vec![Code::CertificateNotFound]; // one is made
        if !self.no_echo {
            ignored_codes.push(Code::SubsetByDns); // each subset has its own echo server
        }
        load(&self.input, Caller::Serve, options, &ignored_codes)
    }

    fn echoes(&self) -> Echoes {
        Echoes::wanted(self.no_echo, self.echo_all)
    }

    /// Reads the files whenever they change, on another thread: requests don't wait for that.
    fn follow(self: &Arc<Self>, mut watch: Watch, stop: Stop) -> Receiver<News> {
        let (sender, news) = channel();
        if self.input.files.iter().any(|it| it.as_os_str() == "-") {
            note("standard input is read once: changes of files are not followed");
            return news;
        }
        thread::spawn(move || {
            while watch.wait(|| stop.is_wanted()) == Wake::Changed
                && sender.send(load_again(&mut watch)).is_ok()
            {}
        });
        news
    }

    /// Serves until the user has enough.
    async fn serve(
        &self,
        loaded: Compilation,
        echo: &Echo,
        news: &Receiver<News>,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let generation = Generation::new(loaded, self.filter_runtime.load()?, self.echoes(), echo)?;
        let server = Rc::new(Server::new(generation, explain_command()));
        let mut listeners =
            Listeners::new(self.listen.clone()).map_err(|error| Failure::surroundings(error.to_string()))?;
        listeners.suit(&server)?;
        announce(&server, &listeners)?;
        while !stop.is_wanted() {
            tokio::time::sleep(TICK).await;
            server.check_screen()?;
            match news.try_recv() {
                Ok(news) => self.take(news, &server, &mut listeners, echo),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
            }
        }
        listeners.close().await;
        Ok(())
    }

    /// Goes on with what was read last, if it will do.
    fn take(&self, news: News, server: &Rc<Server>, listeners: &mut Listeners, echo: &Echo) {
        let generation = news.and_then(|loaded| {
            Ok(Generation::new(
                loaded,
                self.filter_runtime.load()?,
                self.echoes(),
                echo,
            )?)
        });
        let generation = match generation {
            Ok(generation) => generation,
            Err(failure) => {
                if let Some(message) = failure.message() {
                    error(message);
                }
                note("not reloaded: the rules stay as they were");
                return;
            }
        };
        let old = server.generation();
        // As in a cluster: an update that Istio refuses leaves the resource as it was.
        if !generation.loaded.invalid.is_subset(&old.loaded.invalid) {
            note("not reloaded: the rules stay as they were");
            return;
        }
        let (before, after) = (&old.loaded.compiled, &generation.loaded.compiled);
        let changes = changes::told(before, after);
        let open_before = listeners.open();
        server.replace(generation);
        if let Err(failure) = listeners.suit(server) {
            error(failure);
        }
        for listener in listeners.open() {
            if open_before.iter().all(|it| it.address != listener.address) {
                note(format_args!("{} is at {}", listener.name, listener.address));
            }
        }
        note(format_args!("reloaded: {changes}"));
    }
}

/// Reads what the command line and the settings name now, and watches that.
fn load_again(watch: &mut Watch) -> News {
    let crate::Command::Serve(serve) = crate::parse_again()? else {
        return Err(Failure::refused("the command line is another one"));
    };
    watch.follow(&serve.input.watched(settings::file()));
    serve.load()
}

/// Says what is served, and where.
fn announce(server: &Server, listeners: &Listeners) -> Result<(), Failure> {
    let generation = server.generation();
    let loaded = &generation.loaded;
    note_plain_text(&loaded.compiled.summary);
    let open = listeners.open();
    for name in listeners.without_authorities(server) {
        note(format_args!(
            "{name}: the authorities of clients are not at hand, so clients come in with any certificate or without one"
        ));
    }
    let hints = CurlHints {
        listeners: &open,
        clients: &BTreeMap::new(),
    };
    let shown = listing::all(&loaded.compiled.summary);
    let tables = listing::tables(&shown, &hints, table::terminal_width());
    let mut out = fingerpost_terminal::screen::stdout();
    write!(
        out,
        "{}, with {}\n\n{tables}",
        paint(BOLD, "Serving without an Envoy"),
        count(generation.echoes(), "echo upstream"),
    )?;
    out.flush()?;
    messages::release();
    let line = "Requests appear here, and files that are saved count at once. Ctrl-C stops it.";
    writeln!(out, "\n{}", paint(DIM, line))?;
    Ok(out.flush()?)
}
