//! Pins Envoy to one core, so that load and upstream take nothing from it.

use std::fmt;
use std::fs;
use std::io;

use fingerpost_envoy_runner::RunningEnvoy;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Who runs where.
pub(crate) struct Cores {
    /// Envoy's own, if there is more than one.
    envoy: Option<usize>,
}

/// Takes the first core for Envoy, and leaves us the others.
pub(crate) fn split() -> io::Result<Cores> {
    let ours = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core));
    let first = cores.next();
    if cores.next().is_none() {
        return Ok(Cores { envoy: None });
    }
    let mut others = ours;
    if let Some(core) = first {
        others.unset(core);
    }
    // Before there are other threads: they inherit it, and so does Envoy until it is given its own.
    sched_setaffinity(None, &others)?;
    Ok(Cores { envoy: first })
}

impl Cores {
    /// Moves all threads of this Envoy to its core.
    pub(crate) fn give_to_envoy(&self, envoy: &RunningEnvoy) -> io::Result<()> {
        let Some(core) = self.envoy else { return Ok(()) };
        let mut set = CpuSet::new();
        set.set(core);
        for thread in fs::read_dir(format!("/proc/{}/task", envoy.pid()))? {
            let name = thread?.file_name();
            let id = name.to_str().and_then(|id| Pid::from_raw(id.parse().ok()?));
            sched_setaffinity(id, &set)?;
        }
        Ok(())
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.envoy {
            Some(_) => "one worker, pinned to one core",
            None => "one worker on the machine's only core",
        })
    }
}
