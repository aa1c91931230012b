//! Reads the scenarios of the corpus and compiles them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::{Engine, Options, compile};
use fingerpost_proxy_model::{EchoHeader, EchoValue, Model, Request};
use fingerpost_resources::{Diagnostics, Source, read, render};
use serde::Deserialize;
use serde_json::Value;

/// A folder of the corpus.
pub(crate) struct Scenario {
    pub(crate) name: String,
    resources: String,
    pub(crate) cases: Vec<Case>,
}

/// A line of `cases.json`.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) request: Request,
    expect: Option<Value>,
    #[serde(default)]
    expect_one_of: Vec<Value>,
    #[serde(default)]
    pub(crate) weights: BTreeMap<String, u32>,
}

impl Case {
    /// The outcomes that are right.
    pub(crate) fn outcomes(&self) -> &[Value] {
        match &self.expect {
            Some(outcome) => std::slice::from_ref(outcome),
            None => &self.expect_one_of,
        }
    }
}

/// The scenarios of a folder such as `tests/conformance/routing`, by name.
pub(crate) fn all(folder: &Path) -> Vec<Scenario> {
    let entries = std::fs::read_dir(folder).expect("a folder of scenarios");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|it| it.is_dir());
    folders.sort();
    let scenarios = folders.iter().map(|folder| Scenario {
        name: folder.file_name().expect("a name").to_string_lossy().into_owned(),
        resources: text(&folder.join("resources.yaml")),
        cases: serde_json::from_str(&text(&folder.join("cases.json"))).expect("cases"),
    });
    scenarios.collect()
}

pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Scenario {
    /// The model of the proxy that the scenario is compiled for.
    pub(crate) fn model(&self, world: &str, engine: Engine) -> Model {
        let mut diagnostics = Diagnostics::new();
        let sources = vec![
            Source::new("world.yaml", world),
            Source::new(format!("{}/resources.yaml", self.name), &self.resources),
        ];
        let resources = read(sources, &mut diagnostics);
        let labels = self.comment("proxy-labels:").unwrap_or("istio=ingressgateway");
        let options = Options {
            labels: labels
                .split(',')
                .filter_map(|label| label.trim().split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            namespace: self
                .comment("proxy-namespace:")
                .unwrap_or("istio-system")
                .to_owned(),
            engine,
            ..Options::default()
        };
        let compiled = compile(&resources, &options, &mut diagnostics);
        assert!(
            !diagnostics.has_errors(),
            "{}",
            render(&diagnostics, &resources.sources, false)
        );
        let model =
            Model::new(&compiled.bootstrap_json()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let echo_header = |name: &str, value| EchoHeader {
            name: name.to_owned(),
            value,
        };
        let model = model
            .with_echo_header(echo_header("server-extra", EchoValue::Text("1".to_owned())))
            .with_echo_header(echo_header("x-echo-cluster", EchoValue::Cluster));
        compiled.summary.listeners.iter().fold(model, |model, listener| {
            let port = u16::try_from(listener.port).expect("a port");
            model.with_declared_port(port, &listener.name)
        })
    }

    /// A comment at the top of the resources that says which proxy they are for.
    fn comment(&self, key: &str) -> Option<&str> {
        let top = self
            .resources
            .lines()
            .take_while(|line| line.starts_with('#') || line.trim().is_empty());
        let mut found = top.filter_map(|line| line.strip_prefix('#')?.trim_start().strip_prefix(key));
        found.next().map(str::trim)
    }
}
