//! A scenario in a stock Envoy.

use crate::client;
use crate::guests::Guests;
use crate::scenarios::{Chosen, Scenario};
use crate::seen::{Exchange, Seen, line};
use crate::upstream::Upstream;
use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary, RunningEnvoy, StartOptions};
use fingerpost_simulator::FailurePolicy;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) fn run(
    scenario: &Scenario,
    guests: &Guests,
    binary: &EnvoyBinary,
    expected: &Seen,
    pause: Duration,
) -> Result<Seen, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    for chosen in &scenario.plugins {
        let wasm = guests.get(chosen.guest).ok_or("no such guest")?;
        let path = directory.path().join(format!("{}.wasm", chosen.guest));
        std::fs::write(path, wasm).map_err(|error| error.to_string())?;
    }
    let upstream = Upstream::start(pause).map_err(|error| error.to_string())?;
    let auth = Upstream::start(pause).map_err(|error| error.to_string())?;
    let grpc = crate::grpc::start().map_err(|error| error.to_string())?;
    let mut bootstrap = bootstrap(scenario, directory.path(), &upstream, &auth);
    if let Some(clusters) = bootstrap["static_resources"]["clusters"].as_array_mut() {
        clusters.push(cluster("grpc", grpc, "http2_protocol_options", &json!({})));
    }
    let options = StartOptions {
        component_log_level: Some("wasm:info".to_owned()),
        ..StartOptions::default()
    };
    let envoy = RunningEnvoy::start(binary, &Bootstrap(bootstrap), directory.path(), options)
        .map_err(|error| error.to_string())?;
    let listeners = envoy.listeners().map_err(|error| error.to_string())?;
    let listener = listeners.first().ok_or("no listener")?.address;
    let begun = said(scenario, &envoy.log()).len();
    let mut seen = Seen {
        start: said(scenario, &envoy.log()),
        ..Seen::default()
    };
    for request in &scenario.requests {
        if let Some(pause) = scenario.pause {
            thread::sleep(pause);
        }
        let client = client::send(listener, request, pause).map_err(|error| {
            let log = envoy.log();
            let last: Vec<&str> = log.lines().rev().take(30).collect();
            format!(
                "{request:?}\nno answer: {error}\n{}",
                last.into_iter().rev().collect::<Vec<_>>().join("\n")
            )
        })?;
        let mut asked = auth.take();
        asked.sort_by(|a, b| a.body.cmp(&b.body)); // calls run side by side
        asked.extend(upstream.take());
        seen.requests.push(Exchange {
            client,
            upstream: asked,
        });
    }
    // The last lines are written after the response.
    let patience = Instant::now() + Duration::from_secs(3);
    loop {
        seen.log = said(scenario, &envoy.log()).split_off(begun);
        if seen.log.len() == expected.log.len() || Instant::now() > patience {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let stats = envoy.stats("wasmcustom").map_err(|error| error.to_string())?;
    seen.metrics = stats
        .into_iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("wasmcustom.")?.to_owned(), value)))
        .collect();
    if std::env::var_os("FINGERPOST_VERBOSE").is_some() {
        eprintln!("{}", envoy.log());
    }
    envoy.stop();
    Ok(seen)
}

fn said(scenario: &Scenario, log: &str) -> Vec<String> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut ours = false;
    for text in log.lines() {
        let begins = text.starts_with("20");
        match text
            .split_once("wasm log")
            .and_then(|(_, rest)| rest.split_once(": "))
        {
            Some((prefix, message)) if begins => lines.push((prefix, message.to_owned())),
            // What a guest writes may have several lines.
            _ if !begins && ours => {
                if let Some((_, message)) = lines.last_mut() {
                    *message += &format!("\n{text}");
                }
            }
            _ => {}
        }
        ours = (!begins && ours) || (begins && text.contains("wasm log"));
    }
    lines
        .iter()
        .filter_map(|(prefix, message)| line(scenario, prefix, message))
        .collect()
}

fn bootstrap(scenario: &Scenario, directory: &Path, upstream: &Upstream, auth: &Upstream) -> Value {
    let mut filters: Vec<Value> = scenario.plugins.iter().map(|it| filter(it, directory)).collect();
    filters.push(json!({
        "name": "router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    let mut route = json!({"cluster": "upstream"});
    if let Some(timeout) = scenario.route_timeout {
        route["timeout"] = json!(format!("{}s", timeout.as_secs_f64()));
    }
    let http = |name: &str, address| {
        cluster(
            name,
            address,
            "http_protocol_options",
            &json!({"enable_trailers": true}),
        )
    };
    json!({"static_resources": {
        "listeners": [{
            "name": "l",
            "per_connection_buffer_limit_bytes": scenario.buffer_limit.unwrap_or(1024 * 1024),
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{"name": "hcm", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "compare",
                "delayed_close_timeout": "0.1s",
                "http_protocol_options": {"enable_trailers": true},
                "route_config": {"virtual_hosts": [{
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": route}],
                }]},
                "http_filters": filters,
            }}]}],
        }],
        "clusters": [http("upstream", upstream.address), http("auth", auth.address)],
    }})
}

fn cluster(name: &str, address: SocketAddr, protocol: &str, options: &Value) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {protocol: options},
        }},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": address.port()}},
        }}]}]},
    })
}

fn filter(chosen: &Chosen, directory: &Path) -> Value {
    let string =
        |value: &str| json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": value});
    let (policy, reload) = match chosen.policy {
        FailurePolicy::Closed => ("FAIL_CLOSED", None),
        FailurePolicy::Open => ("FAIL_OPEN", None),
        FailurePolicy::Reload { backoff } => ("FAIL_RELOAD", Some(format!("{}s", backoff.as_secs_f64()))),
    };
    let mut config = json!({
        "name": chosen.name,
        "root_id": chosen.root_id,
        "failure_policy": policy,
        "configuration": string(chosen.configuration),
        "allow_on_headers_stop_iteration": chosen.stop_iteration,
        "vm_config": {
            "vm_id": chosen.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "configuration": string(chosen.vm_configuration),
            "code": {"local": {"filename": directory.join(format!("{}.wasm", chosen.guest))}},
        },
    });
    if let Some(interval) = reload {
        config["reload_config"] = json!({"backoff": {"base_interval": interval}});
    }
    if !chosen.environment.is_empty() {
        let values: serde_json::Map<_, _> = chosen
            .environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        config["vm_config"]["environment_variables"] = json!({"key_values": values});
    }
    if !chosen.capabilities.is_empty() {
        let allowed: serde_json::Map<_, _> = chosen
            .capabilities
            .iter()
            .map(|name| ((*name).to_owned(), json!({})))
            .collect();
        config["capability_restriction_config"] = json!({"allowed_capabilities": allowed});
    }
    json!({
        "name": format!("wasm-{}", chosen.name),
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": config,
        },
    })
}
