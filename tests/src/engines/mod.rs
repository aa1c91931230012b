//! The engines: each answers the cases of a scenario in its own way.

pub mod control_plane;
pub mod core;
pub mod envoy;
pub mod istio;
pub mod native_vs_wasm;
pub mod simulator;
pub(crate) mod together;

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
    let scenarios = in_threads(&corpus.scenarios, threads, |scenario| {
        report(scenario, ask(scenario))
    });
    EngineReport { engine, scenarios }
}

fn report(scenario: &Scenario, verdicts: Result<Vec<Verdict>, String>) -> ScenarioReport {
    ScenarioReport {
        name: scenario.name.clone(),
        requests: scenario.cases.iter().map(request_line).collect(),
        verdicts,
    }
}

/// What `work` makes of every item, in their order, in several threads.
fn in_threads<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let thread = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            let result = work(item);
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((index, result));
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(thread))));
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
