//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use fingerpost_workload::Kind;

use crate::proxy::{Modules, Proxy};

/// Fingerpost beside Envoy's own router, an empty filter and Lua, in one run and in turns.
///
/// Each proxy is a stock Envoy with one worker, pinned to one core; load and upstreams run on the others. The request is
/// the one that the last rule takes. `cargo xtask bench counts`, `steps`, `requests` and `commands` are other
/// benchmarks: see `docs/bench.md`.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask bench",
    bin_name = "cargo xtask bench",
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Command {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    #[command(flatten)]
    pub(crate) proxies: ProxyArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Measure everything that the documents show, and write it there; then renew the baseline of `counts`
    Publish(ProxyArgs),
    /// Write table and chart of earlier results again
    Render {
        /// What `--json` has written
        results: PathBuf,
    },
    /// How quick `fingerpost request` is, without an Envoy
    Requests(RequestArgs),
    /// How long `fingerpost compile`, `explain` and `request` take on large inputs, and how much memory
    Commands(CommandArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ProxyArgs {
    /// In under three minutes: three kinds, 10 and 10,000 rules, short turns
    #[arg(long, conflicts_with_all = ["kinds", "rules", "rounds", "seconds"])]
    pub(crate) quick: bool,
    /// What the rules look at: exact, prefix, regex, header, hosts, mix
    #[arg(long, value_delimiter = ',', value_name = "KIND,…", default_values_t = Kind::ALL)]
    pub(crate) kinds: Vec<Kind>,
    /// How many rules the tables have
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "N,…",
        default_values_t = [1, 10, 100, 1_000, 10_000, 100_000],
        value_parser = positive
    )]
    pub(crate) rules: Vec<usize>,
    /// What routes
    #[arg(long, value_delimiter = ',', value_name = "PROXY,…", value_enum, default_values_t = Proxy::ALL)]
    pub(crate) proxies: Vec<Proxy>,
    /// How many turns each proxy has with each table; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = positive)]
    pub(crate) rounds: usize,
    /// How long a turn lasts
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a chart
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    #[arg(long, hide = true, default_value = "target/fingerpost.wasm")]
    module: PathBuf,
    #[arg(
        long,
        hide = true,
        default_value = "target/filters/wasm32-wasip1/wasm/fingerpost_empty_filter.wasm"
    )]
    empty_module: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// How many rules the tables of a single request have
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_values_t = [10, 1_000, 10_000], value_parser = positive)]
    pub(crate) rules: Vec<usize>,
    #[arg(long, hide = true, default_value = "target/release/fingerpost")]
    pub(crate) command: PathBuf,
    #[arg(long, hide = true, default_value = "tests/conformance")]
    pub(crate) corpus: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CommandArgs {
    /// What the rules look at: exact, prefix, regex, header, hosts, mix
    #[arg(long, value_delimiter = ',', value_name = "KIND,…", default_values_t = Kind::ALL)]
    pub(crate) kinds: Vec<Kind>,
    /// How many rules there are
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_values_t = [10_000, 100_000], value_parser = positive)]
    pub(crate) rules: Vec<usize>,
    #[arg(long, hide = true, default_value = "target/release/fingerpost")]
    pub(crate) command: PathBuf,
}

/// What is to be measured.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) rules: Vec<usize>,
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) rounds: usize,
    pub(crate) turn: Duration,
    pub(crate) modules: Modules,
    /// The command that repeats the run.
    pub(crate) command: String,
}

impl ProxyArgs {
    pub(crate) fn plan(&self, verb: &str) -> Result<Plan, crate::Failure> {
        let modules = Modules {
            fingerpost: absolute(&self.module)?,
            empty: absolute(&self.empty_module)?,
        };
        let plan = Plan {
            kinds: self.kinds.clone(),
            rules: self.rules.clone(),
            proxies: self.proxies.clone(),
            rounds: self.rounds,
            turn: Duration::from_secs_f64(self.seconds),
            modules,
            command: self.command(verb),
        };
        if !self.quick {
            return Ok(plan);
        }
        Ok(Plan {
            kinds: vec![Kind::Exact, Kind::Regex, Kind::Mix],
            rules: vec![10, 10_000],
            turn: Duration::from_millis(300),
            ..plan
        })
    }

    /// The options that differ from the defaults. The proxies are always those of the results.
    fn command(&self, verb: &str) -> String {
        let default = Command::parse_from(["bench"]).proxies;
        let mut command = format!("cargo xtask bench{verb}");
        let mut add = |differs: bool, option: String| {
            if differs {
                command.push_str(&option);
            }
        };
        add(self.quick, " --quick".to_owned());
        add(
            self.kinds != default.kinds,
            format!(" --kinds {}", list(&self.kinds)),
        );
        add(
            self.rules != default.rules,
            format!(" --rules {}", list(&self.rules)),
        );
        let proxies: Vec<String> = self
            .proxies
            .iter()
            .map(|it| format!("{it:?}").to_lowercase())
            .collect();
        add(
            self.proxies != default.proxies,
            format!(" --proxies {}", list(&proxies)),
        );
        add(
            self.rounds != default.rounds,
            format!(" --rounds {}", self.rounds),
        );
        add(
            self.seconds != default.seconds,
            format!(" --seconds {}", self.seconds),
        );
        command
    }
}

fn list<T: ToString>(values: &[T]) -> String {
    let texts: Vec<String> = values.iter().map(T::to_string).collect();
    texts.join(",")
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        Ok(_) | Err(_) => Err("expected a number above 0".to_owned()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.01..=600.0).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err("expected seconds, from 0.01 to 600".to_owned()),
    }
}

/// A path that Envoy finds wherever it runs.
fn absolute(path: &std::path::Path) -> Result<PathBuf, crate::Failure> {
    let path = std::path::absolute(path)?;
    match path.is_file() {
        true => Ok(path),
        false => Err(format!(
            "{} is missing: run `cargo xtask bench`, which builds it",
            path.display()
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn command_of(arguments: &[&str]) -> String {
        let arguments = std::iter::once("bench").chain(arguments.iter().copied());
        Command::parse_from(arguments).proxies.command("")
    }

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn a_report_names_the_options_that_matter() {
        assert_eq!(command_of(&[]), "cargo xtask bench");
        assert_eq!(command_of(&["--quick"]), "cargo xtask bench --quick");
        assert_eq!(
            command_of(&["--kinds", "mix,exact", "--rules", "5", "--seconds", "0.5"]),
            "cargo xtask bench --kinds mix,exact --rules 5 --seconds 0.5"
        );
    }

    #[test]
    fn a_wrong_option_is_a_usage_error() {
        for wrong in [
            ["--kinds", "glob"],
            ["--rules", "0"],
            ["--rounds", "none"],
            ["--seconds", "-1"],
            ["--proxies", "nginx"],
        ] {
            let arguments = std::iter::once("bench").chain(wrong);
            assert!(Command::try_parse_from(arguments).is_err(), "{wrong:?}");
        }
        assert!(Command::try_parse_from(["bench", "--quick", "--rounds", "2"]).is_err());
    }
}
