//! The same resources compiled for both engines.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{Compiled, Engine, EnvoyVersion, Options, compile};
use fingerpost_envoy_runner::Bootstrap;
use fingerpost_resources::{Code, Diagnostics, Resources, Severity, Source, read, render, validate};
use fingerpost_routing::{Encoding, Pattern};
use serde_json::Value;

use crate::compiled;

/// The engines, in the order in which everything here lists them.
pub const SIDES: [(&str, Engine); 2] = [("Envoy's router", Engine::Native), ("our filter", Engine::Wasm)];

/// What both engines made of some resources.
pub struct Pair {
    /// For Envoy's own router, and for our filter.
    pub bootstraps: [Bootstrap; 2],
    /// The listener's name behind each Gateway port.
    pub listeners: BTreeMap<u16, String>,
    /// Whether the compiler says that Envoy refuses something here. Envoy is the judge of that.
    pub is_refused: bool,
}

impl Pair {
    /// Compiles texts of YAML for an Envoy of `version`.
    ///
    /// # Errors
    /// The diagnostics, if one is an error: such resources get nowhere.
    pub fn compile(sources: &[(&str, &str)], options: &Options) -> Result<Self, String> {
        let mut diagnostics = Diagnostics::new();
        let sources = sources
            .iter()
            .map(|(name, text)| Source::new(*name, *text))
            .collect();
        let resources = read(sources, &mut diagnostics);
        validate(&resources, &check_regex, &mut diagnostics);
        if diagnostics.has_errors() {
            return Err(render(&diagnostics, &resources.sources, false));
        }
        let mut compile_for = |engine| compiled_for(&resources, engine, options, &mut diagnostics);
        let [native, wasm] = SIDES.map(|(_, engine)| compile_for(engine));
        let mut errors = diagnostics.iter().filter(|it| it.severity == Severity::Error);
        if errors.any(|it| it.code != Code::EnvoyRefuses) {
            return Err(render(&diagnostics, &resources.sources, false));
        }
        let listeners = compiled::ports(&wasm);
        let mut bootstraps = [native, wasm].map(|it| Bootstrap(it.bootstrap_json()));
        hide_the_dispatch_header(&mut bootstraps);
        Ok(Self {
            bootstraps,
            listeners,
            is_refused: diagnostics.has_errors(),
        })
    }
}

/// The options of a gateway for an Envoy of this version, with the module as it was built.
#[must_use]
pub fn options(envoy: EnvoyVersion) -> Options {
    Options {
        envoy,
        module_path: compiled::module_path(),
        ..Options::default()
    }
}

/// Istio reads patterns as UTF-8.
fn check_regex(text: &str) -> Result<(), String> {
    let read = Pattern::parse_as(text, Encoding::Utf8);
    read.map(drop).map_err(|error| error.to_string())
}

fn compiled_for(
    resources: &Resources,
    engine: Engine,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Compiled {
    let options = Options {
        engine,
        ..options.clone()
    };
    compile(resources, &options, diagnostics)
}

/// That no client may send a dispatch key is the one difference that is meant: both connection managers remove it.
fn hide_the_dispatch_header(bootstraps: &mut [Bootstrap; 2]) {
    let [native, wasm] = bootstraps;
    copy_early_mutations(&wasm.0, &mut native.0);
}

fn copy_early_mutations(from: &Value, to: &mut Value) {
    const FIELD: &str = "early_header_mutation_extensions";
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => {
            if let Some(mutations) = from.get(FIELD) {
                to.insert(FIELD.to_owned(), mutations.clone());
            }
            for (name, value) in from {
                if let Some(to) = to.get_mut(name) {
                    copy_early_mutations(value, to);
                }
            }
        }
        (Value::Array(from), Value::Array(to)) => {
            from.iter()
                .zip(to)
                .for_each(|(from, to)| copy_early_mutations(from, to));
        }
        _ => {}
    }
}
