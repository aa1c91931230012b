//! Puts the recorded corpus to the model: with our filter in it, and with routes that match by themselves.

mod compare;
mod native_filter;
#[path = "../../../../tests/src/recorded.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the other engines")]
mod recorded;
mod scenario;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::Engine;
use fingerpost_proxy_model::{Filter, Model, Outcome, no_filter};
use native_filter::NativeFilters;
use scenario::Case;
use serde_json::Value;

/// How often a case is sent if its rule splits its traffic.
const DRAWS: u32 = 400;

/// So many differences are shown in full.
const SHOWN: usize = 40;

#[test]
fn with_our_filter_the_model_equals_the_corpus() {
    hold(Engine::Wasm, CORPUS);
}

#[test]
fn with_routes_that_match_by_themselves_the_model_equals_the_corpus() {
    hold(Engine::Native, CORPUS);
}

#[test]
fn with_our_filter_the_model_equals_envoy_where_the_corpus_is_silent() {
    hold(Engine::Wasm, RECORDED);
}

#[test]
fn with_routes_that_match_by_themselves_the_model_equals_envoy_where_the_corpus_is_silent() {
    hold(Engine::Native, RECORDED);
}

const CORPUS: &str = "../../tests/conformance/routing";
const RECORDED: &str = "tests/recorded";

fn below_this_crate(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Asks every case, prints the counts, and wants none to differ.
fn hold(engine: Engine, folder: &str) {
    let world = scenario::text(&below_this_crate("../../tests/conformance/world.yaml"));
    let scenarios = scenario::all(&below_this_crate(folder));
    let (mut passed, mut failed) = (0, Vec::new());
    let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
    for scenario in &scenarios {
        let model = scenario.model(&world, engine);
        for (number, case) in scenario.cases.iter().enumerate() {
            let mut filters = NativeFilters::default();
            let mut no_filter = no_filter;
            let filter: &mut dyn Filter = match engine {
                Engine::Wasm => &mut filters,
                Engine::Native => &mut no_filter,
            };
            match ask(&model, case, filter) {
                Ok(differences) if differences.is_empty() => passed += 1,
                Ok(differences) => {
                    let request = serde_json::to_string(&case.request).expect("JSON");
                    failed.push(format!(
                        "{}#{number}: {request}\n    {}",
                        scenario.name,
                        differences.join("\n    ")
                    ));
                }
                Err(reason) => *skipped.entry(reason).or_default() += 1,
            }
        }
    }
    // Written past the test harness, which would swallow it.
    let mut out = std::io::stderr().lock();
    for failure in failed.iter().take(SHOWN) {
        let _ = writeln!(out, "{failure}");
    }
    for (reason, count) in &skipped {
        let _ = writeln!(out, "{engine:?}, {folder}: {count} skipped: {reason}");
    }
    let unknown: usize = skipped.values().sum();
    let _ = writeln!(
        out,
        "{engine:?}, {folder}: {passed} passed, {} failed, {unknown} skipped",
        failed.len()
    );
    assert!(failed.is_empty(), "{} cases differ", failed.len());
}

/// What differs, or why the model does not know.
fn ask(model: &Model, case: &Case, filter: &mut dyn Filter) -> Result<Vec<String>, String> {
    let mut rolled = 0;
    let mut answer = || {
        let mut dice = || {
            rolled += 1;
            scattered(rolled)
        };
        let outcome = model.answer(&case.request, filter, &mut dice);
        outcome
            .map(|it| as_recorded(&it))
            .map_err(|skipped| skipped.to_string())
    };
    let mut differences = compare::differences(case.outcomes(), &answer()?);
    if case.weights.is_empty() || !differences.is_empty() {
        return Ok(differences);
    }
    let mut drawn: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..DRAWS {
        let answer = answer()?;
        differences = compare::differences(case.outcomes(), &answer);
        if !differences.is_empty() {
            return Ok(differences);
        }
        let cluster = answer.get("cluster").and_then(Value::as_str).unwrap_or_default();
        *drawn.entry(cluster.to_owned()).or_default() += 1;
    }
    if drawn.contains_key("") {
        return Ok(differences); // some destination has no cluster, or the request does not get that far
    }
    let total: u32 = case.weights.values().sum();
    for (cluster, weight) in &case.weights {
        let expected = f64::from(*weight) / f64::from(total);
        let got = f64::from(drawn.get(cluster).copied().unwrap_or_default()) / f64::from(DRAWS);
        if (expected - got).abs() > 0.08 {
            differences.push(format!(
                "the share of {cluster}\n      expected {expected}\n      got      {got}"
            ));
        }
    }
    Ok(differences)
}

/// The outcome as a case records it.
fn as_recorded(outcome: &Outcome) -> Value {
    let mut value = serde_json::to_value(outcome).expect("JSON");
    recorded::tell_by_echoes(&mut value);
    recorded::reduce(&mut value);
    value
}

/// The same dice in every run (`SplitMix64`).
fn scattered(draw: u64) -> u64 {
    let mut bits = draw.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
