//! What a choice costs: the same rules in our filter, in Envoy's own router, and no rules at all.
//!
//! All proxies run at once and take turns under load, so that a slow minute of the machine meets each of them. What is
//! compared is the processor time that Envoy takes for a request, which load and upstream do not blur; the median of
//! the turns is told. Envoy has one worker, on a core of its own where the machine has two.

mod cores;
mod load;
mod requests;
mod rules;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use fingerpost_config_compiler::Engine;
use fingerpost_envoy_runner::{
    Bootstrap, Echo, EchoOptions, EnvoyBinary, Report, RunningEnvoy, StartOptions,
};
use load::Turn;
use requests::Requests;
use rules::Kind;
use tempfile::TempDir;

const HELP: &str = "\
Usage: cargo xtask bench [--rules N,N,…] [--rounds N] [--seconds S]
       cargo xtask bench requests [--rules N,N,…]

Our filter beside Envoy's own router; or, without an Envoy, how quick `fingerpost request` is.

  --rules N,N,…  how many rules the tables have (default: 10,1000,10000)
  --rounds N     how many turns each proxy has for each table (default: 5)
  --seconds S    how long a turn lasts (default: 1)
";

type Failure = Box<dyn std::error::Error>;

/// What is to be measured.
struct Plan {
    module: PathBuf,
    command: PathBuf,
    corpus: PathBuf,
    rules: Vec<usize>,
    rounds: usize,
    turn: Duration,
}

/// A proxy under test, and what its turns brought.
struct Contender {
    name: &'static str,
    envoy: RunningEnvoy,
    address: std::net::SocketAddr,
    turns: Vec<Turn>,
    _folder: TempDir,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|it| it == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let measured = match arguments.split_first() {
        Some((first, rest)) if first == "requests" => Plan::parse(rest).map(|plan| plan.requests().measure()),
        _ => Plan::parse(&arguments).map(|plan| measure(&plan)),
    };
    let Some(measured) = measured else {
        eprint!("{HELP}");
        return ExitCode::from(2);
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(5)
        }
    }
}

impl Plan {
    fn parse(arguments: &[String]) -> Option<Self> {
        let mut plan = Self {
            module: PathBuf::from("target/fingerpost.wasm"),
            command: PathBuf::from("target/release/fingerpost"),
            corpus: PathBuf::from("tests/conformance"),
            rules: vec![10, 1000, 10_000],
            rounds: 5,
            turn: Duration::from_secs(1),
        };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return None };
            match name.as_str() {
                "--module" => plan.module = PathBuf::from(value),
                "--command" => plan.command = PathBuf::from(value),
                "--rules" => {
                    plan.rules = value
                        .split(',')
                        .map(|it| it.parse().ok())
                        .collect::<Option<_>>()?;
                }
                "--rounds" => plan.rounds = value.parse().ok().filter(|it| *it > 0)?,
                "--seconds" => plan.turn = Duration::try_from_secs_f64(value.parse().ok()?).ok()?,
                _ => return None,
            }
        }
        Some(plan)
    }

    fn requests(self) -> Requests {
        Requests {
            command: self.command,
            corpus: self.corpus,
            rules: self.rules,
        }
    }
}

fn measure(plan: &Plan) -> Result<(), Failure> {
    let binary = EnvoyBinary::find(&fingerpost_envoy_runner::default_cache())?;
    let cores = cores::split()?;
    println!(
        "Envoy {}, {cores}; median of {} turns of {:?}\n",
        binary.version(),
        plan.rounds,
        plan.turn
    );
    println!(
        "| rules | kind | proxy | µs of Envoy's CPU a request | to no rules | to Envoy's router | requests/s |"
    );
    println!("|---:|---|---|---:|---:|---:|---:|");
    for &count in &plan.rules {
        for kind in [Kind::ExactPath, Kind::Header] {
            measure_table(plan, &binary, &cores, kind, count)?;
        }
    }
    Ok(())
}

/// Measures one table in every proxy, and prints its rows.
fn measure_table(
    plan: &Plan,
    binary: &EnvoyBinary,
    cores: &cores::Cores,
    kind: Kind,
    count: usize,
) -> Result<(), Failure> {
    let echo = Echo::start(EchoOptions {
        report: Report::Forget,
        ..EchoOptions::default()
    })?;
    let requests = kind.requests(count);
    let engines = [
        ("no rules", Engine::Native, 0),
        ("Envoy's router", Engine::Native, count),
        ("our filter", Engine::Wasm, count),
    ];
    let mut contenders = Vec::new();
    for (name, engine, count) in engines {
        let bootstrap = rules::compile(kind, count, engine, &plan.module)?;
        contenders.push(start(name, bootstrap, binary, cores, &echo)?);
    }
    for contender in &mut contenders {
        load::turn(contender.address, &contender.envoy, &requests, plan.turn / 4)?; // to warm up; not counted
    }
    for _ in 0..plan.rounds {
        for contender in &mut contenders {
            contender.turns.push(load::turn(
                contender.address,
                &contender.envoy,
                &requests,
                plan.turn,
            )?);
        }
    }
    let costs: Vec<f64> = contenders.iter().map(Contender::cpu_per_request).collect();
    let [no_rules, router, _] = costs[..] else {
        return Err("three proxies were to be measured".into());
    };
    let mut rows = String::new();
    for (contender, cost) in contenders.into_iter().zip(&costs) {
        let rate = median(contender.turns.iter().map(Turn::rate));
        writeln!(
            rows,
            "| {count} | {kind} | {} | {:.1} | {:.2} | {:.2} | {rate:.0} |",
            contender.name,
            cost * 1e6,
            cost / no_rules,
            cost / router
        )?;
        contender.envoy.stop();
    }
    print!("{rows}");
    Ok(())
}

fn start(
    name: &'static str,
    mut bootstrap: Bootstrap,
    binary: &EnvoyBinary,
    cores: &cores::Cores,
    echo: &Echo,
) -> Result<Contender, Failure> {
    for cluster in bootstrap.clusters() {
        bootstrap.point_cluster(&cluster, echo.listen(&cluster)?);
    }
    for (listener, _) in bootstrap.listeners() {
        bootstrap.bind_listener(&listener, "127.0.0.1:0".parse()?);
    }
    let folder = tempfile::tempdir()?;
    let options = StartOptions {
        ready_within: Duration::from_secs(120),
        ..StartOptions::default()
    };
    let envoy = RunningEnvoy::start(binary, &bootstrap, folder.path(), options)?;
    cores.give_to_envoy(&envoy)?;
    let address = envoy
        .listeners()?
        .first()
        .map(|listener| listener.address)
        .ok_or("Envoy listens nowhere")?;
    Ok(Contender {
        name,
        envoy,
        address,
        turns: Vec::new(),
        _folder: folder,
    })
}

impl Contender {
    /// The median of the turns, in seconds.
    fn cpu_per_request(&self) -> f64 {
        median(self.turns.iter().map(Turn::cpu_per_request))
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// An absolute path, which Envoy finds wherever it runs.
fn absolute(path: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(path)?;
    match path.is_file() {
        true => Ok(path.to_string_lossy().into_owned()),
        false => Err(format!("{} is missing: run `cargo xtask build` first", path.display()).into()),
    }
}
