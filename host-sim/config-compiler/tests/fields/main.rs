//! Every field of Istio's five kinds has an outcome: it changes the output, there is a finding, or it is documented.
//!
//! `inputs.rs` has inputs that together set every field. Each field is taken away, or changed where it is required, and
//! the compilation is compared. `docs/fields.md` holds the outcome of every field; it is written again by
//! `FINGERPOST_ACCEPT=1 cargo test -p fingerpost-config-compiler --test fields`.
//! `istio-fields.txt` holds the fields of the newest schema that Istio ships
//! (`manifests/charts/base/files/crd-all.gen.yaml`, at 86c9f01): a field of it that is not read is a failure too.

mod inputs;
mod without_effect;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use fingerpost_config_compiler::{Options, compile};
use fingerpost_resources::{Diagnostics, Severity, Source, field_paths, read, validate};
use serde_json::Value;

use inputs::{Input, inputs, other_value, world};
use without_effect::WITHOUT_EFFECT;

/// What came of one input.
#[derive(PartialEq)]
struct Result {
    output: String,
    findings: BTreeSet<(Severity, &'static str, String, String)>,
}

/// What a field does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Output,
    Finding(BTreeSet<&'static str>),
    Nothing,
}

#[test]
fn every_field_that_is_read_has_an_outcome() {
    let (outcomes, mut faults) = OUTCOMES.clone();
    for path in field_paths() {
        match (outcomes.get(&path), reason(&path)) {
            (None, _) => faults.push(format!("{path}: no input sets it")),
            (Some(Outcome::Nothing), None) => faults.push(format!("{path}: is dropped in silence")),
            (Some(Outcome::Output), Some(_)) => faults.push(format!("{path}: has an effect")),
            (Some(_), _) => {}
        }
    }
    let read: BTreeSet<String> = field_paths().into_iter().collect();
    for (path, _) in WITHOUT_EFFECT {
        if !read.contains(*path) {
            faults.push(format!("{path}: there is no such field"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_field_of_istio_s_schema_is_read() {
    let read: BTreeSet<String> = field_paths().into_iter().collect();
    let missing: Vec<&str> = include_str!("istio-fields.txt")
        .lines()
        // The older spelling of the same field.
        .filter(|path| !read.contains(&path.replace("mirror_percent", "mirrorPercent")))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_document_has_the_outcome_of_every_field() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fields.md");
    let document = document(&OUTCOMES.0);
    if std::env::var_os("FINGERPOST_ACCEPT").is_some() {
        std::fs::write(&path, &document).expect("docs/fields.md can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == document,
        "docs/fields.md is out of date: write it again with FINGERPOST_ACCEPT=1"
    );
}

/// Why a field has no effect; those of a policy have the same at every level.
fn reason(path: &str) -> Option<&'static str> {
    let path = canonical(path);
    let found = WITHOUT_EFFECT.iter().find(|(field, _)| *field == path);
    found.map(|(_, reason)| *reason)
}

/// The policy of a subset or a port has the fields of the policy of a host.
fn canonical(path: &str) -> String {
    path.replace(
        "DestinationRule.subsets.trafficPolicy",
        "DestinationRule.trafficPolicy",
    )
    .replace("trafficPolicy.portLevelSettings.", "trafficPolicy.")
    .replace(
        "DestinationRule.trafficPolicy.port",
        "DestinationRule.trafficPolicy.portLevelSettings.port",
    )
    .replace("portLevelSettings.portLevelSettings", "portLevelSettings")
}

/// What each field does, and what is wrong with the inputs.
static OUTCOMES: LazyLock<(BTreeMap<String, Outcome>, Vec<String>)> = LazyLock::new(outcomes);

fn outcomes() -> (BTreeMap<String, Outcome>, Vec<String>) {
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut undecided: BTreeMap<String, String> = BTreeMap::new();
    for input in inputs() {
        let before = run(&input, &input.spec);
        let errors: Vec<_> = before
            .findings
            .iter()
            .filter(|it| it.0 == Severity::Error)
            .collect();
        if !errors.is_empty() && !input.is_invalid {
            faults.push(format!("{}: {errors:?}", input.spec));
        }
        for (path, pointer) in fields(input.kind, &input.spec) {
            let outcome = match outcome(&input, &before, &path, &pointer) {
                Ok(outcome) => outcome,
                Err(fault) => {
                    undecided.insert(path, fault);
                    continue;
                }
            };
            let known = outcomes.entry(path).or_insert(Outcome::Nothing);
            if *known == Outcome::Nothing || outcome == Outcome::Output {
                *known = outcome;
            }
        }
    }
    // A message that can't be left out does what its fields do.
    undecided.retain(|path, _| !outcomes.contains_key(path));
    for (path, fault) in undecided {
        let inside = format!("{path}.");
        let best = outcomes
            .iter()
            .filter(|(it, _)| it.starts_with(&inside))
            .map(|(_, it)| it.clone())
            .min();
        match best {
            Some(outcome) => drop(outcomes.insert(path, outcome)),
            None => faults.push(fault),
        }
    }
    (outcomes, faults)
}

/// What changes without the field, or with another value of it where the input is invalid without.
fn outcome(
    input: &Input,
    before: &Result,
    path: &str,
    pointer: &str,
) -> std::result::Result<Outcome, String> {
    let mut spec = input.spec.clone();
    let (around, name) = pointer.rsplit_once('/').expect("a pointer to a field");
    let fields = spec
        .pointer_mut(around)
        .and_then(Value::as_object_mut)
        .expect("an object");
    let value = fields.shift_remove(name).expect("the field");
    let mut after = run(input, &spec);
    let is_error = |it: &&(Severity, &'static str, String, String)| it.0 == Severity::Error;
    let is_required = after
        .findings
        .difference(&before.findings)
        .any(|it| is_error(&it));
    let other = other_value(path, &value);
    if is_required && other.is_none() {
        return Err(format!(
            "{path} is required: `inputs.rs` needs another value than {value}"
        ));
    }
    if let Some(other) = other.filter(|_| is_required || *before == after) {
        let fields = spec
            .pointer_mut(around)
            .and_then(Value::as_object_mut)
            .expect("an object");
        fields.insert(name.to_owned(), other);
        after = run(input, &spec);
        let added: Vec<_> = after
            .findings
            .difference(&before.findings)
            .filter(is_error)
            .collect();
        if is_required && !added.is_empty() {
            return Err(format!("{path}: the other value is invalid: {added:?}"));
        }
    }
    if before.output != after.output {
        return Ok(Outcome::Output);
    }
    let codes: BTreeSet<&'static str> = before
        .findings
        .symmetric_difference(&after.findings)
        .map(|(_, code, _, _)| *code)
        .collect();
    if codes.is_empty() {
        return Ok(reported_around(before, pointer));
    }
    Ok(Outcome::Finding(codes))
}

/// Whether a finding says that a message around a field is not acted on.
fn reported_around(before: &Result, pointer: &str) -> Outcome {
    const CODES: [&str; 3] = ["no-effect", "policy-left-out", "plain-text-upstream"];
    let mut field = "spec".to_owned();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|it| it.is_ascii_digit()) {
            let _ = write!(field, "[{part}]");
        } else {
            let _ = write!(field, ".{part}");
        }
    }
    let holds = |around: &str| {
        field
            .strip_prefix(around)
            .is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    let around = before
        .findings
        .iter()
        .filter(|(_, code, path, _)| CODES.contains(code) && holds(path));
    let codes: BTreeSet<&'static str> = around.map(|(_, code, _, _)| *code).collect();
    if codes.is_empty() {
        return Outcome::Nothing;
    }
    Outcome::Finding(codes)
}

/// The fields of an object, with JSON pointers to them: `Gateway.servers.port`, `/servers/0/port`.
fn fields(kind: &str, spec: &Value) -> Vec<(String, String)> {
    let known: BTreeSet<String> = field_paths().into_iter().collect();
    let mut found = Vec::new();
    add_fields(kind, "", spec, &known, &mut found);
    found
}

fn add_fields(
    path: &str,
    pointer: &str,
    value: &Value,
    known: &BTreeSet<String>,
    found: &mut Vec<(String, String)>,
) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let (path, pointer) = (
                    format!("{path}.{name}"),
                    format!("{pointer}/{}", name.replace('/', "~1")),
                );
                // Keys of a map are no fields.
                if known.contains(&path) {
                    found.push((path.clone(), pointer.clone()));
                    add_fields(&path, &pointer, value, known, found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                add_fields(path, &format!("{pointer}/{index}"), item, known, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn run(input: &Input, spec: &Value) -> Result {
    let mut documents: Vec<String> = world(input.without).iter().map(Value::to_string).collect();
    documents.push(input.document(spec).to_string());
    let source = Source::new("input.yaml", documents.join("\n---\n"));
    let mut diagnostics = Diagnostics::new();
    let resources = read(vec![source], &mut diagnostics);
    validate(&resources, &|_| Ok(()), &mut diagnostics);
    let options = Options {
        locality: Some("a/x".parse().expect("a locality")),
        ..Options::default()
    };
    let compiled = compile(&resources, &options, &mut diagnostics);
    let files: Vec<String> = compiled.file_secrets.iter().map(|it| it.content()).collect();
    Result {
        output: format!("{}{:?}{files:?}", compiled.bootstrap_json(), compiled.chains),
        findings: diagnostics
            .into_iter()
            .map(|it| (it.severity, it.code.as_str(), it.path, it.message))
            .collect(),
    }
}

fn document(outcomes: &BTreeMap<String, Outcome>) -> String {
    let mut text = String::from(
        "# What each field does\n\n\
         Every field of Istio's Gateway, VirtualService, DestinationRule, ServiceEntry and WorkloadEntry, and what\n\
         `fingerpost compile` makes of it: it changes what Envoy runs (*acts*), `compile` reports it (*finding*, with the\n\
         code), or it has no effect on a gateway. A test holds this page: no field is dropped in silence.\n\n\
         Beside `redirect` or `directResponse`, a rule sends nothing to an upstream: its `timeout`, `retries`, mirrors and\n\
         `headers.request` do nothing there (finding: `no-effect`).\n\n\
         The policies of subsets and of `portLevelSettings` have the fields of `DestinationRule.trafficPolicy`.\n",
    );
    let mut kind = "";
    for path in field_paths() {
        if canonical(&path) != path {
            continue;
        }
        let (own, field) = path.split_once('.').unwrap_or((&path, ""));
        if own != kind {
            let _ = write!(text, "\n## {own}\n\n| field | outcome |\n|---|---|\n");
            kind = match own {
                "Gateway" => "Gateway",
                "VirtualService" => "VirtualService",
                "DestinationRule" => "DestinationRule",
                "ServiceEntry" => "ServiceEntry",
                _ => "WorkloadEntry",
            };
        }
        let outcome = match (outcomes.get(&path), reason(&path)) {
            (_, Some(reason)) => format!("no effect: {reason}"),
            (Some(Outcome::Output), None) => "acts".to_owned(),
            (Some(Outcome::Finding(codes)), None) => {
                let codes: Vec<String> = codes.iter().map(|it| format!("`{it}`")).collect();
                format!("finding: {}", codes.join(", "))
            }
            (Some(Outcome::Nothing) | None, None) => "none".to_owned(),
        };
        let _ = writeln!(text, "| `{field}` | {outcome} |");
    }
    text
}
