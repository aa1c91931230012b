//! One step, for callgrind to count: `fingerpost-counted write FOLDER` writes the configurations that the steps read,
//! and `fingerpost-counted run STEP KIND RULES TIMES FOLDER` does one step so many times, each inside of [`counted`].
//!
//! Configurations are read from files, so that callgrind does not simulate compilations that are not counted.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fingerpost_workload::{InvalidWorkload, Kind, Prepared, Step, filter_config};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fingerpost-counted: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        ["write", folder, tables @ ..] => {
            for table in tables {
                let (kind, count) = table.split_once('-').ok_or("a table is written KIND-RULES")?;
                let (kind, count): (Kind, usize) = (kind.parse()?, count.parse()?);
                fs::write(file(folder, kind, count), filter_config(kind, count)?)?;
            }
            Ok(())
        }
        ["run", step, kind, count, times, folder] => {
            let (step, kind, count): (Step, Kind, usize) = (step.parse()?, kind.parse()?, count.parse()?);
            let config = match step {
                Step::Compile => Vec::new(),
                Step::Load | Step::Decide => fs::read(file(folder, kind, count))?,
            };
            let prepared = step.prepare(kind, count, config)?;
            // Once before: what is made at the first use is not counted.
            prepared.run()?;
            for _ in 0..times.parse()? {
                black_box(counted(&prepared)?);
            }
            Ok(())
        }
        _ => Err("usage: write FOLDER KIND-RULES…, or run STEP KIND RULES TIMES FOLDER".into()),
    }
}

fn file(folder: &str, kind: Kind, count: usize) -> PathBuf {
    Path::new(folder).join(format!("{kind}-{count}.json"))
}

/// Callgrind collects while this function runs: `xtask/src/counts` names it.
#[inline(never)]
fn counted(prepared: &Prepared) -> Result<usize, InvalidWorkload> {
    black_box(black_box(prepared).run())
}
