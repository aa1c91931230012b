//! The built module in the simulator, with the model of a proxy around it: every field of an outcome, without an Envoy.
//!
//! `fingerpost-simulated-proxy` joins model and module; this asks it the corpus's questions. What the model can't decide it
//! says, and only a case that directs the echo server may be left out for it.

use std::sync::LazyLock;

use fingerpost_config_compiler::Compiled;
use fingerpost_proxy_model::{EchoHeader, EchoValue, Model, Request, Skipped, Tls, Version};
use fingerpost_simulated_proxy::{FilterRuntime, SimulatedProxy};
use fingerpost_simulator::{Dice, Module};
use serde_json::Value;

use crate::case::{self, Case, Outcome};
use crate::compare::{Difference, differences};
use crate::report::Verdict;
use crate::{compiled, generate, recorded};

/// The model has no upstream that delays, fails or upgrades.
const DIRECTED: &str = "x-echo directs the upstream";
/// How many requests are made for a rule that splits its traffic.
const DRAWS: usize = 24;

/// The compiled module, to be shared by all tables.
///
/// # Errors
/// It has not been built, or is not what a proxy loads.
pub fn module() -> Result<Module, String> {
    /// Compiling takes longer than most tests.
    static MODULE: LazyLock<Result<Module, String>> = LazyLock::new(|| {
        let path = compiled::built_module()?;
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Module::compile(bytes).map_err(|error| format!("{}: {error}", path.display()))
    });
    MODULE.clone()
}

/// One compiled bootstrap, with its filters running.
pub struct Simulated {
    proxy: SimulatedProxy,
}

impl Simulated {
    /// What was compiled for the corpus.
    ///
    /// # Errors
    /// Names what the model does not know in the bootstrap.
    pub fn load(module: &Module, compiled: &Compiled) -> Result<Self, String> {
        let ports = compiled::ports(compiled);
        Self::of(module, &compiled.bootstrap_json(), ports)
    }

    /// A bootstrap, and the listener behind each port.
    ///
    /// # Errors
    /// As above.
    pub fn of(
        module: &Module,
        bootstrap: &Value,
        ports: impl IntoIterator<Item = (u16, String)>,
    ) -> Result<Self, String> {
        let model = Model::new(bootstrap).map_err(|error| format!("the model: {error}"))?;
        let declared = |model: Model, (port, name)| model.with_declared_port(port, name);
        let model = as_recorded(ports.into_iter().fold(model, declared));
        let proxy = SimulatedProxy::of(model, FilterRuntime::Wasm(module.clone()));
        Ok(Self { proxy })
    }

    /// Asks one case of the corpus.
    pub fn ask(&mut self, case: &Case) -> Verdict {
        // Of a rule that splits its traffic every answer must be one of those recorded.
        let draws = if case.outcomes().len() > 1 { DRAWS } else { 1 };
        for seed in 0..draws {
            match self.answer(&asked(&case.request), seed as u64) {
                Ok(Ok(outcome)) => match differences(case.outcomes(), &outcome) {
                    none if none.is_empty() => {}
                    some => return Verdict::Failed(some),
                },
                Ok(Err(_)) if case.request.directs_the_echo() => return Verdict::Skipped(DIRECTED),
                Ok(Err(skipped)) => return refused("an answer", &skipped.reason),
                Err(failure) => return refused("a filter that runs", &failure),
            }
        }
        Verdict::Passed
    }

    /// What comes of a request with these dice, unless the model can't tell.
    ///
    /// # Errors
    /// The filter failed, or the model's outcome has another form than the corpus's.
    pub fn answer(&mut self, request: &Request, seed: u64) -> Result<Result<Outcome, Skipped>, String> {
        let mut dice = generate::Dice::of_part(seed, 0);
        let answer = self
            .proxy
            .answer_with(request, Some(Dice::Seeded(seed)), &mut || dice.draw())
            .map_err(|error| error.to_string())?;
        let outcome = match answer {
            Ok(outcome) => outcome,
            Err(skipped) => return Ok(Err(skipped)),
        };
        let mut value = serde_json::to_value(outcome).map_err(|error| error.to_string())?;
        recorded::tell_by_echoes(&mut value);
        let same = serde_json::from_value(value);
        let same: Outcome = same.map_err(|error| error.to_string())?;
        // A client can't tell such a body from the echo's.
        let body = same.body.filter(|it| same.status != 200 || it != "ok");
        Ok(Ok(Outcome { body, ..same }))
    }
}

/// With echo servers like those of the recorded corpus.
fn as_recorded(model: Model) -> Model {
    let headers = [
        ("server-extra", EchoValue::Text("1".to_owned())),
        ("x-echo-cluster", EchoValue::Cluster),
    ];
    headers.into_iter().fold(model, |model, (name, value)| {
        let name = name.to_owned();
        model.with_echo_header(EchoHeader { name, value })
    })
}

fn refused(expected: &str, got: &str) -> Verdict {
    Verdict::Failed(vec![Difference::new("outcome", expected, got)])
}

/// A request of the corpus as the model takes it.
pub(super) fn asked(request: &case::Request) -> Request {
    Request {
        port: request.port,
        method: request.method.clone(),
        path: request.path.clone(),
        authority: Some(request.authority.clone()),
        headers: request.headers.clone(),
        tls: request.tls.as_ref().map(|tls| Tls {
            sni: tls.sni.clone(),
            client_cert: tls.client_cert.clone(),
        }),
        version: Version::default(),
    }
}
