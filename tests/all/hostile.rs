//! Hostile input to the filter in a stock Envoy: nothing stops, and the next request is served.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fingerpost_envoy_runner::{Bootstrap, RunningEnvoy, StartOptions};
use fingerpost_tests::differential::server::with_listeners_from;
use fingerpost_tests::differential::{Pair, Server, agree};
use fingerpost_tests::generate::{Dice, bytes, dice, table};
use fingerpost_tests::rows;
use fingerpost_tests::sent::Sent;
use serde_json::{Value, json};

use crate::differential::{Comparison, no_trap, table_of};
use crate::engines::one_envoy_at_a_time;

/// Requests in a usual run.
const REQUESTS: usize = 2_000;
/// Configurations in any run.
const CONFIGURATIONS: usize = 60;
/// The topic whose table is used: most of it rewrites.
const TOPIC: &str = "rewrites";

fn pair(comparison: &Comparison) -> Result<Pair, String> {
    let topics = rows::read()?;
    let topic = topics
        .iter()
        .find(|it| it.name == TOPIC)
        .ok_or("a topic is missing")?;
    Pair::compile(
        &[("world.yaml", table::WORLD), ("resources.yaml", &topic.resources)],
        &comparison.options,
    )
}

/// Any bytes in a request: both engines say the same, the VM lives, and an honest request is served.
pub(crate) fn requests() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let comparison = Comparison::usual()?;
    let server = Server::open(&comparison.binary, &[pair(&comparison)?])?;
    let (seed, wanted) = (dice::seed(), dice::wanted(REQUESTS));
    eprintln!("hostile: FINGERPOST_SEED={seed} FINGERPOST_GENERATED={wanted}");
    let mut dice = Dice::new(seed);
    let sent: Vec<Sent> = (0..wanted).map(|_| bytes::request(&mut dice)).collect();
    let vms = created(server.envoy())?;
    let mut reached = 0;
    for chunk in sent.chunks(500) {
        let questions: Vec<_> = chunk.iter().map(|it| (0, it)).collect();
        for (sent, [native, wasm]) in chunk.iter().zip(server.ask(&questions)) {
            if !agree(&native, &wasm) {
                return Err(format!(
                    "seed {seed}: {sent}\n{}",
                    table_of(&native.differences(&wasm))
                ));
            }
            reached += usize::from(native.has_rule());
        }
        let honest = Sent::parse("80 GET a.test /slash/a")?;
        let [[_, wasm]] = &server.ask(&[(0, &honest)])[..] else {
            return Err("no answer".to_owned());
        };
        if wasm.status() != "200" {
            return Err(format!(
                "seed {seed}: an honest request is answered {}",
                wasm.status()
            ));
        }
    }
    no_trap(&server)?;
    eprintln!("hostile: {reached} of {wanted} requests were taken by a rule");
    match created(server.envoy())? == vms {
        true => Ok(()),
        false => Err(format!("seed {seed}: a VM was replaced")),
    }
}

/// How many VMs there have been. A trap costs one.
fn created(envoy: &RunningEnvoy) -> Result<Vec<(String, u64)>, String> {
    let stats = envoy
        .stats(r"^wasm\..*(created|vm_reload.*)$")
        .map_err(|error| error.to_string())?;
    match stats.keys().any(|name| name.ends_with("created")) {
        true => Ok(stats.into_iter().collect()),
        false => Err("Envoy counts no VMs".to_owned()),
    }
}

/// Any bytes as the filter's configuration: refused with a reason, or good; Envoy lives, and serves what is good.
pub(crate) fn configurations() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let comparison = Comparison::usual()?;
    let [_, wasm] = pair(&comparison)?.bootstraps;
    let seed = dice::seed();
    eprintln!("hostile: FINGERPOST_SEED={seed}");
    let mut dice = Dice::new(seed);
    let good = wasm.0["static_resources"]["listeners"][0].clone();
    let text = plugin_text(&good).ok_or("the compiled listener has no plugin")?;
    let mut listeners = vec![listener(&good, 0, text.as_bytes())];
    let tried: Vec<Vec<u8>> = (0..CONFIGURATIONS)
        .map(|_| bytes::configuration(&mut dice, &text))
        .collect();
    listeners.extend(
        tried
            .iter()
            .enumerate()
            .map(|(index, it)| listener(&good, index + 1, it)),
    );
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("listeners.json");
    std::fs::write(&file, json!({"resources": listeners}).to_string()).map_err(|error| error.to_string())?;
    let mut rest = wasm.0;
    rest["static_resources"]["listeners"] = json!([]);
    let bootstrap = with_listeners_from(Bootstrap(rest), &file);
    let envoy = RunningEnvoy::start(
        &comparison.binary,
        &bootstrap,
        folder.path(),
        StartOptions::default(),
    );
    let envoy = envoy.map_err(|error| format!("seed {seed}: {error}"))?;
    let log = envoy.log();
    let refused = log
        .lines()
        .filter(|line| line.contains("config rejected: Unable to create Wasm plugin"))
        .count();
    let reasons = log
        .lines()
        .filter(|line| line.contains("configuration refused: "))
        .count();
    let serving = envoy.listeners().map_err(|error| error.to_string())?;
    eprintln!("hostile: {refused} of {CONFIGURATIONS} configurations refused, {reasons} with a reason");
    if let Some(line) = log
        .lines()
        .find(|line| line.contains("Function: proxy_") || line.contains("panicked"))
    {
        return Err(format!("seed {seed}: the filter trapped: {line}"));
    }
    let is_complete =
        refused + serving.len() == CONFIGURATIONS + 1 && serving.iter().any(|it| it.name == "0");
    match is_complete && reasons == refused && refused > CONFIGURATIONS / 2 {
        true => Ok(()),
        false => Err(format!(
            "seed {seed}: {refused} refused, {reasons} reasons, {} taken\n{log}",
            serving.len()
        )),
    }
}

fn plugin_text(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) if fields.contains_key("vm_config") => {
            fields["configuration"]["value"].as_str().map(str::to_owned)
        }
        Value::Object(fields) => fields.values().find_map(plugin_text),
        Value::Array(items) => items.iter().find_map(plugin_text),
        _ => None,
    }
}

/// The listener, unbound, with another configuration for its plugin.
fn listener(good: &Value, index: usize, configuration: &[u8]) -> Value {
    let mut listener = good.clone();
    listener["name"] = json!(index.to_string());
    listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
    listener["address"]["socket_address"]["port_value"] = json!(10_000 + index);
    listener["bind_to_port"] = json!(false);
    configure(&mut listener, index, configuration);
    listener
}

fn configure(value: &mut Value, index: usize, configuration: &[u8]) {
    match value {
        Value::Object(fields) if fields.contains_key("vm_config") => {
            let kind = "type.googleapis.com/google.protobuf.BytesValue";
            fields.insert("name".to_owned(), json!(format!("hostile/{index}")));
            let written = json!({"@type": kind, "value": BASE64.encode(configuration)});
            fields.insert("configuration".to_owned(), written);
        }
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|it| configure(it, index, configuration)),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|it| configure(it, index, configuration)),
        _ => {}
    }
}
