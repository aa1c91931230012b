//! A thousand changes of the rules while clients send requests all the time: none is lost, and each is answered by the rules
//! before a change or by those after it.
//!
//! Every generation of the rules gives other answers (`generation`), so that an answer tells which one made it. A request is right
//! if a generation that could be in force while it was under way answers so: the last one that every client had seen when the
//! request began, or one whose change had begun when it ended. A change begins only when every client has seen the one before,
//! so that this does not depend on how quick anything is.
//!
//! Now and then a change is stopped after some writes, as by `kill -9`, and another process finishes it.

pub(crate) mod clients;
mod disk;
pub(crate) mod generation;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fingerpost_config_compiler::{Options, compile};
use fingerpost_envoy_config::core::{Address, SocketAddress};
use fingerpost_envoy_runner::{
    AdminEndpoint, Bootstrap, Echo, EchoBody, EchoOptions, PrivateDirectory, Report, RunningEnvoy,
    StartOptions,
};
use fingerpost_resources::{Diagnostics, Source, read};
use fingerpost_sync::{Disk, Envoy, Folder, Leftovers, RealDisk, Sync, SyncError};
use fingerpost_tests::compiled;
use fingerpost_xds::{Split, split};

use crate::engines::{envoy, one_envoy_at_a_time};
use clients::Clients;
use disk::StoppingDisk;
use generation::{LISTENERS, SERVICES, resources};

/// How many changes are made, and after how many the memory is measured first.
const CHANGES: u64 = 1000;
const SETTLED: u64 = 100;
/// Every such change is stopped on the way.
const STOPPED: u64 = 10;
/// How long anything may take that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn loses_no_request() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    compiled::built_module()?;
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let echo = Echo::start(EchoOptions {
        report: Report::Forget,
        body: EchoBody::Request,
        ..EchoOptions::default()
    })
    .map_err(|error| failed(&error))?;
    let mut endpoints = Vec::new();
    for service in 0..SERVICES {
        let address = echo
            .listen(&format!("s{service}"))
            .map_err(|error| failed(&error))?;
        endpoints.push(address);
    }
    let directory = PrivateDirectory::new("fingerpost-reload-").map_err(|error| failed(&error))?;
    let xds = directory.path().join("xds");
    let first = target(0, &endpoints, &xds)?;
    let admin = AdminEndpoint::Tcp(String::new());
    sync(&xds, RealDisk, &admin)?
        .apply(&first.files)
        .map_err(|error| failed(&error))?;
    let bootstrap = serde_json::to_value(&first.bootstrap).map_err(|error| failed(&error))?;
    let options = StartOptions {
        concurrency: 2,
        ..StartOptions::default()
    };
    let running = RunningEnvoy::start(&envoy()?, &Bootstrap(bootstrap), directory.path(), options)
        .map_err(|error| failed(&error))?;
    let admin = AdminEndpoint::Tcp(running.admin().to_string());
    let bound = running.listeners().map_err(|error| failed(&error))?;
    let address = |name: &str| bound.iter().find(|it| it.name == name).map(|it| it.address);
    let addresses = LISTENERS.map(address);
    let [Some(one), Some(two)] = addresses else {
        return Err(format!("Envoy has only the listeners {bound:?}"));
    };

    let clients = Clients::start([one, two]);
    let started = Instant::now();
    let mut memory = Vec::new();
    let mut keeper = Some(sync(&xds, RealDisk, &admin)?);
    let mut interrupted = 0;
    clients.wait_until_all_saw(0, PATIENCE)?;
    for number in 1..=CHANGES {
        let target = target(number, &endpoints, &xds)?;
        clients.begin(number);
        if number % STOPPED == 0 {
            drop(keeper.take()); // it holds the folder
            let writes = u32::try_from(number / STOPPED % 32).unwrap_or(0);
            let stopped = sync(&xds, StoppingDisk::after(writes), &admin)?.apply(&target.files);
            match stopped {
                Ok(_) => {}
                Err(SyncError::Folder(_)) => interrupted += 1,
                Err(error) => return Err(format!("change {number}: {error}")),
            }
        }
        if keeper.is_none() {
            keeper = Some(sync(&xds, RealDisk, &admin)?);
        }
        if let Some(keeper) = &mut keeper {
            let failed = |error: SyncError| format!("change {number}: {error}\n{}", running.log());
            keeper.apply(&target.files).map_err(failed)?;
            let left = keeper
                .remove_unused(&target.files, Duration::ZERO)
                .map_err(failed)?;
            if !matches!(left, Leftovers::None | Leftovers::Draining) {
                return Err(format!("change {number}: {left:?} is left"));
            }
        }
        clients.wait_until_all_saw(number, PATIENCE)?;
        memory.push(resident(running.pid())?);
        if number.is_multiple_of(SETTLED) {
            eprintln!("reload: {number} changes in {} s", started.elapsed().as_secs());
        }
    }
    let report = clients.stop();
    let (before, after) = (level(&memory, SETTLED), level(&memory, CHANGES));
    println!(
        "reload: {CHANGES} changes in {} s, {interrupted} of them stopped on the way; {} requests, {} lost, {} misrouted; \
         memory {before} MiB after {SETTLED} changes, {after} MiB at the end",
        started.elapsed().as_secs(),
        report.requests,
        report.lost.len(),
        report.misrouted.len(),
    );
    running.stop();
    if let Some(wrong) = report.lost.first().or(report.misrouted.first()) {
        return Err(wrong.clone());
    }
    if report.requests < 10 * CHANGES || interrupted < CHANGES / STOPPED / 2 {
        return Err("too few requests or interruptions to tell anything".to_owned());
    }
    if after * 10 > before * 11 {
        return Err(format!("memory grew from {before} to {after} MiB"));
    }
    Ok(())
}

fn sync<D: Disk>(folder: &Path, disk: D, admin: &AdminEndpoint) -> Result<Sync<D, Envoy>, String> {
    let folder = Folder::open(folder, disk).map_err(|error| error.to_string())?;
    let envoy = Envoy {
        admin: admin.clone(),
        patience: PATIENCE,
        give_up: Arc::default(),
    };
    Ok(Sync::new(folder, envoy))
}

/// The files of a generation. Its listeners take any free port.
fn target(number: u64, endpoints: &[SocketAddr], folder: &Path) -> Result<Split, String> {
    let mut diagnostics = Diagnostics::new();
    let sources = vec![Source::new("resources.yaml", resources(number, endpoints))];
    let resources = read(sources, &mut diagnostics);
    let options = Options {
        module_path: compiled::module_path(),
        ..Options::default()
    };
    let mut compiled = compile(&resources, &options, &mut diagnostics);
    if let Some(finding) = diagnostics.iter().next() {
        return Err(format!("generation {number}: {}", finding.message));
    }
    for listener in &mut compiled.bootstrap.static_resources.listeners {
        listener.address = Address::SocketAddress(SocketAddress {
            address: "127.0.0.1".to_owned(),
            port_value: 0,
        });
    }
    Ok(split(&compiled.bootstrap, &folder.to_string_lossy()))
}

/// The memory of a process in MiB: what is in RAM.
fn resident(process: u32) -> Result<u64, String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let number = line.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok());
    number.map(|it| it / 1024).ok_or_else(|| "no VmRSS".to_owned())
}

/// The level after so many changes: the median of the fifty last ones, since collected garbage comes and goes.
fn level(memory: &[u64], changes: u64) -> u64 {
    let end = usize::try_from(changes).unwrap_or(0).min(memory.len());
    let mut last: Vec<u64> = memory[end.saturating_sub(50)..end].to_vec();
    last.sort_unstable();
    last.get(last.len() / 2).copied().unwrap_or(0)
}
