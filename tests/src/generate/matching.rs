//! Conditions: every field of an HTTPMatchRequest.

use serde_json::{Map, Value, json};

use super::Dice;

/// Paths, most of which collide with another.
pub(crate) const PATHS: &[&str] = &[
    "/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/A", "/b", "/b/a", "/a%2fb", "/a;b", "/a.b", "/é", "//a",
    "/a//b", "*", "/a?b", "/a#b", "a", "/~a", "/%61", "/.", "/a b",
];

const PATTERNS: &[&str] = &[
    "/a",
    "/a.*",
    ".*",
    "/.*",
    ".+",
    "/(a|b)",
    "/a|/b",
    "/[a-c]+",
    "(?i)/a",
    "(?i)/A/.*",
    "/a(/.*)?",
    "/.*b$",
    "^/a",
    r"/\w+",
    r"/\w+/\d*",
    "(/a)(/b)?",
    "/(?P<x>a)/.*",
    r"/\Qa.b\E",
    "/a/?",
    ".",
    "[^/]*",
    r"\/a\b.*",
    "/(?s:.)*",
    "/[[:alpha:]]",
    "/é.*",
    r"/\x61",
    "(/a|/a/b)",
    "/a{1,2}",
    "(?:/[^/;]+){2}",
];

const TEXTS: &[&str] = &[
    "1", "2", "", "a", "b", "ab", "a,b", "1,2", "A", "GET", "/a", "/a?q=1", "a.test", "é", "*", " a", "http",
    "%",
];

const TEXT_PATTERNS: &[&str] = &[
    "1", ".*", "a*", "[0-9]+", "a|b", ".+", "(?i)a", "^$", "", "*", "/a.*", ".*,.*", r"\d", "[^a]*", ".*q=1",
    "é",
];

const HEADERS: &[&str] = &[
    "x-a",
    "x-a",
    "x-a",
    "X-B",
    "x-b",
    "host",
    ":path",
    ":method",
    ":authority",
    ":scheme",
    "cookie",
    "x-envoy-original-path",
    "x-forwarded-proto",
    "content-type",
    "user-agent",
    "x-envoy-max-retries",
    "te",
    "uri",
    "method",
    "accept",
    "x-forwarded-for",
    "x-fingerpost-route",
    "content-length",
    "transfer-encoding",
    "origin",
    "@request.auth.claims.group",
    "x-request-id",
    "via",
    "expect",
    "upgrade",
    "connection",
];

const QUERY: &[&str] = &["q", "q", "k", "Q", "a%20b", "q[]", "é"];

/// Conditions on headers. Envoy makes a random `x-request-id`, so only its presence can be compared.
fn of_headers(dice: &mut Dice) -> Value {
    let mut conditions = map(dice, HEADERS, text);
    if let Some(condition) = conditions.get_mut("x-request-id") {
        *condition = json!({});
    }
    conditions
}

/// A match, possibly an empty one.
pub(crate) fn request(dice: &mut Dice) -> Value {
    let mut fields = Map::new();
    if !dice.one_in(5) {
        fields.insert("uri".to_owned(), uri(dice));
    }
    if dice.one_in(4) {
        fields.insert("ignoreUriCase".to_owned(), json!(!dice.one_in(5)));
    }
    if dice.one_in(3) {
        fields.insert("headers".to_owned(), of_headers(dice));
    }
    if dice.one_in(5) {
        fields.insert("withoutHeaders".to_owned(), of_headers(dice));
    }
    if dice.one_in(5) {
        fields.insert("queryParams".to_owned(), map(dice, QUERY, text));
    }
    if dice.one_in(6) {
        let words = ["GET", "POST", "HEAD", "OPTIONS", "get", "P", "CONNECT"];
        fields.insert(
            "method".to_owned(),
            among(dice, &words, &["GET|HEAD", "(?i)get", "P.*", "[^G].*"]),
        );
    }
    if dice.one_in(12) {
        fields.insert(
            "scheme".to_owned(),
            among(dice, &["http", "https", "HTTP"], &["https?", ".*"]),
        );
    }
    if dice.one_in(8) {
        let words = ["a.test", "a.test:80", "A.test", "a.", "[::1]", "b.test"];
        fields.insert(
            "authority".to_owned(),
            among(dice, &words, &[".*test", r"a\.test(:\d+)?", "(?i)a.*"]),
        );
    }
    if dice.one_in(8) {
        fields.insert("port".to_owned(), json!(dice.number(&[80, 80, 8080, 443])));
    }
    if dice.one_in(10) {
        fields.insert("gateways".to_owned(), json!([dice.pick(&["gw", "gw2", "mesh"])]));
    }
    if dice.one_in(14) {
        fields.insert(
            "sourceLabels".to_owned(),
            json!({"istio": dice.pick(&["ingressgateway", "other"])}),
        );
    }
    if dice.one_in(8) {
        fields.insert("name".to_owned(), json!(dice.pick(&["m", "m-2"])));
    }
    if dice.one_in(16) {
        fields.insert("statPrefix".to_owned(), json!("counted"));
    }
    Value::Object(fields)
}

fn uri(dice: &mut Dice) -> Value {
    match dice.below(12) {
        0..=3 => json!({"exact": dice.pick(PATHS)}),
        4..=7 => json!({"prefix": dice.pick(PATHS)}),
        8..=9 => json!({"regex": dice.pick(PATTERNS)}),
        10 => json!({"prefix": ""}),
        _ => json!({}),
    }
}

fn text(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => json!({}),
        _ => among(dice, TEXTS, TEXT_PATTERNS),
    }
}

fn among(dice: &mut Dice, texts: &[&str], patterns: &[&str]) -> Value {
    match dice.below(4) {
        0 | 1 => json!({"exact": dice.pick(texts)}),
        2 => json!({"prefix": dice.pick(texts)}),
        _ => json!({"regex": dice.pick(patterns)}),
    }
}

fn map(dice: &mut Dice, names: &[&str], value: fn(&mut Dice) -> Value) -> Value {
    let mut fields = Map::new();
    for _ in 0..dice.between(1, 2) {
        fields.insert(dice.pick(names).to_owned(), value(dice));
    }
    Value::Object(fields)
}
