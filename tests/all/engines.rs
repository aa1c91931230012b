//! One test for each engine: asks the corpus, prints the report, holds the floor.

use std::collections::BTreeSet;
use std::env;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fingerpost_config_compiler::{Engine, EnvoyVersion, Options};
use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary};
use fingerpost_manifests::istio::{Change, FailStrategy, IstioOptions, IstioRelease, Step, istio, rollout};
use fingerpost_manifests::{Document, ModuleLocation};
use fingerpost_tests::corpus::{Corpus, Scenario};
use fingerpost_tests::engines::core::Core;
use fingerpost_tests::engines::envoy::Setup;
use fingerpost_tests::report::EngineReport;
use fingerpost_tests::{compiled, engines, floor, repository};

/// Envoys of one engine at a time: they would only wait for each other.
static ENVOY: Mutex<()> = Mutex::new(());

const CORES: usize = 2;
/// Each state of a first install is asked about every eighth scenario.
const STATE_PART: usize = 8;

pub(crate) fn control_plane() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let mut corpus = asked()?;
    corpus
        .scenarios
        .retain(|scenario| scenario.control_plane.is_some());
    let binary = envoy()?;
    let report = engines::envoy::run("control plane", &corpus, &binary, |scenario| {
        let recorded = scenario.control_plane.as_deref().ok_or("no istiod.json")?;
        engines::control_plane::setup(recorded)
    });
    all_must_pass(&report)
}

/// The control plane's tables, changed by the manifests that are made of the same resources.
pub(crate) fn istio_gateway() -> Result<(), String> {
    compiled::built_module()?;
    let _turn = one_envoy_at_a_time();
    let mut corpus = asked()?;
    corpus
        .scenarios
        .retain(|scenario| scenario.control_plane.is_some());
    let binary = envoy()?;
    let report = engines::envoy::run("a gateway of Istio", &corpus, &binary, |scenario| {
        let recorded = scenario.control_plane.as_deref().ok_or("no istiod.json")?;
        let manifests = manifests(&corpus, scenario)?;
        engines::istio::setup(recorded, &manifests, &compiled::module_path())
    });
    all_must_pass(&report)
}

/// The same while the manifests are installed for the first time: before the filter is there, and with it. Each state is asked about a part
/// of the scenarios; `FINGERPOST_EVERY_SCENARIO=1` asks about all.
pub(crate) fn istio_first_install() -> Result<(), String> {
    compiled::built_module()?;
    let _turn = one_envoy_at_a_time();
    let binary = envoy()?;
    let in_force: [(&str, &[&str]); 2] = [
        ("a gateway of Istio, its tables installed", &["table"]),
        ("a gateway of Istio, its filter installed", &["table", "filter"]),
    ];
    for (state, (name, steps)) in in_force.into_iter().enumerate() {
        let mut corpus = asked()?;
        let mut position = 0;
        corpus.scenarios.retain(|scenario| {
            position += 1;
            let is_asked =
                position % STATE_PART == state || is_set("FINGERPOST_EVERY_SCENARIO") || !filter().is_empty();
            is_asked && scenario.control_plane.is_some()
        });
        let report = engines::envoy::run(name, &corpus, &binary, |scenario| {
            let recorded = scenario.control_plane.as_deref().ok_or("no istiod.json")?;
            let rollout = first_install(&corpus, scenario)?;
            let in_force = rollout.into_iter().filter(|it| steps.contains(&it.name));
            let documents: Vec<Document> = in_force.flat_map(|it| it.documents).collect();
            engines::istio::setup(recorded, &documents, &compiled::module_path())
        });
        all_must_pass(&report)?;
    }
    Ok(())
}

/// The manifests for a scenario; none where no Gateway has an HTTP server.
fn manifests(corpus: &Corpus, scenario: &Scenario) -> Result<Vec<Document>, String> {
    let compiled = compiled::scenario(corpus, scenario, Engine::Wasm)?;
    if compiled.chains.is_empty() {
        return Ok(Vec::new());
    }
    let (target, options) = gateway(scenario);
    istio(&compiled, &target, &options).map_err(|refusals| format!("{refusals:?}"))
}

/// The steps of a first install for a scenario.
fn first_install(corpus: &Corpus, scenario: &Scenario) -> Result<Vec<Step>, String> {
    let compiled = compiled::scenario(corpus, scenario, Engine::Wasm)?;
    if compiled.chains.is_empty() {
        return Ok(Vec::new());
    }
    let native = compiled::scenario(corpus, scenario, Engine::Native)?;
    let (target, options) = gateway(scenario);
    let rollout = rollout(&compiled, &native, Change::FirstInstall, &target, &options);
    rollout
        .map(|it| it.steps)
        .map_err(|refusals| format!("{refusals:?}"))
}

/// The gateway of a scenario, and what its manifests are made for.
fn gateway(scenario: &Scenario) -> (Options, IstioOptions) {
    let target = Options {
        labels: scenario.proxy.labels.clone(),
        namespace: scenario.proxy.namespace.clone(),
        ..Options::default()
    };
    let options = IstioOptions {
        name: "fingerpost".to_owned(),
        release: IstioRelease::NEWEST,
        module: ModuleLocation::File("/fingerpost.wasm".to_owned()),
        sha256: None,
        pull_secret: None,
        fail_strategy: FailStrategy::Reload,
    };
    (target, options)
}

pub(crate) fn core() -> Result<(), String> {
    let corpus = asked()?;
    let report = engines::run("core", &corpus, CORES, |scenario| {
        let core = Core::load(&compiled::scenario(&corpus, scenario, Engine::Wasm)?)?;
        Ok(scenario.cases.iter().map(|case| core.ask(case)).collect())
    });
    settle(&report)
}

pub(crate) fn shares() -> Result<(), String> {
    let mut corpus = asked()?;
    for scenario in &mut corpus.scenarios {
        let mut rules = BTreeSet::new();
        // One case for each rule that splits.
        scenario
            .cases
            .retain(|case| !case.weights.is_empty() && rules.insert(case.rule().cloned()));
    }
    corpus.scenarios.retain(|scenario| !scenario.cases.is_empty());
    let report = engines::run("shares", &corpus, CORES, |scenario| {
        let core = Core::load(&compiled::scenario(&corpus, scenario, Engine::Wasm)?)?;
        Ok(scenario.cases.iter().map(|case| core.ask_shares(case)).collect())
    });
    all_must_pass(&report)
}

pub(crate) fn envoys_own_router() -> Result<(), String> {
    compiled_in_envoy("Envoy's own router", Engine::Native)
}

pub(crate) fn wasm_in_envoy() -> Result<(), String> {
    compiled::built_module()?;
    compiled_in_envoy("wasm in a stock Envoy", Engine::Wasm)
}

fn compiled_in_envoy(name: &'static str, engine: Engine) -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let corpus = asked()?;
    let binary = envoy()?;
    let report = engines::envoy::run(name, &corpus, &binary, |scenario| {
        // So all cases also show that nothing that `compile` adds for production changes an outcome.
        let compiled = compiled::scenario_in_production(&corpus, scenario, engine, EnvoyVersion::NEWEST)?;
        Ok(Setup {
            bootstrap: Bootstrap(compiled.bootstrap_json()),
            listeners: compiled::ports(&compiled),
        })
    });
    settle(&report)
}

/// The scenarios that were asked for.
pub(crate) fn asked() -> Result<Corpus, String> {
    Corpus::read(&filter())
}

fn filter() -> String {
    env::var("FINGERPOST_SCENARIO").unwrap_or_default()
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Held while Envoys run. A test that panicked leaves nothing behind that the next would mind.
pub(crate) fn one_envoy_at_a_time() -> MutexGuard<'static, ()> {
    ENVOY.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn envoy() -> Result<EnvoyBinary, String> {
    EnvoyBinary::find(&repository::target().join("tools"))
        .map_err(|error| format!("{error}; `cargo xtask test` installs one"))
}

/// Prints the report and holds the engine's floor. Of some scenarios only, every case must pass.
pub(crate) fn settle(report: &EngineReport) -> Result<(), String> {
    if !filter().is_empty() {
        return all_must_pass(report);
    }
    eprint!("{}", report.render(is_set("FINGERPOST_VERBOSE")));
    let note = floor::check(report.engine, report.counts().passed, is_set("FINGERPOST_BLESS"))?;
    note.into_iter().for_each(|note| eprintln!("{note}"));
    Ok(())
}

/// Prints the report, and wants every case to pass.
pub(crate) fn all_must_pass(report: &EngineReport) -> Result<(), String> {
    eprint!("{}", report.render(is_set("FINGERPOST_VERBOSE")));
    match report.counts().failed {
        0 => Ok(()),
        failed => Err(format!("{}: {failed} cases failed", report.engine)),
    }
}
