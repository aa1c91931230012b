//! The `fingerpost` command.
//!
//! One file a subcommand; what they share is beside them: `args` (the options), `load` (reading
//! and compiling), `failure` (the exit codes); `fingerpost-input-files` finds and reads the files, `fingerpost-terminal` has
//! the looks. Routing is none of its business: every rule about it lives in the crates below.

mod args;
mod assumed;
mod caller;
mod certificates;
mod clusters;
mod compile;
mod completions;
mod echo_help;
mod envoy_args;
mod envoy_files;
mod explain;
mod failure;
mod ignored;
mod image;
mod load;
mod man;
mod manifests;
mod module;
mod operations_args;
mod output;
mod proxy;
mod render_args;
mod request;
mod request_args;
mod routes;
mod rule;
mod run_options;
mod schema;
mod serve;
mod settings;
mod signals;
mod sync;
mod test;
mod up;

use std::panic;
use std::process::{self, ExitCode};

use clap::error::ErrorKind;
use clap::{ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use fingerpost_terminal::messages::{self, Verbosity};

use crate::args::Colour;
use crate::failure::Failure;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where to begin.
const EXAMPLES: &str = "\
Examples:
  fingerpost routes -f k8s/
  fingerpost explain -f k8s/ http://shop.example.com/cart
  fingerpost serve -f k8s/";

/// The end of `--help`.
const HELP: &str = "\
Examples:
  fingerpost routes -f k8s/
  fingerpost explain -f k8s/ http://shop.example.com/cart
  fingerpost serve -f k8s/

Exit codes: 0 done; 1 findings, or an expectation not met; 2 usage error or invalid input; \
3 internal error; 4 no test to run; 5 environment (port in use or not permitted, no Envoy).";

/// Exit code of an internal error.
const BUG: u8 = 3;

/// Istio's routes in a stock Envoy, without a control plane.
///
/// Reads Gateways, VirtualServices, DestinationRules, ServiceEntries and Services from files, and configures Envoy to route
/// as Istio's ingress gateway would.
#[derive(Debug, Parser)]
#[command(
    name = "fingerpost",
    version,
    after_help = EXAMPLES,
    after_long_help = HELP,
    max_term_width = 100,
    disable_help_flag = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Show every finding, and long lists to their ends
    #[arg(long, global = true, conflicts_with = "quiet", help_heading = EVERYWHERE)]
    all: bool,

    /// Show errors only, no warnings and no notes
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    quiet: bool,

    /// When to colour the output: `auto` means on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = EVERYWHERE
    )]
    color: Colour,

    /// Print help: `-h` in short, `--help` with examples
    #[arg(short, long, global = true, action = ArgAction::Help, help_heading = EVERYWHERE)]
    help: Option<bool>,
}

/// The heading of options that every command has: behind its own, which people look for.
const EVERYWHERE: &str = "Options of every command";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Explain(explain::Explain),
    Routes(routes::Routes),
    Clusters(clusters::Clusters),
    Request(request::Request),
    Test(test::Test),
    Serve(serve::Serve),
    Up(up::Up),
    Compile(compile::Compile),
    Sync(Box<sync::SyncCommand>),
    Manifests(manifests::Manifests),
    Image(image::ImageCommand),
    Rule(rule::Rule),
    Completions(completions::Completions),
    Man(man::Man),
    Schema(schema::Schema),
    #[command(name = "remove-after", hide = true)]
    RemoveAfter(up::RemoveAfter),
}

fn main() -> ExitCode {
    panic::set_hook(Box::new(|info| {
        if fingerpost_resources::is_caught(info) {
            return;
        }
        messages::say_now(format_args!(
            "internal error in fingerpost, not in your input: {info}\n\
             Please report it with this text, the command line, the output of `fingerpost --version`, and the input \
             if you may share it."
        ));
    }));
    signals::survive_limits_on_files();
    let cli = match parse() {
        Ok(cli) => cli,
        Err(failure) => {
            messages::release();
            return end(&failure);
        }
    };
    // Unwinds to here, so that children are stopped and temporary files removed on the way.
    let result = panic::catch_unwind(|| match cli.command {
        Command::Clusters(command) => command.run(),
        Command::Compile(command) => command.run(),
        Command::Manifests(command) => command.run(),
        Command::Image(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Request(command) => command.run(),
        Command::Routes(command) => command.run(),
        Command::Rule(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Sync(command) => command.run(),
        Command::Test(command) => command.run(),
        Command::Up(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::RemoveAfter(command) => command.run(),
    });
    messages::release();
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => end(&failure),
        Err(_) => ExitCode::from(BUG),
    }
}

/// The command line, with the settings that hold here as the defaults of its options.
fn parse() -> Result<Cli, Failure> {
    let command = Cli::command();
    let settings = match settings::find() {
        Ok(settings) => settings,
        // Help, and commands that take no settings, do not need them.
        Err(unusable) => match command.clone().try_get_matches() {
            Err(error) if !matches!(error.kind(), ErrorKind::MissingRequiredArgument) => leave(&error),
            Ok(matches) if !settings::are_for(&command, &matches) => return Ok(from_matches(&matches)),
            Ok(_) | Err(_) => return Err(unusable.report()),
        },
    };
    let matches = settings.apply(command.clone()).try_get_matches();
    let matches = matches.unwrap_or_else(|error| leave(&settings::advise(error)));
    let cli = from_matches(&matches);
    cli.color.apply();
    messages::set_verbosity(match (cli.quiet, cli.all) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::All,
        (false, false) => Verbosity::Usual,
    });
    messages::hold();
    if settings::are_for(&command, &matches) {
        settings.announce();
    }
    settings::check_helm_values(&matches)?;
    Ok(cli)
}

/// The command line once more, with the settings as they are now.
pub(crate) fn parse_again() -> Result<Command, Failure> {
    let settings = settings::find().map_err(settings::Unusable::report)?;
    let matches = settings.apply(Cli::command()).try_get_matches();
    let cli = matches.and_then(|it| Cli::from_arg_matches(&it));
    let cli = cli.map_err(|error| Failure::refused(error.to_string()))?;
    Ok(cli.command)
}

fn from_matches(matches: &ArgMatches) -> Cli {
    Cli::from_arg_matches(matches).unwrap_or_else(|error| leave(&error))
}

/// Ends the command with a usage error, or with the help or the version, which are answers on standard output.
fn leave(error: &clap::Error) -> ! {
    match error.print() {
        Err(unwritten) if !error.use_stderr() => {
            let failure = Failure::Output(unwritten);
            end(&failure);
            process::exit(failure.code().into())
        }
        Ok(()) | Err(_) => process::exit(error.exit_code()),
    }
}

fn end(failure: &Failure) -> ExitCode {
    if let Some(message) = failure.message() {
        messages::error(message);
    }
    ExitCode::from(failure.code())
}
