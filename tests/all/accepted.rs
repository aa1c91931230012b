//! What `compile` accepts, Envoy accepts, with either engine.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{Engine, EnvoyVersion, Operations, Options};
use fingerpost_envoy_runner::EnvoyBinary;
use fingerpost_tests::accepted::{Judge, compiled};
use fingerpost_tests::generate::{Dice, dice, odd};
use fingerpost_tests::{compiled as module, repository};

use crate::engines::{envoy, one_envoy_at_a_time};
use crate::oldest;

/// Inputs of a usual run; a night's run asks for more by `FINGERPOST_GENERATED`.
const USUAL: usize = 1_200;
/// The seed of a usual run: the same inputs every time.
const SEED: u64 = 9;
const SHOWN: usize = 10;

fn options(engine: Engine, envoy: EnvoyVersion, module_path: &str) -> Options {
    Options {
        engine,
        envoy,
        module_path: module_path.to_owned(),
        operations: Some(Operations {
            rule_metrics: true,
            ..Operations::default()
        }),
        trusted_hops: 1,
        ..Options::default()
    }
}

/// Inputs with odd values, on the newest Envoy.
pub(crate) fn generated() -> Result<(), String> {
    of_generated(&envoy()?, EnvoyVersion::NEWEST, dice::wanted(USUAL))
}

/// Fewer of them, on the oldest.
pub(crate) fn generated_for_the_oldest() -> Result<(), String> {
    of_generated(&oldest::binary()?, EnvoyVersion::OLDEST, dice::wanted(USUAL) / 4)
}

fn of_generated(binary: &EnvoyBinary, envoy: EnvoyVersion, wanted: usize) -> Result<(), String> {
    let seed = dice::given_seed().unwrap_or(SEED);
    eprintln!("accepted: FINGERPOST_SEED={seed} FINGERPOST_GENERATED={wanted}");
    let inputs = (0..wanted).map(|number| {
        let (base, documents) = odd::input(&mut Dice::of_part(seed, number));
        let texts: Vec<String> = documents.iter().map(ToString::to_string).collect();
        (
            format!("input {number} of seed {seed}, {base}"),
            texts.join("\n---\n").into_bytes(),
        )
    });
    let accepted = judge(binary, envoy, inputs)?;
    match accepted > wanted / 5 {
        true => Ok(()),
        false => Err(format!("only {accepted} of {wanted} inputs are accepted")),
    }
}

/// The documents of the validation corpus.
pub(crate) fn validation_corpus() -> Result<(), String> {
    let folder = repository::root().join("tests/conformance/validation");
    let files = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
    let mut paths: Vec<_> = files.flatten().map(|it| it.path()).collect();
    paths.retain(|it| it.extension().is_some_and(|it| it == "yaml"));
    paths.sort();
    let gateway = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw}\nspec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n---\n";
    let inputs = paths.into_iter().flat_map(|path| {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let bytes = std::fs::read(&path).unwrap_or_default();
        // As it is, and bound to a Gateway, so that more of it reaches Envoy.
        let bound =
            String::from_utf8_lossy(&bytes).replace("spec:\n  hosts:", "spec:\n  gateways: [gw]\n  hosts:");
        [
            (name.clone(), bytes),
            (format!("{name}, bound"), format!("{gateway}{bound}").into_bytes()),
        ]
    });
    judge(&envoy()?, EnvoyVersion::NEWEST, inputs).map(drop)
}

/// Compiles with both engines and has Envoy judge. Returns how many inputs both engines accept.
fn judge(
    binary: &EnvoyBinary,
    envoy: EnvoyVersion,
    inputs: impl Iterator<Item = (String, Vec<u8>)>,
) -> Result<usize, String> {
    module::built_module()?;
    let _turn = one_envoy_at_a_time();
    let mut judge = Judge::new(binary)?;
    let module_path = judge.module_path();
    let mut texts = BTreeMap::new();
    let (mut asked, mut accepted, mut refused_here) = (0, 0, 0);
    let mut by_one_engine = Vec::new();
    for (name, bytes) in inputs {
        asked += 1;
        let [native, wasm] = [Engine::Native, Engine::Wasm]
            .map(|engine| compiled(&bytes, &options(engine, envoy, &module_path)));
        refused_here += usize::from(native.1.contains(&"envoy-refuses"));
        if native.0.is_some() != wasm.0.is_some() {
            by_one_engine.push(format!("{name}: native {:?}, wasm {:?}", native.1, wasm.1));
        }
        accepted += usize::from(native.0.is_some() && wasm.0.is_some());
        for (engine, (compiled, _)) in [("native", native), ("wasm", wasm)] {
            if let Some(compiled) = compiled {
                judge.add(&format!("{name}, {engine}"), &compiled)?;
            }
        }
        texts.insert(name, bytes);
    }
    judge.judge();
    eprintln!(
        "accepted: {accepted} of {asked} inputs accepted, {refused_here} refused as envoy-refuses, {} different listeners and clusters, {} refused by Envoy",
        judge.judged,
        judge.refused.len()
    );
    let mut wrong = by_one_engine;
    wrong.extend(judge.refused.iter().map(|it| {
        let text = it.input.rsplit_once(", ").and_then(|(name, _)| texts.get(name));
        let text = String::from_utf8_lossy(text.map(Vec::as_slice).unwrap_or_default());
        format!("{}: {}\n{text}", it.input, it.reason)
    }));
    if let Some(path) = std::env::var_os("FINGERPOST_REPORT") {
        std::fs::write(path, wrong.join("\n\n")).map_err(|error| error.to_string())?;
    }
    match wrong.is_empty() {
        true => Ok(accepted),
        false => Err(format!(
            "{} wrong:\n{}",
            wrong.len(),
            wrong.into_iter().take(SHOWN).collect::<Vec<_>>().join("\n\n")
        )),
    }
}
