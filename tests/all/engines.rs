//! One test for each engine: asks the corpus, prints the report, holds the floor.

use std::env;
use std::sync::Mutex;

use fingerpost_envoy::{EnvoyBinary, default_cache};
use fingerpost_tests::corpus::Corpus;
use fingerpost_tests::engines;
use fingerpost_tests::report::EngineReport;

/// Envoys of one engine at a time: they would only wait for each other.
static ENVOY: Mutex<()> = Mutex::new(());

/// Starting an Envoy is mostly waiting, so a few more than there are cores.
const ENVOYS: usize = 4;

pub(crate) fn control_plane() -> Result<(), String> {
    let _one_at_a_time = ENVOY.lock();
    let mut corpus = asked()?;
    corpus
        .scenarios
        .retain(|scenario| scenario.control_plane.is_some());
    let binary = envoy()?;
    let report = engines::run("control plane", &corpus, ENVOYS, |scenario| {
        let recorded = scenario.control_plane.as_deref().ok_or("no istiod.json")?;
        engines::envoy::ask(&binary, engines::control_plane::setup(recorded)?, &scenario.cases)
    });
    all_must_pass(&report)
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

fn envoy() -> Result<EnvoyBinary, String> {
    EnvoyBinary::find(&default_cache()).map_err(|error| error.to_string())
}

/// Prints the report, and wants every case to pass.
fn all_must_pass(report: &EngineReport) -> Result<(), String> {
    eprint!("{}", report.render(is_set("FINGERPOST_VERBOSE")));
    match report.counts().failed {
        0 => Ok(()),
        failed => Err(format!("{}: {failed} cases failed", report.engine)),
    }
}
