//! Our verdicts beside Istio's own, over the validation corpus.
//!
//! `expected.json` holds what Istio answered for each file; its README says what a correct tool does.

use std::path::{Path, PathBuf};

use fingerpost_resources::{Diagnostic, Diagnostics, Severity, Source, read, validate};
use fingerpost_routing::Pattern;
use serde_json::Value;

/// Cases that must agree; raised when more do.
const FLOOR: usize = 320;

#[test]
fn we_refuse_what_istio_refuses_and_accept_what_it_accepts() {
    let Some(folder) = corpus() else {
        println!("skipped: no conformance/validation beside this repository or in its tests");
        return;
    };
    let text = std::fs::read_to_string(folder.join("expected.json")).expect("expected.json can be read");
    let Ok(Value::Object(cases)) = serde_json::from_str(&text) else {
        panic!("expected.json is an object")
    };
    let mut differing = Vec::new();
    let mut refused_by_envoy = 0;
    for (name, expected) in &cases {
        let bytes = std::fs::read(folder.join(format!("{name}.yaml"))).expect("every case has its file");
        // What Envoy alone refuses is no difference from Istio.
        let (by_envoy, ours): (Vec<_>, Vec<_>) = judge(name, bytes)
            .into_iter()
            .partition(|it| it.code.as_str() == "envoy-refuses");
        refused_by_envoy += by_envoy.len();
        let differences = differences(expected, &ours);
        if !differences.is_empty() {
            differing.push(format!("{name}: {}", differences.join("; ")));
        }
    }
    let agreed = cases.len() - differing.len();
    println!(
        "{agreed} agreed, {} not; {refused_by_envoy} errors of Envoy's alone",
        differing.len()
    );
    for line in &differing {
        println!("  {line}");
    }
    assert!(
        agreed >= FLOOR,
        "{agreed} cases agree, {FLOOR} did before:\n{}",
        differing.join("\n")
    );
}

fn corpus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    ["tests/conformance/validation", "../shared/conformance/validation"]
        .iter()
        .map(|it| root.join(it))
        .find(|it| it.join("expected.json").is_file())
}

fn judge(name: &str, bytes: Vec<u8>) -> Vec<Diagnostic> {
    let mut diagnostics = Diagnostics::new();
    let resources = read(vec![Source::from_bytes(name, bytes)], &mut diagnostics);
    let check_regex = |text: &str| Pattern::parse(text).map(drop).map_err(|it| it.to_string());
    validate(&resources, &check_regex, &mut diagnostics);
    diagnostics.into_iter().collect()
}

fn differences(expected: &Value, ours: &[Diagnostic]) -> Vec<String> {
    let mut found = Vec::new();
    let errors: Vec<_> = ours.iter().filter(|it| it.severity == Severity::Error).collect();
    let listed = |value: &Value, key: &str| value[key].as_array().is_some_and(|it| !it.is_empty());
    let fields: Vec<_> = expected["at"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let named = |ours: &[&Diagnostic]| {
        ours.iter()
            .any(|it| fields.iter().any(|field| is_about(it, field)))
    };

    if expected["parsed"] == false {
        if errors.is_empty() {
            found.push(format!(
                "Istio can't read it ({}), we can",
                expected["parse_error"]
            ));
        } else if !named(&errors) {
            found.push(format!("it is about {fields:?}, we say {}", said(&errors)));
        }
        return found;
    }
    let mut to_name = Vec::new();
    for resource in expected["resources"].as_array().into_iter().flatten() {
        let text = |key: &str| resource[key].as_str().unwrap_or_default();
        let name = if text("name").is_empty() {
            "(no name)"
        } else {
            text("name")
        };
        let subject = format!("{} {}/{name}", text("kind"), text("namespace"));
        let ours: Vec<_> = ours.iter().filter(|it| it.subject == subject).collect();
        let errors: Vec<_> = ours
            .iter()
            .copied()
            .filter(|it| it.severity == Severity::Error)
            .collect();
        let excused = listed(resource, "schema_errors") || listed(expected, "strict_errors");
        match (resource["accepted"] == true, errors.is_empty()) {
            (true, false) if !excused => {
                found.push(format!("{subject}: Istio accepts it, we say {}", said(&errors)));
            }
            (false, true) => found.push(format!(
                "{subject}: Istio refuses it ({}), we accept it",
                resource["errors"]
            )),
            (false, false) => to_name.extend(errors),
            (true, _) => {}
        }
        let warnings: Vec<_> = ours
            .into_iter()
            .filter(|it| it.severity != Severity::Error)
            .collect();
        if listed(resource, "warnings") {
            if warnings.is_empty() {
                found.push(format!(
                    "{subject}: Istio warns ({}), we do not",
                    resource["warnings"]
                ));
            }
            to_name.extend(warnings);
        }
    }
    if !fields.is_empty() && !to_name.is_empty() && !named(&to_name) {
        found.push(format!("it is about {fields:?}, we say {}", said(&to_name)));
    }
    found
}

/// Whether a finding names `field`, its parent, or something below it; or its line.
fn is_about(it: &Diagnostic, field: &str) -> bool {
    if let Some(line) = field.strip_prefix("line ") {
        return it.span.as_ref().is_some_and(|span| span.line.to_string() == line);
    }
    let below = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
    };
    let parent = field.rsplit_once(['.', '[']).map_or("", |(parent, _)| parent);
    below(&it.path, field) || it.path == parent
}

fn said(ours: &[&Diagnostic]) -> String {
    ours.iter()
        .map(|it| format!("`{}: {}`", it.path, it.message))
        .collect::<Vec<_>>()
        .join(", ")
}
