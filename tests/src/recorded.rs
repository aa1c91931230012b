//! The recorded form of an outcome (`conformance/README.md`): what a case leaves out, and what its echo servers tell.
//!
//! An engine answers with every header. Only here is left out what any proxy adds and what the harness itself sends.
//! The tests of `proxy-model` and of the command include this file, so it knows JSON alone.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What any proxy adds to a request, and what the harness itself does.
#[must_use]
pub fn is_any_proxys(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
        "x-case",
        "x-echo",
        "x-envoy-attempt-count",
        "x-envoy-decorator-operation",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-external-address",
        "x-envoy-internal",
        "x-request-id",
    ];
    NAMES.contains(&name) || name.starts_with("x-forwarded-")
}

/// What any answer carries.
#[must_use]
pub fn is_any_answers(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "connection",
        "content-length",
        "date",
        "server",
        "transfer-encoding",
        "x-echo-cluster",
        "x-envoy-upstream-service-time",
    ];
    NAMES.contains(&name)
}

/// Leaves out of the model's outcome what a case does not record.
pub fn reduce(outcome: &mut Value) {
    let Value::Object(fields) = outcome else { return };
    if let Some(Value::Object(upstream)) = fields.get_mut("upstream") {
        retain(upstream, "headers", |name| !is_any_proxys(name));
    }
    retain(fields, "response_headers", |name| !is_any_answers(name));
    if fields.get("body").and_then(Value::as_str) == Some("ok") && fields.get("status") == Some(&200.into()) {
        fields.remove("body");
    }
}

/// Tells which cluster answered as a client of echo servers would: by the header `x-echo-cluster`, as it arrives.
/// Without it, a lone cluster that was asked is the one.
pub fn tell_by_echoes(outcome: &mut Value) {
    let Value::Object(fields) = outcome else { return };
    let Some(cluster) = text(fields, "cluster") else {
        return;
    };
    let mirrors = fields.get("mirrors").and_then(Value::as_array);
    let mirrors = mirrors.into_iter().flatten().filter_map(Value::as_str);
    let mut asked: BTreeSet<String> = mirrors.map(str::to_owned).collect();
    asked.insert(cluster.clone());
    let only = asked.first().filter(|_| asked.len() == 1).cloned();
    let main = header(fields.get("response_headers"), "x-echo-cluster").or(only);
    if main.as_ref() != Some(&cluster) {
        fields.remove("attempts");
    }
    if main.as_ref().is_none_or(|it| !asked.contains(it)) {
        fields.remove("upstream");
    }
    let others = asked.into_iter().filter(|it| Some(it) != main.as_ref());
    let others: Vec<Value> = others.map(Value::from).collect();
    for name in ["cluster", "mirrors"] {
        fields.remove(name);
    }
    let others_are = if main.is_some() { "mirrors" } else { "hits" };
    if !others.is_empty() {
        fields.insert(others_are.to_owned(), others.into());
    }
    fields.extend(main.map(|it| ("cluster".to_owned(), it.into())));
}

fn retain(fields: &mut Map<String, Value>, name: &str, keep: impl Fn(&str) -> bool) {
    if let Some(Value::Array(headers)) = fields.get_mut(name) {
        headers.retain(|header| keep(header[0].as_str().unwrap_or_default()));
    }
}

fn header(headers: Option<&Value>, name: &str) -> Option<String> {
    let mut headers = headers?.as_array()?.iter();
    let found = headers.find(|header| header[0] == name)?;
    found[1].as_str().map(str::to_owned)
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name)?.as_str().map(str::to_owned)
}
