//! Compiles a scenario together with the world it lies in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fingerpost_config_compiler::{Compiled, Engine, EnvoyVersion, Operations, Options, compile};
use fingerpost_resources::{Diagnostics, Source, read, render};

use crate::corpus::{Corpus, Scenario};
use crate::generate::table;
use crate::repository;

/// Compiles `scenario` for the proxy that it names, and the newest Envoy.
///
/// # Errors
/// The diagnostics, if any is an error: the control plane accepted all of the corpus.
pub fn scenario(corpus: &Corpus, scenario: &Scenario, engine: Engine) -> Result<Compiled, String> {
    scenario_for(corpus, scenario, engine, EnvoyVersion::NEWEST)
}

/// The same, for an Envoy of some version.
///
/// # Errors
/// As above.
pub fn scenario_for(
    corpus: &Corpus,
    scenario: &Scenario,
    engine: Engine,
    envoy: EnvoyVersion,
) -> Result<Compiled, String> {
    compile_scenario(corpus, scenario, engine, envoy, None)
}

/// The same, with all that `compile` adds for production.
///
/// # Errors
/// As above.
pub fn scenario_in_production(
    corpus: &Corpus,
    scenario: &Scenario,
    engine: Engine,
    envoy: EnvoyVersion,
) -> Result<Compiled, String> {
    compile_scenario(corpus, scenario, engine, envoy, Some(Operations::default()))
}

fn compile_scenario(
    corpus: &Corpus,
    scenario: &Scenario,
    engine: Engine,
    envoy: EnvoyVersion,
    operations: Option<Operations>,
) -> Result<Compiled, String> {
    let mut diagnostics = Diagnostics::new();
    let sources = vec![
        Source::new("world.yaml", &corpus.world),
        Source::new(format!("{}/resources.yaml", scenario.name), &scenario.resources),
    ];
    let resources = read(sources, &mut diagnostics);
    let options = Options {
        labels: scenario.proxy.labels.clone(),
        namespace: scenario.proxy.namespace.clone(),
        engine,
        envoy,
        module_path: module_path(),
        operations,
        ..Options::default()
    };
    let compiled = compile(&resources, &options, &mut diagnostics);
    match diagnostics.has_errors() {
        true => Err(render(&diagnostics, &resources.sources, false)),
        false => Ok(compiled),
    }
}

/// Compiles a text of resources in the world that the generator uses.
///
/// # Errors
/// The diagnostics, if any is an error.
pub fn of_text(resources: &str, options: &Options) -> Result<Compiled, String> {
    let mut diagnostics = Diagnostics::new();
    let sources = vec![
        Source::new("world.yaml", table::WORLD),
        Source::new("resources.yaml", resources),
    ];
    let resources = read(sources, &mut diagnostics);
    let compiled = compile(&resources, options, &mut diagnostics);
    match diagnostics.has_errors() {
        true => Err(render(&diagnostics, &resources.sources, false)),
        false => Ok(compiled),
    }
}

/// The name of the listener behind each port: as Gateways declare it, else as it is listened on.
#[must_use]
pub fn ports(compiled: &Compiled) -> BTreeMap<u16, String> {
    let listeners = &compiled.summary.listeners;
    let listening = listeners.iter().map(|it| (it.listen_port, &it.name));
    let declared = listeners.iter().map(|it| (it.port, &it.name));
    let ports = listening.chain(declared); // the later one counts
    ports
        .filter_map(|(port, name)| Some((u16::try_from(port).ok()?, name.clone())))
        .collect()
}

/// Where the filter's module lies.
static MODULE: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os("FINGERPOST_WASM") {
    Some(path) => std::path::absolute(&path).unwrap_or_else(|_| path.into()),
    None => repository::target().join("fingerpost.wasm"),
});

/// Where the filter's module lies, or would.
#[must_use]
pub fn module_path() -> String {
    MODULE.to_string_lossy().into_owned()
}

/// The filter's module, if it has been built. Warns where it is older than the filters' sources.
///
/// # Errors
/// Names the command that builds it.
pub fn built_module() -> Result<&'static Path, String> {
    let module = MODULE.as_path();
    let Ok(built) = module.metadata().and_then(|it| it.modified()) else {
        return Err(format!(
            "{} is missing: run `cargo xtask build` first",
            module.display()
        ));
    };
    let changed = repository::files().into_iter().find(|file| {
        let modified = repository::root()
            .join(file)
            .metadata()
            .and_then(|it| it.modified());
        file.starts_with("filters") && is_source(file) && modified.is_ok_and(|it| it > built)
    });
    if let Some(file) = changed {
        eprintln!(
            "note: {} is newer than {}: `cargo xtask build`",
            file.display(),
            module.display()
        );
    }
    Ok(module)
}

fn is_source(file: &Path) -> bool {
    file.extension().is_some_and(|it| it == "rs" || it == "toml")
}
