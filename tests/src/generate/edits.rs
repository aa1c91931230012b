//! Header edits: most of what could tell a path that a filter rewrote from one that Envoy's router rewrites.

use serde_json::{Map, Value, json};

use super::Dice;

const NAMES: &[&str] = &[
    "x-a",
    "x-b",
    "x-n",
    "X-N",
    "x-envoy-original-path",
    "X-Envoy-Original-Path",
    "host",
    ":authority",
    ":path",
    "content-type",
    "location",
    "server-extra",
    "cookie",
    "user-agent",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-max-retries",
    "x-envoy-attempt-count",
    "te",
    "x-forwarded-for",
    "x-forwarded-proto",
    "via",
    "x-envoy-retry-on",
];

/// None that differs from one request to the next, and none that reads the dispatch header: its name is the filter's.
const VALUES: &[&str] = &[
    "1",
    "2",
    "a",
    "a,b",
    "%REQ(:PATH)%",
    "%REQ(X-ENVOY-ORIGINAL-PATH)%",
    "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "%REQ(:path?x-a):3%",
    "%PATH(WQ:ORIG)%",
    "%PATH(NQ:PATH)%",
    "%PATH(WQ:ORIG_OR_PATH)%",
    "%PATH(NQ)%",
    "%QUERY_PARAM(q)%",
    "%QUERY_PARAMS(ORIG)%",
    "%REQ(X-A)%",
    "%REQ(:AUTHORITY)%",
    "%REQ(HOST)%",
    "%REQ(:METHOD)%",
    "%REQ(:SCHEME)%",
    "%ROUTE_NAME%",
    "%VIRTUAL_CLUSTER_NAME%",
    "%UPSTREAM_CLUSTER%",
    "%RESPONSE_CODE%",
    "%RESPONSE_CODE_DETAILS%",
    "%RESPONSE_FLAGS%",
    "%PROTOCOL%",
    "%%",
    "100%%",
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "%RESP(CONTENT-TYPE)%",
    "%RESP(x-n)%",
    "%METADATA(ROUTE:istio:config)%",
    "%METADATA(CLUSTER:istio)%",
    "%REQ(x-n)%",
    "%BYTES_RECEIVED%",
    "%COALESCE({\"operators\": [{\"command\": \"REQ\", \"param\": \":path\"}]})%",
    "%CEL(request.path)%",
    "%HOSTNAME%x",
    "%DYNAMIC_METADATA(a:b)%",
    "%FILTER_STATE(wasm.a)%",
    "é",
];

/// A `headers` block of a rule or of a destination.
pub(crate) fn headers(dice: &mut Dice) -> Value {
    let mut fields = Map::new();
    if !dice.one_in(4) {
        fields.insert("request".to_owned(), operations(dice));
    }
    if dice.one_in(2) {
        fields.insert("response".to_owned(), operations(dice));
    }
    Value::Object(fields)
}

fn operations(dice: &mut Dice) -> Value {
    let mut fields = Map::new();
    for kind in ["set", "add"] {
        if dice.one_in(2) {
            let mut values = Map::new();
            for _ in 0..dice.between(1, 2) {
                values.insert(dice.pick(NAMES).to_owned(), json!(dice.pick(VALUES)));
            }
            fields.insert(kind.to_owned(), Value::Object(values));
        }
    }
    if dice.one_in(3) {
        fields.insert("remove".to_owned(), json!([dice.pick(NAMES)]));
    }
    Value::Object(fields)
}
