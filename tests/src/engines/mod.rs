//! The engines: each answers the cases of a scenario in its own way.

pub mod control_plane;
pub mod core;
pub mod envoy;
pub mod istio;
pub mod native_vs_wasm;
pub mod simulator;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::corpus::{Corpus, Scenario};
use crate::report::{EngineReport, ScenarioReport, Verdict, request_line};

/// Puts every scenario to `ask`, in several threads.
pub fn run(
    engine: &'static str,
    corpus: &Corpus,
    threads: usize,
    ask: impl Fn(&Scenario) -> Result<Vec<Verdict>, String> + Sync,
) -> EngineReport {
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(Vec::new());
    let work = || {
        while let Some(scenario) = corpus.scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = ScenarioReport {
                name: scenario.name.clone(),
                requests: scenario.cases.iter().map(request_line).collect(),
                verdicts: ask(scenario),
            };
            reports
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(report);
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut scenarios = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    scenarios.sort_by(|one, other| one.name.cmp(&other.name));
    EngineReport { engine, scenarios }
}
