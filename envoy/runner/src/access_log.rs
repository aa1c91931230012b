//! What a started Envoy logs of each request: a line of JSON.
//!
//! The field names are for the program that reads the lines. A host or a path that a rule has changed is logged as the client sent
//! it; `sent_path` is what the upstream received. `named_rule` is the rule as Fingerpost's filter names it, and `rule` that of a
//! route which Envoy has matched by itself.

use serde_json::{Value, json};

/// The format, for `json_format`.
#[must_use]
pub fn access_log_format() -> Value {
    json!({
        "at": "%START_TIME_LOCAL(%H:%M:%S)%",
        "id": "%REQ(X-REQUEST-ID)%",
        "method": "%REQ(:METHOD)%",
        "authority": "%REQ(X-ENVOY-ORIGINAL-HOST?:AUTHORITY)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "sent_path": "%REQ(:PATH)%",
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "cluster": "%UPSTREAM_CLUSTER_RAW%",
        "host": "%UPSTREAM_HOST%",
        "ms": "%DURATION%",
        "local_port": "%DOWNSTREAM_LOCAL_PORT%",
        "rule": "%METADATA(ROUTE:fingerpost)%",
        "named_rule": "%FILTER_STATE(wasm.fingerpost.rule:PLAIN)%",
    })
}
