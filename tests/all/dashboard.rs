//! The dashboard for Grafana is as Grafana's schema says, and asks for metrics and labels that a proxy has: those of a stock Envoy with
//! what `compile --xds` writes, after a request that no endpoint takes.

#[path = "../../host-sim/testing/src/read/json_schema.rs"]
mod json_schema;

use std::collections::BTreeSet;
use std::fs;

use fingerpost_envoy_runner::{Bootstrap, RunningEnvoy, StartOptions};
use fingerpost_tests::repository::root;
use fingerpost_xds::split;
use serde_json::{Value, json};

use crate::engines::{envoy, one_envoy_at_a_time};
use crate::operations::{ask, compile, operations, said};

/// Labels that Prometheus adds, and the one of its buckets.
const ADDED: [&str; 3] = ["instance", "job", "le"];

pub(crate) fn is_as_grafanas_schema_says() -> Result<(), String> {
    let schema = read("tests/all/dashboard/schema.json")?;
    let fits = |dashboard: &Value| json_schema::fits(&schema, &schema, dashboard);
    let dashboard = read(DASHBOARD)?;
    if !fits(&dashboard) {
        return Err(format!("{DASHBOARD} is not as Grafana's schema says"));
    }
    for (pointer, wrong) in [
        ("/title", json!(1)),
        ("/graphTooltip", json!(3)),
        ("/time/form", json!("now-1h")),
        ("/templating/list/0/type", json!("datasources")),
        ("/panels/0/gridPos/w", json!(0)),
        ("/panels/0/type", json!(null)),
        ("/panels/0/fieldConfig/defaults/unit", json!(5)),
        ("/panels/0/tragets", json!([])),
    ] {
        let mut broken = dashboard.clone();
        set(&mut broken, pointer, wrong)?;
        if fits(&broken) {
            return Err(format!("the schema takes a wrong {pointer}"));
        }
    }
    Ok(())
}

const DASHBOARD: &str = "docs/deploy/grafana-dashboard.json";

fn read(path: &str) -> Result<Value, String> {
    let text = fs::read_to_string(root().join(path)).map_err(said)?;
    serde_json::from_str(&text).map_err(said)
}

/// Sets the field that the pointer names; the object around it must be there.
fn set(value: &mut Value, pointer: &str, field: Value) -> Result<(), String> {
    let (object, name) = pointer.rsplit_once('/').ok_or("a pointer")?;
    let object = value.pointer_mut(object).and_then(Value::as_object_mut);
    let object = object.ok_or_else(|| format!("the dashboard has nothing around {pointer}"))?;
    object.insert(name.to_owned(), field);
    Ok(())
}

pub(crate) fn asks_for_metrics_that_exist() -> Result<(), String> {
    let dashboard = read(DASHBOARD)?;
    let expressions = expressions(&dashboard);
    let series = series()?;
    let mut checked = 0;
    for expression in &expressions {
        for metric in metrics(expression) {
            let lines = || series.iter().filter(|it| it.starts_with(&format!("{metric}{{")));
            if lines().next().is_none() {
                return Err(format!("no metric {metric}: {expression}"));
            }
            for label in labels(expression) {
                if !lines().any(|it| it.contains(&format!("{label}=\""))) {
                    return Err(format!("{metric} has no label {label}: {expression}"));
                }
            }
            checked += 1;
        }
    }
    match checked {
        0..12 => Err(format!("only {checked} metrics were found in {expressions:?}")),
        _ => Ok(()),
    }
}

/// What all panels ask for.
fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let targets = panels.flat_map(|it| it["targets"].as_array().into_iter().flatten());
    targets
        .filter_map(|it| it["expr"].as_str())
        .map(str::to_owned)
        .collect()
}

/// The names before a `{`.
fn metrics(expression: &str) -> Vec<String> {
    let before = expression.split('{').rev().skip(1);
    before
        .filter_map(|text| {
            text.rsplit(|it: char| !it.is_ascii_alphanumeric() && it != '_')
                .next()
        })
        .map(str::to_owned)
        .collect()
}

/// The labels by which it groups and filters.
fn labels(expression: &str) -> BTreeSet<&str> {
    let groups = expression.split("by (").skip(1);
    let groups = groups
        .filter_map(|it| Some(it.split_once(')')?.0))
        .flat_map(|it| it.split(','));
    let filters = expression.split('{').skip(1);
    let filters = filters
        .filter_map(|it| Some(it.split_once('}')?.0))
        .flat_map(|it| it.split(','));
    let filters = filters.filter_map(|it| Some(it.split_once('=')?.0));
    groups
        .chain(filters)
        .map(str::trim)
        .filter(|it| !it.is_empty() && !ADDED.contains(it))
        .collect()
}

/// What Prometheus would get of a proxy.
fn series() -> Result<Vec<String>, String> {
    let _turn = one_envoy_at_a_time();
    let folder = tempfile::tempdir().map_err(said)?;
    let xds = folder.path().join("xds");
    fs::create_dir(&xds).map_err(said)?;
    let compiled = compile(operations(), 0)?;
    let divided = split(&compiled.bootstrap, &xds.to_string_lossy());
    for file in divided.files.files() {
        fs::write(xds.join(&file.name), &file.content).map_err(said)?;
    }
    let bootstrap = Bootstrap(serde_json::to_value(&divided.bootstrap).map_err(said)?);
    let running = RunningEnvoy::start(&envoy()?, &bootstrap, folder.path(), StartOptions::default());
    let running = running.map_err(said)?;
    let reply = ask(&running, "0.0.0.0_80", "a.test", "/v1/x", "")?;
    if reply.status != 503 {
        return Err(format!("a request without an endpoint: {reply:?}"));
    }
    let text = running.get("/stats/prometheus").map_err(said)?;
    Ok(text
        .lines()
        .filter(|it| !it.starts_with('#'))
        .map(str::to_owned)
        .collect())
}
