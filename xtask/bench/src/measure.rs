//! Measures each table in all proxies.
//!
//! The proxies of a table run at once and take turns under load, so that a slow minute of the machine meets each of
//! them. They are started one after the other, because a start would disturb another.

use std::fs;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary, PrivateDirectory, RunningEnvoy, StartOptions};
use fingerpost_workload::{Kind, Request, cluster, request};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use crate::args::Plan;
use crate::cores::Cores;
use crate::load::{Target, Turn, as_fast_as_possible, at_rate};
use crate::process::{age, cpu_time, memory};
use crate::proxy::Proxy;
use crate::report::{Measured, Table};
use crate::statistics::{median, percentile};
use crate::{Failure, upstream};

/// How long a start may take: that of a table with 100,000 rules on a slow machine.
const PATIENCE: Duration = Duration::from_secs(900);
/// A start is repeated until this much time is used, so that the median of short ones is one.
const STARTS: Duration = Duration::from_secs(3);
/// The part of its own rate at which a proxy's latencies are measured.
const LATENCY_LOAD: f64 = 0.5;

/// What all measurements share: the load, the upstreams, the Envoy.
pub(crate) struct Bench<'p> {
    plan: &'p Plan,
    binary: EnvoyBinary,
    cores: Cores,
    runtime: Runtime,
    tasks: LocalSet,
    services: Vec<SocketAddr>,
}

/// A proxy under test, and what its turns brought.
struct Contender {
    proxy: Proxy,
    envoy: RunningEnvoy,
    target: Rc<Target>,
    starts: Vec<Start>,
    config_bytes: u64,
    turns: Vec<Turn>,
    latencies: Vec<u64>,
    _directory: PrivateDirectory,
}

/// One start.
#[derive(Debug, Clone, Copy)]
struct Start {
    lasted: Duration,
    cpu: Duration,
}

impl<'p> Bench<'p> {
    pub(crate) fn new(plan: &'p Plan, binary: EnvoyBinary, cores: Cores) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let tasks = LocalSet::new();
        let services = tasks.block_on(&runtime, upstream::start(&tasks))?;
        Ok(Self {
            plan,
            binary,
            cores,
            runtime,
            tasks,
            services,
        })
    }

    /// Measures one table.
    pub(crate) fn table(&self, kind: Kind, rules: usize) -> Result<Table, Failure> {
        let mut contenders = Vec::new();
        for proxy in &self.plan.proxies {
            contenders.push(self.start(*proxy, kind, rules)?);
        }
        for contender in &mut contenders {
            self.turn(contender, self.plan.turn / 4)?; // to warm up; not counted
        }
        for _ in 0..self.plan.rounds {
            for contender in &mut contenders {
                let turn = self.turn(contender, self.plan.turn)?;
                contender.turns.push(turn);
            }
        }
        for _ in 0..self.plan.rounds {
            for contender in &mut contenders {
                let latencies = at_rate(&contender.target, contender.latency_rate()?, self.plan.turn);
                let latencies = self.tasks.block_on(&self.runtime, latencies)?;
                contender.latencies.extend(latencies);
            }
        }
        let results = contenders.into_iter().map(Contender::finish);
        Ok(Table {
            kind: kind.name().to_owned(),
            rules,
            results: results.collect::<Result<_, _>>()?,
        })
    }

    fn turn(&self, contender: &Contender, length: Duration) -> Result<Turn, Failure> {
        let turn = as_fast_as_possible(&contender.target, contender.envoy.pid(), length);
        let name = contender.proxy;
        self.tasks
            .block_on(&self.runtime, turn)
            .map_err(|error| format!("{name}: {error}").into())
    }

    fn start(&self, proxy: Proxy, kind: Kind, rules: usize) -> Result<Contender, Failure> {
        let mut bootstrap = proxy.bootstrap(kind, rules, &self.plan.modules)?;
        for (service, address) in self.services.iter().enumerate() {
            bootstrap.point_cluster(&cluster(service), *address);
        }
        bootstrap.bind_listeners_to_free_ports();
        let mut starts = Vec::new();
        loop {
            let (envoy, directory, start) = self.start_once(&bootstrap, proxy)?;
            starts.push(start);
            let used: Duration = starts.iter().map(|it| it.lasted).sum();
            if starts.len() < self.plan.rounds && used < STARTS {
                continue; // drops it
            }
            self.cores.give_to_envoy(&envoy)?;
            let address = envoy
                .listeners()?
                .first()
                .map(|listener| listener.address)
                .ok_or("Envoy listens nowhere")?;
            return Ok(Contender {
                proxy,
                target: Rc::new(Target::new(address, &sent(proxy, kind, rules)?)),
                envoy,
                starts,
                config_bytes: fs::metadata(directory.path().join("envoy.json"))?.len(),
                turns: Vec::new(),
                latencies: Vec::new(),
                _directory: directory,
            });
        }
    }

    fn start_once(
        &self,
        bootstrap: &Bootstrap,
        proxy: Proxy,
    ) -> Result<(RunningEnvoy, PrivateDirectory, Start), Failure> {
        let directory = PrivateDirectory::new("fingerpost-bench-")?;
        let options = StartOptions {
            ready_within: PATIENCE,
            ..StartOptions::default()
        };
        let envoy = RunningEnvoy::start(&self.binary, bootstrap, directory.path(), options)
            .map_err(|error| format!("{proxy}: {error}"))?;
        let start = Start {
            lasted: age(envoy.pid())?,
            cpu: cpu_time(envoy.pid())?,
        };
        Ok((envoy, directory, start))
    }
}

/// The request that a proxy gets. One that does not choose sends everything to the first service.
fn sent(proxy: Proxy, kind: Kind, rules: usize) -> Result<Request, Failure> {
    let last = request(kind, rules)?;
    Ok(match proxy {
        Proxy::Alone | Proxy::Empty => Request { service: 0, ..last },
        Proxy::Fingerpost | Proxy::Native | Proxy::Lua => last,
    })
}

impl Contender {
    fn rate(&self) -> Option<f64> {
        median(
            self.turns
                .iter()
                .map(|it| it.requests as f64 / it.lasted.as_secs_f64()),
        )
    }

    fn latency_rate(&self) -> Result<f64, Failure> {
        Ok(self.rate().ok_or("a proxy had no turn")? * LATENCY_LOAD)
    }

    fn finish(mut self) -> Result<Measured, Failure> {
        let of_turns =
            |value: fn(&Turn) -> f64| median(self.turns.iter().map(value)).ok_or("a proxy had no turn");
        let of_starts =
            |value: fn(&Start) -> f64| median(self.starts.iter().map(value)).ok_or("a proxy was not started");
        self.latencies.sort_unstable();
        let milliseconds = |hundredths| percentile(&self.latencies, hundredths).map(|it| it as f64 / 1e6);
        let memory = memory(self.envoy.pid())?;
        let measured = Measured {
            proxy: self.proxy,
            requests_per_second: of_turns(|it| it.requests as f64 / it.lasted.as_secs_f64())?,
            cpu_us: of_turns(|it| it.envoy.as_secs_f64() * 1e6 / it.requests as f64)?,
            envoy_busy: of_turns(|it| it.envoy.as_secs_f64() / it.lasted.as_secs_f64())?,
            latency_rate: self.latency_rate()?,
            latency_samples: self.latencies.len(),
            p50_ms: milliseconds(50),
            p99_ms: milliseconds(99),
            start_s: of_starts(|it| it.lasted.as_secs_f64())?,
            start_cpu_s: of_starts(|it| it.cpu.as_secs_f64())?,
            starts: self.starts.len(),
            memory_mib: memory.resident as f64 / 1024.0,
            peak_mib: memory.peak as f64 / 1024.0,
            config_bytes: self.config_bytes,
        };
        self.envoy.stop();
        Ok(measured.rounded())
    }
}
