//! The benchmark from end to end, with small tables and short turns: every proxy answers the request to the last rule
//! from the service of that rule, or the run fails. How quick they are is not judged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const KINDS: [&str; 6] = ["exact", "prefix", "regex", "header", "hosts", "mix"];

/// Cargo's target folder, where `cargo xtask test` has put the modules.
fn target() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_fingerpost-bench"));
    let target = program.ancestors().nth(2);
    target.expect("the program lies in the target folder").to_owned()
}

fn bench(arguments: &[&str], module: &Path) -> Output {
    let empty = target().join("filters/wasm32-wasip1/wasm/fingerpost_empty_filter.wasm");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost-bench"));
    command
        .args(arguments)
        .args(["--rounds", "1", "--seconds", "0.05", "--module"])
        .arg(module)
        .arg("--empty-module")
        .arg(empty);
    command.output().expect("the benchmark runs")
}

fn results(arguments: &[&str]) -> Value {
    let folder = TempDir::new().expect("a folder");
    let (json, svg) = (
        folder.path().join("results.json"),
        folder.path().join("chart.svg"),
    );
    let files = [
        "--json",
        json.to_str().expect("UTF-8"),
        "--svg",
        svg.to_str().expect("UTF-8"),
    ];
    let output = bench(&[arguments, &files].concat(), &target().join("fingerpost.wasm"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("requests/s"));
    assert!(fs::read_to_string(svg).expect("a chart").contains("<circle"));
    serde_json::from_str(&fs::read_to_string(json).expect("results")).expect("JSON")
}

#[test]
fn all_ways_to_route_answer_from_the_service_of_the_last_rule() {
    let results = results(&[
        "--kinds",
        &KINDS.join(","),
        "--rules",
        "12",
        "--proxies",
        "fingerpost,native,lua",
    ]);
    let tables = results["tables"].as_array().expect("tables");
    assert_eq!(tables.len(), KINDS.len());
    for table in tables {
        let measured = table["results"].as_array().expect("results");
        let proxies: Vec<_> = measured.iter().map(|it| it["proxy"].as_str()).collect();
        assert_eq!(proxies, [Some("fingerpost"), Some("native"), Some("lua")]);
        for result in measured {
            for field in ["requests_per_second", "cpu_us", "start_s", "memory_mib"] {
                assert!(
                    result[field].as_f64().is_some_and(|it| it > 0.0),
                    "{field}: {result}"
                );
            }
        }
    }
}

#[test]
fn proxies_that_do_not_choose_are_the_same_for_every_table() {
    let results = results(&["--kinds", "mix", "--rules", "5,50", "--proxies", "alone,empty"]);
    let tables = results["tables"].as_array().expect("tables");
    let sizes = |table: &Value| -> Vec<Option<u64>> {
        let measured = table["results"].as_array().expect("results");
        measured.iter().map(|it| it["config_bytes"].as_u64()).collect()
    };
    // But for the paths of temporary folders, which have the same length.
    assert_eq!(sizes(&tables[0]), sizes(&tables[1]));
    assert!(results["module_bytes"]["empty"].as_u64() < results["module_bytes"]["fingerpost"].as_u64());
}

#[test]
fn a_module_that_is_missing_is_named() {
    let output = bench(&["--rules", "1"], Path::new("nowhere.wasm"));
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.wasm is missing"));
}
