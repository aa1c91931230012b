//! Runs the house rules and puts the corpus to every engine.
//!
//! `cargo test -p fingerpost-tests -- core` runs what has `core` in its name; the folder's README names the rest.

mod accepted;
mod architecture;
mod capabilities;
mod circles;
mod clusters;
mod connections;
mod dashboard;
mod dependencies;
mod differential;
mod edge_tls;
mod engines;
mod expressions;
mod failure;
mod hostile;
mod istio_rollout;
mod keys;
mod loads;
mod manifests;
mod memory;
mod oldest;
mod operations;
mod patterns;
mod plain_words;
mod policies;
mod refused_start;
mod reload;
mod security;
mod simulated;
mod simulator_vs_envoy;
mod streams;
mod tables;
mod upstream_tls;
mod xds;

use std::env;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(
        architecture::RULES
            .iter()
            .map(|(name, rule)| trial(&format!("house: {name}"), *rule)),
    );
    trials.push(trial(
        "tables: equal those of the control plane",
        tables::equal_those_of_the_control_plane,
    ));
    trials.push(trial(
        "clusters: equal those of the control plane",
        clusters::equal_those_of_the_control_plane,
    ));
    trials.push(trial(
        "tables: are read as they are written",
        tables::are_read_as_they_are_written,
    ));
    trials.push(trial(
        "xds: files say what the bootstrap says",
        xds::files_say_what_the_bootstrap_says,
    ));
    trials.push(trial(
        "dashboard: is as Grafana's schema says",
        dashboard::is_as_grafanas_schema_says,
    ));
    trials.push(trial("core", engines::core));
    trials.push(trial("core: shares", engines::shares));
    trials.push(trial("simulator: the filter as wasm", simulated::corpus));
    trials.push(trial(
        "simulator: module and native filter, byte for byte",
        simulated::equals_the_native_filter,
    ));
    trials.push(trial(
        "simulator: generated cases, beside Envoy",
        simulator_vs_envoy::generated,
    ));
    trials.push(trial(
        "simulator: the own corpus, beside Envoy",
        simulator_vs_envoy::rows,
    ));
    trials.push(trial(
        "simulator: a client cannot fill the VM",
        memory::a_client_cannot_fill_the_vm,
    ));
    trials.push(trial(
        "simulator: requests that no filter sees leave nothing in the VM",
        memory::requests_that_no_filter_sees_leave_nothing,
    ));
    trials.push(trial(
        "simulator: a table loads alike in every VM",
        loads::are_alike_in_every_vm,
    ));
    trials.push(trial(
        "simulator: many reloads fit into a VM",
        loads::many_reloads_fit_into_a_vm,
    ));
    trials.push(trial("envoy: its own router", engines::envoys_own_router));
    trials.push(trial("envoy: the filter as wasm", engines::wasm_in_envoy));
    trials.push(trial("envoy: a gateway of Istio", engines::istio_gateway));
    trials.push(trial(
        "envoy: a gateway of Istio, first install",
        engines::istio_first_install,
    ));
    trials.push(trial(
        "envoy: keys of clients have no effect",
        keys::of_clients_have_no_effect,
    ));
    trials.push(trial(
        "envoy: keys lead nowhere without the filter",
        keys::lead_nowhere_without_the_filter,
    ));
    for (name, run) in failure::TESTS
        .iter()
        .chain(capabilities::TESTS)
        .chain(operations::TESTS)
    {
        trials.push(trial(&format!("envoy: {name}"), *run));
    }
    trials.push(trial("envoy: TLS at the edge", edge_tls::serves_real_clients));
    trials.push(trial(
        "envoy: the connection to an upstream",
        upstream_tls::is_as_destination_rules_say,
    ));
    trials.push(trial(
        "envoy: connections of TCP and TLS routes",
        connections::go_where_istio_sends_them,
    ));
    trials.push(trial(
        "envoy: TLS at the edge, Secrets that change or can't be used",
        edge_tls::follows_secrets,
    ));
    trials.push(trial(
        "envoy: the dashboard asks for metrics that exist",
        dashboard::asks_for_metrics_that_exist,
    ));
    trials.push(trial("envoy: policies of DestinationRules act", policies::act));
    trials.push(trial("envoy: reload loses no request", reload::loses_no_request));
    trials.push(trial(
        "envoy: a gateway of Istio, steps lose no request",
        istio_rollout::loses_no_request,
    ));
    trials.push(trial(
        "envoy: a refused start is mended by a change",
        refused_start::is_mended_by_a_change,
    ));
    trials.extend(streams::trials());
    trials.push(trial("differential: generated cases", differential::generated));
    trials.push(trial("differential: the own corpus", differential::rows));
    trials.push(trial("differential: patterns", patterns::agree));
    trials.push(trial("oldest: recorded cases, as recorded", oldest::recorded));
    trials.push(trial(
        "oldest: recorded cases, engine against engine",
        oldest::corpus,
    ));
    trials.push(trial("oldest: the own corpus", oldest::rows));
    trials.push(trial(
        "oldest: TLS at the edge",
        edge_tls::serves_real_clients_in_the_oldest,
    ));
    trials.push(trial("oldest: generated cases", oldest::generated));
    trials.push(trial("oldest: patterns", oldest::patterns));
    trials.push(trial("accepted: generated inputs", accepted::generated));
    trials.push(trial("accepted: generated expressions", expressions::generated));
    trials.push(trial(
        "accepted: the validation corpus",
        accepted::validation_corpus,
    ));
    trials.push(trial(
        "oldest: generated inputs are accepted",
        accepted::generated_for_the_oldest,
    ));
    trials.push(trial(
        "oldest: generated expressions",
        expressions::generated_for_the_oldest,
    ));
    trials.push(trial("hostile: requests", hostile::requests));
    trials.push(trial("hostile: configurations", hostile::configurations));
    trials.push(trial("harness: the control plane's tables", engines::control_plane).with_ignored_flag(true));
    if let Ok(wanted) = env::var("FINGERPOST_ENGINE") {
        trials.retain(|trial| wanted.split(',').any(|word| trial.name().contains(word)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(name: &str, run: impl FnOnce() -> Result<(), String> + Send + 'static) -> Trial {
    Trial::test(name, || run().map_err(Failed::from))
}
