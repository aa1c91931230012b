//! A gateway of Istio is brought to our manifests, and from one set of rules to the next, while clients send requests all the time:
//! the steps of `manifests --first-install` and `--previous` lose none, and no answer is another than the rules give.
//!
//! The gateway is a stock Envoy with files in the place of istiod: what an object of the manifests changes there is in
//! `gateway`. The rules and the judgement of each answer are those of the reload test.

mod gateway;

use std::time::Duration;

use fingerpost_config_compiler::{Compiled, Engine, Options, compile};
use fingerpost_envoy_runner::{Echo, EchoBody, EchoOptions, PrivateDirectory, Report};
use fingerpost_manifests::istio::{
    Change, FailStrategy, IstioOptions, IstioRelease, Previous, Rollout, rollout,
};
use fingerpost_manifests::{Document, ModuleLocation, to_yaml};
use fingerpost_resources::{Diagnostics, Source, read};
use fingerpost_tests::compiled;

use crate::engines::one_envoy_at_a_time;
use crate::operations::said;
use crate::reload::clients::Clients;
use crate::reload::generation::{SERVICES, resources};
use gateway::Gateway;

/// How often the rules change after the first install.
const UPDATES: u64 = 12;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn loses_no_request() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    compiled::built_module()?;
    let echo = Echo::start(EchoOptions {
        report: Report::Forget,
        body: EchoBody::Request,
        ..EchoOptions::default()
    })
    .map_err(said)?;
    let mut endpoints = Vec::new();
    for service in 0..SERVICES {
        endpoints.push(echo.listen(&format!("s{service}")).map_err(said)?);
    }
    let target = target();
    let compiled = |number, engine| -> Result<Compiled, String> {
        let mut diagnostics = Diagnostics::new();
        let sources = vec![Source::new("resources.yaml", resources(number, &endpoints))];
        let resources = read(sources, &mut diagnostics);
        let options = Options {
            engine,
            ..target.clone()
        };
        let compiled = compile(&resources, &options, &mut diagnostics);
        match diagnostics.iter().next() {
            Some(finding) => Err(format!("generation {number}: {}", finding.message)),
            None => Ok(compiled),
        }
    };
    let steps = |number, change: Change<'_>| -> Result<Rollout, String> {
        let (filter, native) = (compiled(number, Engine::Wasm)?, compiled(number, Engine::Native)?);
        rollout(&filter, &native, change, &target, &options()).map_err(|it| format!("{it:?}"))
    };

    let directory = PrivateDirectory::new("fingerpost-istio-").map_err(said)?;
    let mut clusters = Vec::new();
    for number in 0..SERVICES {
        clusters.extend(
            compiled(number, Engine::Native)?
                .bootstrap
                .static_resources
                .clusters,
        );
    }
    let mut gateway = Gateway::start(
        directory.path(),
        &compiled(0, Engine::Wasm)?,
        &compiled(0, Engine::Native)?,
        clusters,
    )?;
    let clients = Clients::start(gateway.addresses()?);
    clients.wait_until_all_saw(0, PATIENCE)?;
    let install = steps(0, Change::FirstInstall)?;
    for step in &install.steps {
        gateway.apply(&step.documents)?;
        // Connections of before are closed with their next answer.
        clients.wait_for_rounds(2, PATIENCE)?;
    }
    gateway.apply(&install.documents)?;
    clients.wait_for_rounds(1, PATIENCE)?;
    let mut in_force = install.documents;
    for number in 1..=UPDATES {
        let previous = read_back(&in_force)?;
        let update = steps(number, Change::Update(&previous))?;
        for step in &update.steps {
            // Until then the answers stay those of before.
            if step.name == "filter" {
                clients.begin(number);
            }
            gateway.apply(&step.documents)?;
            clients.wait_for_rounds(1, PATIENCE)?;
        }
        clients.wait_until_all_saw(number, PATIENCE)?;
        gateway.apply(&update.documents)?;
        clients.wait_for_rounds(1, PATIENCE)?;
        in_force = update.documents;
    }
    let report = clients.stop();
    println!(
        "a gateway of Istio: a first install and {UPDATES} updates; {} requests, {} lost, {} misrouted",
        report.requests,
        report.lost.len(),
        report.misrouted.len(),
    );
    match report.lost.first().or(report.misrouted.first()) {
        Some(wrong) => Err(wrong.clone()),
        None => Ok(()),
    }
}

/// The manifests as the next change reads them.
fn read_back(documents: &[Document]) -> Result<Previous, String> {
    let mut previous = Previous::default();
    previous
        .add("manifests.yaml", &to_yaml(documents))
        .map_err(said)?;
    Ok(previous)
}

fn target() -> Options {
    Options {
        labels: [("istio".to_owned(), "ingressgateway".to_owned())].into(),
        module_path: compiled::module_path(),
        ..Options::default()
    }
}

fn options() -> IstioOptions {
    IstioOptions {
        name: "fingerpost".to_owned(),
        release: IstioRelease::NEWEST,
        module: ModuleLocation::File(compiled::module_path()),
        sha256: None,
        pull_secret: None,
        fail_strategy: FailStrategy::Reload,
    }
}
