//! The same guests with the same requests, in the simulator and in a stock Envoy: everything that can be seen must be equal.
//!
//! Seen are: what the client and the upstream receive, what guests log and in which order, and their metrics. What is
//! left out, because no filter makes it, is listed in `seen.rs`. Without an Envoy or the wasm32 target this skips, and says so.

#![allow(
    clippy::disallowed_methods,
    reason = "no guest decides what this program meets"
)]

mod client;
mod coverage;
mod envoy_side;
mod grpc;
mod guests;
mod messages;
mod scenarios;
mod seen;
mod simulator_side;
mod upstream;

use fingerpost_envoy_runner::{EnvoyBinary, default_cache};
use libtest_mimic::{Arguments, Failed, Trial};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of a scenario in Envoy is waiting.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(cores + 2);
    let ready = EnvoyBinary::find(&default_cache())
        .map_err(|error| error.to_string())
        .and_then(|envoy| Ok((envoy, guests::build()?)));
    let (envoy, guests) = match ready {
        Ok((envoy, guests)) => (Arc::new(envoy), Arc::new(guests)),
        Err(reason) => {
            println!("skipped: nothing to compare with: {reason}");
            return;
        }
    };
    let trials = scenarios::all()
        .into_iter()
        .chain(guests.others().map(scenarios::other))
        .filter_map(|scenario| {
            let missing = scenario
                .plugins
                .iter()
                .find(|plugin| guests.get(plugin.guest).is_none());
            if let Some(plugin) = missing {
                println!("skipped: {}: {}", scenario.name, guests.why_not(plugin.guest));
                return None;
            }
            let (envoy, guests) = (envoy.clone(), guests.clone());
            let name = scenario.name.to_owned();
            Some(Trial::test(name, move || {
                let simulated = simulator_side::run(&scenario, &guests).map_err(Failed::from)?;
                let differ = |pause| {
                    let real = envoy_side::run(&scenario, &guests, &envoy, &simulated, pause)?;
                    match seen::differences(&scenario, &simulated, &real) {
                        none if none.is_empty() => Ok(()),
                        differences => Err(differences.join("\n")),
                    }
                };
                // On a busy machine Envoy may read two pieces of a body as one; then they are sent more slowly.
                let mut compared = Ok(());
                for millis in scenario.pauses {
                    compared = differ(Duration::from_millis(*millis));
                    if compared.is_ok() {
                        break;
                    }
                }
                compared.map_err(Failed::from)
            }))
        });
    let mut trials: Vec<Trial> = trials.collect();
    trials.push(Trial::test("the guests reach the whole ABI", {
        let guests = guests.clone();
        move || coverage::check(&guests).map_err(Failed::from)
    }));
    libtest_mimic::run(&arguments, trials).exit();
}
