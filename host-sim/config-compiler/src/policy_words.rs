//! The policies of a route in words, read from what is written for Envoy: so defaults are told too.

use serde_json::Value;

use crate::detail::{AbortDetail, PolicyDetail};
use crate::proto::Fields;
use crate::routes::Route;

const CORS: &str = "envoy.filters.http.cors";
const FAULT: &str = "envoy.filters.http.fault";

/// The policies of a route; `action` has those of a route that forwards. `lost` says why a cluster takes no copies.
pub(crate) fn of(
    route: &Route<'_>,
    action: Option<&Fields>,
    lost: impl Fn(&str) -> Option<String>,
) -> Vec<PolicyDetail> {
    let mut found = Vec::new();
    let mut add = |name: &'static str, words: Option<String>| {
        let Some(words) = words else { return };
        let path = format!("{}.{name}", route.rule_path());
        let span = route.leaf.origin.has(&path).then(|| route.leaf.origin.at(&path));
        found.push(PolicyDetail { name, words, span });
    };
    let filters = route.outer.get("typed_per_filter_config");
    add("fault", filters.and_then(|it| it.get(FAULT)).map(fault));
    add("corsPolicy", filters.and_then(|it| it.get(CORS)).map(cors));
    let Some(action) = action else { return found };
    let timeout = action.get("timeout").and_then(Value::as_str);
    add("timeout", timeout.filter(|it| *it != "0s").map(str::to_owned));
    add("retries", action.get("retry_policy").map(retries));
    let mirrors = action.get("request_mirror_policies").and_then(Value::as_array);
    let (one, several) = ("mirror", "mirrors");
    for mirror in mirrors.into_iter().flatten() {
        let name = match route.leaf.origin.has(&format!("{}.mirrors", route.rule_path())) {
            true => several,
            false => one,
        };
        let words = mirror_words(mirror);
        let words = match lost(text(mirror, "cluster")) {
            Some(reason) => format!("{words}, but the copies are lost: {reason}"),
            None => words,
        };
        add(name, Some(words));
    }
    let hashes = action.get("hash_policy").and_then(Value::as_array);
    for hash in hashes.into_iter().flatten() {
        add("consistentHash", Some(hash_words(hash)));
    }
    found
}

/// The percentage of the requests that the route's fault aborts, and the HTTP status of the answer. None if the fault
/// aborts none.
pub(crate) fn abort(route: &Route<'_>) -> Option<AbortDetail> {
    let filters = route.outer.get("typed_per_filter_config")?;
    let abort = filters.get(FAULT)?.get("abort")?;
    let percent = in_percent(abort.get("percentage")?);
    // Envoy answers an abort that has a gRPC status with 200 and the header `grpc-status`.
    let status = abort.get("http_status").map_or(Some(200), Value::as_u64)?;
    (percent > 0.0).then_some(AbortDetail {
        percent,
        status: u16::try_from(status).ok()?,
    })
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn retries(policy: &Value) -> String {
    let attempts = policy.get("num_retries").and_then(Value::as_u64).unwrap_or(0);
    let mut words = format!(
        "up to {attempts} on {}",
        text(policy, "retry_on").replace(',', ", ")
    );
    let codes = policy.get("retriable_status_codes").and_then(Value::as_array);
    if let Some(codes) = codes {
        let codes: Vec<String> = codes.iter().map(Value::to_string).collect();
        words.push_str(&format!(" ({})", codes.join(", ")));
    }
    if let Some(timeout) = policy.get("per_try_timeout").and_then(Value::as_str) {
        words.push_str(&format!(", {timeout} each"));
    }
    words
}

/// A fraction as Envoy writes it, in percent.
fn percent(fraction: &Value) -> String {
    format!("{} %", in_percent(fraction))
}

fn in_percent(fraction: &Value) -> f64 {
    let numerator = fraction.get("numerator").and_then(Value::as_f64).unwrap_or(0.0);
    match fraction.get("denominator").and_then(Value::as_str) {
        Some("MILLION") => numerator / 10_000.0,
        _ => numerator,
    }
}

fn fault(fault: &Value) -> String {
    let delay = fault.get("delay").map(|it| {
        let share = it.get("percentage").map(percent).unwrap_or_default();
        format!("{share} are delayed by {}", text(it, "fixed_delay"))
    });
    let abort = fault.get("abort").map(|it| {
        let share = it.get("percentage").map(percent).unwrap_or_default();
        let (what, status) = match (it.get("http_status"), it.get("grpc_status")) {
            (Some(status), _) => ("", status.to_string()),
            (None, Some(status)) => ("gRPC status ", status.to_string()),
            (None, None) => ("", String::new()),
        };
        format!("{share} are answered {what}{status}")
    });
    [delay, abort]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

fn cors(policy: &Value) -> String {
    let origins = policy.get("allow_origin_string_match").and_then(Value::as_array);
    let origins: Vec<String> = origins
        .into_iter()
        .flatten()
        .map(|it| match (it.get("exact"), it.get("prefix")) {
            (Some(Value::String(text)), _) => text.clone(),
            (_, Some(Value::String(text))) => format!("{text}…"),
            _ => it
                .pointer("/safe_regex/regex")
                .and_then(Value::as_str)
                .map(|regex| format!("~ {regex}"))
                .unwrap_or_default(),
        })
        .collect();
    let mut words = match origins.as_slice() {
        [] => "no origin".to_owned(),
        some => format!("origins {}", some.join(", ")),
    };
    let methods = text(policy, "allow_methods");
    if !methods.is_empty() {
        words.push_str(&format!("; methods {methods}"));
    }
    words
}

fn mirror_words(mirror: &Value) -> String {
    let share = mirror.pointer("/runtime_fraction/default_value").map(percent);
    format!(
        "{} are copied to {}",
        share.unwrap_or_default(),
        text(mirror, "cluster")
    )
}

fn hash_words(hash: &Value) -> String {
    let by = |pointer: &str| hash.pointer(pointer).and_then(Value::as_str);
    if let Some(name) = by("/header/header_name") {
        format!("by header {name}")
    } else if let Some(name) = by("/cookie/name") {
        format!("by cookie {name}")
    } else if let Some(name) = by("/query_parameter/name") {
        format!("by query parameter {name}")
    } else {
        "by the client's address".to_owned()
    }
}
