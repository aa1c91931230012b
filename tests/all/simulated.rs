//! The module in the simulator: every field of the recorded corpus, and the same code natively, byte for byte.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fingerpost_config_compiler::{Compiled, Engine, EnvoyVersion};
use fingerpost_simulator::Module;
use fingerpost_tests::differential::pair;
use fingerpost_tests::engines::native_vs_wasm::{NativeAndWasm, seen};
use fingerpost_tests::engines::simulator::{Simulated, module};
use fingerpost_tests::sent::Sent;
use fingerpost_tests::{compiled, engines, rows};

use crate::engines::{asked, settle};

/// The engine needs no waiting, so one for each core.
const CORES: usize = 2;

/// Every recorded case, every field.
pub(crate) fn corpus() -> Result<(), String> {
    let (corpus, module) = (asked()?, module()?);
    let report = engines::run("wasm in the simulator", &corpus, CORES, |scenario| {
        let compiled = compiled::scenario(&corpus, scenario, Engine::Wasm)?;
        let mut simulated = Simulated::load(&module, &compiled)?;
        Ok(scenario.cases.iter().map(|case| simulated.ask(case)).collect())
    });
    settle(&report)
}

/// Every recorded case and every row of the own corpus: the module hands back what the same code does natively.
pub(crate) fn equals_the_native_filter() -> Result<(), String> {
    let (corpus, module) = (asked()?, module()?);
    let mut tally = Tally::default();
    for scenario in &corpus.scenarios {
        let compiled = compiled::scenario(&corpus, scenario, Engine::Wasm)?;
        let sent: Vec<Sent> = scenario.cases.iter().map(|case| (&case.request).into()).collect();
        tally.compare(&scenario.name, &module, &compiled, &sent)?;
    }
    for topic in rows::read()? {
        let compiled = compiled::of_text(&topic.resources, &pair::options(EnvoyVersion::NEWEST))?;
        tally.compare(&topic.name, &module, &compiled, &topic.requests)?;
    }
    eprintln!(
        "module beside native filter: {} requests handed back alike, {} to where no filter runs",
        tally.alike, tally.nowhere
    );
    match tally.different.is_empty() {
        true if tally.alike == 0 => Err("nothing was compared".to_owned()),
        true => Ok(()),
        false => Err(tally.different),
    }
}

#[derive(Default)]
struct Tally {
    alike: usize,
    nowhere: usize,
    different: String,
}

impl Tally {
    /// Asks every filter behind a request's port, whatever connection would reach it.
    fn compare(
        &mut self,
        name: &str,
        module: &Module,
        compiled: &Compiled,
        requests: &[Sent],
    ) -> Result<(), String> {
        let ports = compiled::ports(compiled);
        let mut filters: BTreeMap<&str, Vec<NativeAndWasm>> = BTreeMap::new();
        for chain in &compiled.chains {
            let config = serde_json::to_string(&chain.config).map_err(|error| format!("{name}: {error}"))?;
            let pair = NativeAndWasm::start(module, &config).map_err(|error| format!("{name}: {error}"))?;
            filters.entry(chain.listener.as_str()).or_default().push(pair);
        }
        for (seed, sent) in (0..).zip(requests) {
            let listener = ports
                .get(&sent.port)
                .and_then(|name| filters.get_mut(name.as_str()));
            let Some(listener) = listener else {
                self.nowhere += 1;
                continue;
            };
            let headers = seen(sent);
            for pair in listener {
                match pair.ask(&headers, seed) {
                    Ok(()) => self.alike += 1,
                    Err(difference) => {
                        let (module, native) = (difference.module, difference.native);
                        let _ = writeln!(
                            self.different,
                            "{name}: {sent}\nmodule:\n{module}native:\n{native}"
                        );
                    }
                }
            }
        }
        Ok(())
    }
}
