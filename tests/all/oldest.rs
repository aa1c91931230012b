//! The oldest Envoy that is supported: the corpus, the own corpus, generated cases and patterns once more.
//!
//! Up to Envoy 1.38 the values of a repeated header are joined, and the recorded outcomes are a newer one's. Where a
//! request repeats a header, Envoy's own router of that version is the judge.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use fingerpost_config_compiler::{Engine, EnvoyVersion};
use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary, OLDEST, VARIABLE, install_version};
use fingerpost_routing::Encoding;
use fingerpost_tests::case::{Case, Request};
use fingerpost_tests::corpus::{Corpus, Scenario};
use fingerpost_tests::differential::{Pair, Server, agree, pair};
use fingerpost_tests::engines::envoy::Setup;
use fingerpost_tests::sent::Sent;
use fingerpost_tests::{compiled, engines, repository};

use crate::differential::{Comparison, agree_on_generated, agree_on_rows, no_trap, table_of};
use crate::engines::{all_must_pass, asked, one_envoy_at_a_time};
use crate::patterns;

/// Names the oldest Envoy, where it should not be installed.
const OLDEST_VARIABLE: &str = "FINGERPOST_OLDEST_ENVOY";
/// Generated cases of a usual run: fewer than for the newest.
const GENERATED: usize = 1_500;
/// Scenarios in one Envoy.
const SCENARIOS: usize = 16;

fn comparison() -> Result<Comparison, String> {
    compiled::built_module()?;
    Ok(Comparison {
        binary: binary()?,
        options: pair::options(EnvoyVersion::OLDEST),
    })
}

pub(crate) fn binary() -> Result<EnvoyBinary, String> {
    match env::var_os(OLDEST_VARIABLE) {
        Some(path) => {
            EnvoyBinary::at(Path::new(&path)).map_err(|fault| format!("{OLDEST_VARIABLE}: {fault}"))
        }
        None => install_version(OLDEST.version, &repository::target().join("tools"))
            .map_err(|error| error.to_string().replace(VARIABLE, OLDEST_VARIABLE)),
    }
}

/// Every case that repeats no header comes out as recorded with a newer Envoy.
pub(crate) fn recorded() -> Result<(), String> {
    let comparison = comparison()?;
    let _turn = one_envoy_at_a_time();
    let mut corpus = asked()?;
    for scenario in &mut corpus.scenarios {
        scenario.cases.retain(|case| !repeats_a_header(&case.request));
    }
    let name = "wasm in the oldest Envoy";
    let report = engines::envoy::run(name, &corpus, &comparison.binary, |scenario| {
        let compiled =
            compiled::scenario_in_production(&corpus, scenario, Engine::Wasm, EnvoyVersion::OLDEST)?;
        Ok(Setup {
            bootstrap: Bootstrap(compiled.bootstrap_json()),
            listeners: compiled::ports(&compiled),
        })
    });
    all_must_pass(&report)
}

fn repeats_a_header(request: &Request) -> bool {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, _) in &request.headers {
        *counts.entry(name.to_ascii_lowercase()).or_default() += 1;
    }
    counts.values().any(|count| *count > 1)
}

/// Filter and router agree about every case over plain text, also where a header is repeated.
pub(crate) fn corpus() -> Result<(), String> {
    let comparison = comparison()?;
    let _turn = one_envoy_at_a_time();
    let corpus = asked()?;
    let (mut asked, mut repeating, mut failures) = (0, 0, String::new());
    for scenarios in corpus.scenarios.chunks(SCENARIOS) {
        let pairs: Vec<Pair> = scenarios
            .iter()
            .map(|scenario| pair_of(&comparison, &corpus, scenario))
            .collect::<Result<_, _>>()?;
        let server = Server::open(&comparison.binary, &pairs)?;
        let plain = |case: &&Case| case.request.tls.is_none();
        let cases = scenarios.iter().enumerate().flat_map(|(number, scenario)| {
            let cases = scenario.cases.iter().filter(plain);
            cases.map(move |case| (number, &case.request))
        });
        let cases: Vec<(usize, &Request)> = cases.collect();
        let sent: Vec<Sent> = cases.iter().map(|(_, request)| Sent::from(*request)).collect();
        let questions: Vec<(usize, &Sent)> = cases.iter().map(|(number, _)| *number).zip(&sent).collect();
        for ((number, sent), [native, wasm]) in questions.iter().zip(server.ask(&questions)) {
            if !agree(&native, &wasm) {
                let differences = table_of(&native.differences(&wasm));
                failures += &format!("\n{}: {sent}\n{differences}", scenarios[*number].name);
            }
        }
        no_trap(&server)?;
        asked += cases.len();
        repeating += cases
            .iter()
            .filter(|(_, request)| repeats_a_header(request))
            .count();
    }
    eprintln!("oldest: {asked} cases over plain text, {repeating} of them repeat a header");
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures),
    }
}

fn pair_of(comparison: &Comparison, corpus: &Corpus, scenario: &Scenario) -> Result<Pair, String> {
    let mut options = comparison.options.clone();
    options.labels.clone_from(&scenario.proxy.labels);
    options.namespace.clone_from(&scenario.proxy.namespace);
    Pair::compile(
        &[
            ("world.yaml", &corpus.world),
            ("resources.yaml", &scenario.resources),
        ],
        &options,
    )
}

/// The own corpus, and cases that are made up.
pub(crate) fn rows() -> Result<(), String> {
    agree_on_rows(&comparison()?)
}

pub(crate) fn generated() -> Result<(), String> {
    agree_on_generated(&comparison()?, GENERATED)
}

/// Patterns are read in UTF-8 there.
pub(crate) fn patterns() -> Result<(), String> {
    patterns::agree_in(&binary()?, Encoding::Utf8)
}
