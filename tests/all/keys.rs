//! Only the filter chooses a dispatch key: what a client sends under that name must have no effect.

use fingerpost_config_compiler::{CompiledChain, Engine};
use fingerpost_envoy_runner::Bootstrap;
use fingerpost_routing_config::{Action, DISPATCH_HEADER};
use fingerpost_tests::case::{Case, Outcome};
use fingerpost_tests::compiled;
use fingerpost_tests::corpus::{Corpus, Scenario};
use fingerpost_tests::engines::{self, envoy::Setup};
use serde_json::Value;

use crate::engines::{all_must_pass, envoy, one_envoy_at_a_time};

/// Scenarios of many kinds of routes, with cases that match none.
const SCENARIOS: &[&str] = &[
    "direct-response",
    "headers-kinds",
    "hosts-precedence",
    "uri-exact-prefix-regex",
];

/// With a key of some route in every request, each case comes out as without.
pub(crate) fn of_clients_have_no_effect() -> Result<(), String> {
    ask("client's keys", |_, case| case)
}

/// Where the filter did not run, no key leads anywhere.
pub(crate) fn lead_nowhere_without_the_filter() -> Result<(), String> {
    ask("client's keys, no filter", |bootstrap, case| {
        drop_wasm_filters(bootstrap);
        match case.outcomes() {
            [outcome] if outcome.status == 400 => case, // Envoy's own, before any filter
            _ => case.expecting(Outcome {
                status: 404,
                attempts: 1,
                body: Some(String::new()),
                ..Outcome::default()
            }),
        }
    })
}

fn ask(name: &'static str, change: impl Fn(&mut Value, Case) -> Case + Sync) -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    compiled::built_module()?;
    let binary = envoy()?;
    let mut corpus = Corpus::read("")?;
    corpus
        .scenarios
        .retain(|scenario| SCENARIOS.contains(&scenario.name.as_str()));
    let report = engines::run(name, &corpus, SCENARIOS.len(), |scenario| {
        let compiled = compiled::scenario(&corpus, scenario, Engine::Wasm)?;
        let mut bootstrap = compiled.bootstrap_json();
        let cases = with_keys(scenario, &keys(&compiled.chains));
        let cases: Vec<Case> = cases
            .into_iter()
            .map(|case| change(&mut bootstrap, case))
            .collect();
        let listeners = compiled::ports(&compiled);
        engines::envoy::ask(
            &binary,
            &Setup {
                bootstrap: Bootstrap(bootstrap),
                listeners,
            },
            &cases,
        )
    });
    match report.scenarios.len() == SCENARIOS.len() {
        true => all_must_pass(&report),
        false => Err(format!("the corpus lacks one of {SCENARIOS:?}")),
    }
}

/// The scenario's cases, each with one of the keys.
fn with_keys(scenario: &Scenario, keys: &[String]) -> Vec<Case> {
    let cases = scenario.cases.iter().cloned().zip(keys.iter().cycle());
    let with_key = |(mut case, key): (Case, &String)| {
        case.request
            .headers
            .push((DISPATCH_HEADER.to_ascii_uppercase(), key.clone()));
        case
    };
    cases.map(with_key).collect()
}

/// Every dispatch key of some chains.
fn keys(chains: &[CompiledChain]) -> Vec<String> {
    let hosts = chains.iter().flat_map(|chain| &chain.config.virtual_hosts);
    let routes = hosts.flat_map(|host| &host.routes);
    routes
        .flat_map(|route| match &route.action {
            Action::Forward(destinations) => destinations.iter().map(|it| it.key.clone()).collect(),
            Action::Reply(reply) => vec![reply.key.clone()],
        })
        .collect()
}

fn drop_wasm_filters(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(filters)) = fields.get_mut("http_filters") {
                filters.retain(|filter| !is_wasm(filter));
            }
            fields.values_mut().for_each(drop_wasm_filters);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_wasm_filters),
        _ => {}
    }
}

fn is_wasm(filter: &Value) -> bool {
    filter["typed_config"]["@type"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("wasm.v3.Wasm"))
}
