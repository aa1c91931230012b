//! Compiled for Envoy's own router, every scenario must give the control plane's tables. And what is written for any
//! engine must be read the same.

use std::fs;

use fingerpost_config_compiler::Engine;
use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_tests::corpus::{Corpus, Scenario};
use fingerpost_tests::report::aligned;
use fingerpost_tests::{compiled, tables};

/// So many scenarios are shown in full.
const SHOWN: usize = 25;

pub(crate) fn equal_those_of_the_control_plane() -> Result<(), String> {
    let corpus = crate::engines::asked()?;
    let (mut equal, mut absent) = (0, 0);
    let mut different = Vec::new();
    for scenario in &corpus.scenarios {
        match compared(&corpus, scenario) {
            None => absent += 1,
            Some(text) if text.is_empty() => equal += 1,
            Some(text) => different.push(format!("{}\n{text}", scenario.name)),
        }
    }
    for text in different.iter().take(SHOWN) {
        eprintln!("{text}");
    }
    if different.len() > SHOWN {
        eprintln!("and {} more scenarios", different.len() - SHOWN);
    }
    eprintln!(
        "tables: {equal} equal, {} different, {absent} skipped without an istiod.json",
        different.len()
    );
    match different.len() {
        0 => Ok(()),
        count => Err(format!(
            "the tables of {count} scenarios differ from the control plane's"
        )),
    }
}

/// What is compiled for each scenario is read from its JSON as it was.
pub(crate) fn are_read_as_they_are_written() -> Result<(), String> {
    let corpus = crate::engines::asked()?;
    for scenario in &corpus.scenarios {
        for engine in [Engine::Native, Engine::Wasm] {
            let compiled = compiled::scenario(&corpus, scenario, engine)?;
            let text = serde_json::to_string(&compiled.bootstrap).map_err(|error| error.to_string())?;
            let read: Bootstrap =
                serde_json::from_str(&text).map_err(|error| format!("{}: {error}", scenario.name))?;
            if read != compiled.bootstrap {
                return Err(format!("{}: the bootstrap is read differently", scenario.name));
            }
        }
    }
    Ok(())
}

/// The differences of one scenario as text; none where the control plane's tables were not kept.
fn compared(corpus: &Corpus, scenario: &Scenario) -> Option<String> {
    let recorded = fs::read_to_string(scenario.control_plane.as_deref()?).ok()?;
    let compared = serde_json::from_str(&recorded)
        .map_err(|error| format!("istiod.json: {error}"))
        .and_then(|recorded| {
            let compiled = compiled::scenario(corpus, scenario, Engine::Native)?;
            Ok(aligned(&tables::differences(
                &recorded,
                &compiled.bootstrap_json(),
            )))
        });
    Some(compared.unwrap_or_else(|reason| reason))
}
