//! What a choice costs: the same rules in our filter, in Envoy's own router and in Lua, beside an Envoy that chooses
//! nothing and a filter that does nothing. `docs/bench.md` says what each figure means.

mod args;
mod chart;
mod commands;
mod cores;
mod load;
mod lua;
mod machine;
mod measure;
mod process;
mod proxy;
mod publish;
mod report;
mod requests;
mod statistics;
mod table;
mod upstream;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use args::{Command, Plan, ProxyArgs, Verb};
use clap::Parser;
use commands::Commands;
use fingerpost_envoy_runner::{EnvoyBinary, default_cache};
use measure::Bench;
use report::{Machine, Report};
use requests::Requests;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(5)
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command.verb {
        None => {
            let report = measure(&command.proxies.plan("")?)?;
            write(&report, &command.proxies)
        }
        Some(Verb::Publish(proxies)) => {
            machine::require_commit()?;
            let report = measure(&proxies.plan(" publish")?)?;
            write(&report, &proxies)?;
            publish::results(&report)
        }
        Some(Verb::Render { results }) => publish::results(&read(&results)?),
        Some(Verb::Commands(commands)) => Commands {
            command: std::path::absolute(commands.command)?,
            kinds: commands.kinds,
            rules: commands.rules,
        }
        .measure(),
        Some(Verb::Requests(requests)) => Requests {
            command: requests.command,
            corpus: requests.corpus,
            rules: requests.rules,
        }
        .measure(),
    }
}

/// Measures all tables, and prints each when it is done.
fn measure(plan: &Plan) -> Result<Report, Failure> {
    let binary = EnvoyBinary::find(&default_cache())?;
    // Before the cores are split: then we see our part only.
    let machine = machine::describe()?;
    let cores = cores::split()?;
    let mut report = Report {
        command: plan.command.clone(),
        commit: machine::commit()?,
        machine: Machine {
            pinned: cores.to_string(),
            ..machine
        },
        envoy: binary.version().to_string(),
        rounds: plan.rounds,
        seconds: plan.turn.as_secs_f64(),
        module_bytes: machine::module_bytes(&plan.modules)?,
        tables: Vec::new(),
    };
    let bench = Bench::new(plan, binary, cores)?;
    print!("{}", table::head(&report));
    for kind in &plan.kinds {
        for rules in &plan.rules {
            let measured = bench.table(*kind, *rules)?;
            print!("{}", table::text(&measured));
            report.tables.push(measured);
        }
    }
    print!("{}", table::notes(&report));
    Ok(report)
}

fn write(report: &Report, to: &ProxyArgs) -> Result<(), Failure> {
    if let Some(file) = &to.json {
        write_file(file, &json(report)?)?;
    }
    if let Some(file) = &to.svg {
        write_file(file, &chart::svg(report)?)?;
    }
    Ok(())
}

fn read(results: &Path) -> Result<Report, Failure> {
    let text = fs::read_to_string(results).map_err(|error| format!("{}: {error}", results.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", results.display()).into())
}

fn json(report: &Report) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

fn write_file(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    eprintln!("  write  {}", file.display());
    Ok(())
}
