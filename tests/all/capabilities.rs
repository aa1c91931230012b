//! The filter needs each capability that `compile` allows it, and Envoy refuses it all others.

use std::collections::BTreeSet;

use fingerpost_envoy_runner::Bootstrap;
use fingerpost_routing_config::{CAPABILITIES, RULE_PROPERTY, VIRTUAL_HOST_PROPERTY};
use fingerpost_simulator::{HeaderMap, Headers, Plugin};
use fingerpost_tests::compiled::built_module;
use fingerpost_tests::engines::simulator::module;
use fingerpost_tests::repository;
use serde_json::{Map, Value, json};

use crate::engines::one_envoy_at_a_time;
use crate::failure::{Proxy, Test, change_plugins, compiled_bootstrap, expect, stand_in};

pub(crate) const TESTS: &[Test] = &[
    ("the filter needs each of its capabilities", each_is_needed),
    ("the filter may do nothing else", others_are_refused),
    ("the filter's host functions are its capabilities", all_are_listed),
    (
        "the filter exports the callbacks of its capabilities",
        all_are_exported,
    ),
];

/// So many requests find both of two destinations, but for a chance of 1 in 2^63.
const DRAWS: usize = 64;
/// More requests than fit into [`MEMORY`], if all are kept.
const REQUESTS: usize = 20_000;
/// What the module needs, and little more.
const MEMORY: usize = 1_600 << 10;

/// What can be seen of a filter that runs with some capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// The clusters that a rule with two of them leads to; none if Envoy does not start.
    clusters: BTreeSet<String>,
    /// The answer to a request that no rule takes and that has a key, where Envoy does not remove that itself.
    with_key: Option<u16>,
    /// Whether the log has the reason why a configuration is refused.
    has_reason: bool,
    /// Whether the filter logs anything when it starts.
    complains: bool,
    /// Whether the proxy's metrics have the requests and the revision.
    has_metrics: [bool; 2],
    /// Whether the access log has the rule and its virtual host.
    names_rules: bool,
    /// Whether many requests need no more memory than few.
    is_bounded: bool,
}

/// Without any of them something breaks.
fn each_is_needed() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let all = seen(&CAPABILITIES)?;
    let expected = Seen {
        clusters: [
            "outbound|80||one.default.svc.cluster.local",
            "outbound|80||two.default.svc.cluster.local",
        ]
        .map(str::to_owned)
        .into(),
        with_key: Some(404),
        has_reason: true,
        complains: false,
        has_metrics: [true, true],
        names_rules: true,
        is_bounded: true,
    };
    if all != expected {
        return Err(format!("with all capabilities: {all:?}"));
    }
    // Without it each reload takes more memory: `reload` holds that.
    let seen_after_reloads = "proxy_set_effective_context";
    for left_out in CAPABILITIES.into_iter().filter(|it| *it != seen_after_reloads) {
        let names: Vec<&str> = CAPABILITIES
            .into_iter()
            .filter(|name| *name != left_out)
            .collect();
        let without = seen(&names)?;
        if without == all {
            return Err(format!(
                "nothing breaks without {left_out}: take it from the list"
            ));
        }
        eprintln!("without {left_out}: {without:?}");
    }
    Ok(())
}

fn seen(capabilities: &[&str]) -> Result<Seen, String> {
    let (bootstrap, key) = compiled_bootstrap()?;
    let mut bootstrap = without_early_removal(bootstrap);
    let allowed = allow(capabilities);
    change_plugins(&mut bootstrap, &|plugin| {
        plugin["capability_restriction_config"] = allowed.clone();
        let configuration = plugin["configuration"]["value"].as_str().unwrap_or_default();
        let with_revision = configuration.replacen('{', "{\"revision\":{\"table\":\"t\",\"number\":7},", 1);
        plugin["configuration"]["value"] = json!(with_revision);
    });
    let mut refused = bootstrap.clone();
    change_plugins(&mut refused, &|plugin| {
        plugin["configuration"]["value"] = json!("{\"version\":9}");
    });
    let logs = tempfile::tempdir().map_err(|error| error.to_string())?;
    let access_log = logs.path().join("access.log");
    let names = [RULE_PROPERTY, VIRTUAL_HOST_PROPERTY].map(|it| format!("%FILTER_STATE(wasm.{it}:PLAIN)%"));
    let mut bootstrap = Bootstrap(bootstrap);
    bootstrap.set_access_log(
        &json!({"named": names.join(" in ")}),
        &access_log.to_string_lossy(),
    );
    let Bootstrap(bootstrap) = bootstrap;
    let folder = || tempfile::tempdir().map_err(|error| error.to_string());

    let mut seen = Seen {
        clusters: BTreeSet::new(),
        with_key: None,
        has_reason: Proxy::start(refused, folder()?)
            .err()
            .is_some_and(|log| log.contains("version: 9 is unknown")),
        complains: false,
        has_metrics: [false, false],
        names_rules: false,
        is_bounded: is_bounded(capabilities)?,
    };
    let Ok(proxy) = Proxy::start(bootstrap, folder()?) else {
        return Ok(seen);
    };
    seen.complains = proxy.log().contains("fingerpost: ");
    for _ in 0..DRAWS {
        proxy.send("GET /split HTTP/1.1\r\nhost: a.test\r\n\r\n")?;
    }
    seen.clusters = proxy.echo.take().into_iter().map(|it| it.cluster).collect();
    let stats = proxy
        .envoy
        .get("/stats?filter=fingerpost")
        .map_err(|error| error.to_string())?;
    let has = |metric: &str| stats.lines().any(|line| line == metric);
    seen.has_metrics = [
        has(&format!("wasmcustom.fingerpost_requests_routed: {DRAWS}")),
        has("wasmcustom.fingerpost_config_revision_t: 7"),
    ];
    seen.with_key = Some(proxy.ask(&format!("x-fingerpost-route: {key}\r\n"))?);
    proxy.envoy.stop(); // writes its access log out
    let log = std::fs::read_to_string(&access_log).map_err(|error| error.to_string())?;
    seen.names_rules = log.contains(r#""default/shop http[0].match[0] in a.test:80""#);
    Ok(seen)
}

/// Whether the module runs on in little memory, in the simulator.
fn is_bounded(capabilities: &[&str]) -> Result<bool, String> {
    let (mut bootstrap, _) = compiled_bootstrap()?;
    let configuration = std::cell::RefCell::new(String::new());
    change_plugins(&mut bootstrap, &|plugin| {
        *configuration.borrow_mut() = plugin["configuration"]["value"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
    });
    let plugin = Plugin::of(module()?)
        .config(configuration.into_inner())
        .memory(MEMORY);
    let plugin = capabilities
        .iter()
        .fold(plugin, |plugin, name| plugin.capability(*name));
    let Ok(mut simulator) = plugin.start() else {
        return Ok(false);
    };
    for _ in 0..REQUESTS {
        let pairs = [(":authority", "a.test"), (":path", "/split")];
        let headers = pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        simulator.decide(Headers::from_list(HeaderMap::Request, headers.into()));
        if simulator.take_failures().pop().is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A module that calls one function more is refused it, and the request goes on.
fn others_are_refused() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    // The module needs one function to see what it is to do; it answers by itself with another.
    let with_get = [&CAPABILITIES[..], &["proxy_get_header_map_value"]].concat();
    let with_both = [&with_get[..], &["proxy_send_local_response"]].concat();
    for (allowed, status) in [(&[][..], 418), (&with_both, 418), (&with_get, 404)] {
        let (mut bootstrap, key) = compiled_bootstrap()?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let module = folder.path().join("stand-in.wasm");
        std::fs::write(&module, stand_in(&key)?).map_err(|error| error.to_string())?;
        change_plugins(&mut bootstrap, &|plugin| {
            plugin["vm_config"]["code"] = json!({"local": {"filename": module}});
            plugin["capability_restriction_config"] = allow(allowed);
        });
        let proxy = Proxy::start(bootstrap, folder)?;
        let what = format!("a call of proxy_send_local_response with {allowed:?}");
        expect(&what, proxy.ask("x-beyond: 1\r\n")?, status)?;
    }
    Ok(())
}

/// What the filters declare of the proxy's functions is on the list, and `compile` writes the list.
fn all_are_listed() -> Result<(), String> {
    let file = repository::root().join("filters/filter-kit/src/hostcalls.rs");
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let blocks = text.split("unsafe extern \"C\" {").skip(1);
    let is_of_proxy = |name: &&str| !name.starts_with("proxy_on_");
    let declared: BTreeSet<&str> = blocks
        .filter_map(|rest| rest.split_once("\n}").map(|(block, _)| block))
        .flat_map(|block| block.split("fn ").skip(1))
        .filter_map(|rest| rest.split_once('(').map(|(name, _)| name))
        .filter(is_of_proxy)
        .collect();
    let listed: BTreeSet<&str> = CAPABILITIES.into_iter().filter(is_of_proxy).collect();
    if declared != listed {
        return Err(format!(
            "hostcalls.rs declares {declared:?}, and CAPABILITIES has {listed:?}"
        ));
    }
    let (mut bootstrap, _) = compiled_bootstrap()?;
    let written = std::cell::RefCell::new(Value::Null);
    change_plugins(&mut bootstrap, &|plugin| {
        *written.borrow_mut() = plugin["capability_restriction_config"].clone();
    });
    match written.into_inner() == allow(&CAPABILITIES) {
        true => Ok(()),
        false => Err("`compile` does not write the list".to_owned()),
    }
}

/// The module has no callback that Envoy may not make: `filters/link-filter.sh` leaves out the others of the SDK.
fn all_are_exported() -> Result<(), String> {
    let module = std::fs::read(built_module()?).map_err(|error| error.to_string())?;
    let exports = exports(&module).ok_or("the module's exports cannot be read")?;
    let is_callback = |name: &&str| name.starts_with("proxy_on_") && *name != "proxy_on_memory_allocate";
    let exported: BTreeSet<&str> = exports.iter().map(String::as_str).filter(is_callback).collect();
    let listed: BTreeSet<&str> = CAPABILITIES.into_iter().filter(is_callback).collect();
    match exported == listed {
        true => Ok(()),
        false => Err(format!(
            "the module exports {exported:?}, and CAPABILITIES has {listed:?}"
        )),
    }
}

/// The names of a module's exports: the WebAssembly specification, sections 5.5.2 and 5.5.10.
fn exports(module: &[u8]) -> Option<Vec<String>> {
    const EXPORTS: u8 = 7;
    let mut rest = module.get(8..)?;
    loop {
        let (id, after) = rest.split_first()?;
        rest = after;
        let length = number(&mut rest)?;
        let (mut section, after) = rest.split_at_checked(length)?;
        rest = after;
        if *id == EXPORTS {
            let count = number(&mut section)?;
            let export = |_| {
                let length = number(&mut section)?;
                let (name, after) = section.split_at_checked(length)?;
                section = after.get(1..)?; // what kind of thing it is
                number(&mut section)?;
                String::from_utf8(name.to_vec()).ok()
            };
            return (0..count).map(export).collect();
        }
    }
}

/// A number of LEB128.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7F) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn allow(capabilities: &[&str]) -> Value {
    let allowed = capabilities.iter().map(|name| ((*name).to_owned(), json!({})));
    json!({"allowed_capabilities": allowed.collect::<Map<_, _>>()})
}

/// Only the filter removes keys of clients then.
fn without_early_removal(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.remove("early_header_mutation_extensions");
            fields
                .values_mut()
                .for_each(|it| *it = without_early_removal(it.take()));
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|it| *it = without_early_removal(it.take())),
        _ => {}
    }
    value
}
