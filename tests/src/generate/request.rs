//! Requests: what a table's conditions look at, what a client gets wrong, and what it should not get away with.

use serde_json::Value;

use super::{Dice, matching};
use crate::http2;
use crate::sent::{Sent, Version};

const AUTHORITIES: &[&str] = &[
    "a.test",
    "a.test",
    "a.test",
    "a.test",
    "a.test",
    "a.test:80",
    "a.test:8080",
    "A.TEST",
    "a.test.",
    "b.test",
    "x.a.test",
    "y.x.a.test",
    ".a.test",
    "test",
    "[::1]",
    "[::1]:80",
    "1.2.3.4",
    "1.2.3.4:80",
    "a.test:",
    ":80",
    "a.test:x",
    "u@a.test",
    "unknown.org",
    "a..test",
    "y-c.test",
    "xn--bcher-kva.test",
    "a.test:80:90",
    "",
    "a.test,b.test",
];

const ENDS: &[&str] = &[
    "",
    "",
    "",
    "",
    "?q=1",
    "?q=1&q=2",
    "?k",
    "?q=",
    "/x",
    "/",
    "?a%20b=1",
    "#f",
    "?q=1#f",
    "?",
    "/../b",
    "/./a",
    ";p=1",
    "?Q=1&k=2",
    "%2e%2e/b",
    "/%2e/",
    "?q=%",
    "//",
    "?q=1?q=2",
    "?&&q=a,b",
    "\\b",
    "%2F..%2F",
    "%00",
    "?x=/a/../b",
    "|",
    "\u{e9}",
];

const METHODS: &[&str] = &[
    "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "POST",
    "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "get", "CONNECT", "PURGE",
];

/// Headers that conditions look at, with values that some of them accept.
const HEADERS: &[(&str, &[&str])] = &[
    (
        "x-a",
        &["1", "2", "", "a", "b", "ab", "a,b", "A", "1,2", "\u{e9}"],
    ),
    ("X-A", &["1", "a"]),
    ("x-b", &["1", "", "b"]),
    ("cookie", &["a=1", "a=1; b=2"]),
    ("user-agent", &["a", ""]),
    (
        "content-type",
        &["text/plain", "application/grpc", "application/grpc+proto"],
    ),
    ("accept", &["a", "b"]),
    ("uri", &["/a"]),
    ("method", &["GET"]),
    ("origin", &["https://a.test", "https://z.test", "null", ""]),
    ("via", &["1.1 a"]),
];

/// Headers that tell a proxy something; a client's must have the same effect with our filter as without, mostly none.
const CONTROLS: &[(&str, &[&str])] = &[
    (
        "x-fingerpost-route",
        &[
            "route",
            "redirect@0",
            "outbound|80||one.default.svc.cluster.local@0",
        ],
    ),
    ("x-envoy-original-path", &["/b", ""]),
    ("x-envoy-max-retries", &["5"]),
    ("x-envoy-retry-on", &["5xx", "4xx"]),
    ("x-envoy-upstream-rq-timeout-ms", &["1", "0"]),
    ("x-envoy-upstream-rq-per-try-timeout-ms", &["1"]),
    ("x-envoy-expected-rq-timeout-ms", &["1"]),
    ("x-envoy-upstream-stream-duration-ms", &["1"]),
    ("x-envoy-fault-delay-request", &["50"]),
    ("x-envoy-fault-abort-request", &["418"]),
    ("x-envoy-internal", &["true"]),
    ("x-envoy-attempt-count", &["7"]),
    ("x-envoy-decorator-operation", &["x"]),
    ("x-envoy-original-dst-host", &["127.0.0.1:1"]),
    ("x-envoy-upstream-alt-stat-name", &["x"]),
    ("x-envoy-ip-tags", &["x"]),
    ("x-forwarded-for", &["1.1.1.1", "10.0.0.1, 127.0.0.1"]),
    ("x-forwarded-proto", &["https", "http", "x"]),
    ("x-forwarded-host", &["b.test"]),
    ("x-original-url", &["/b"]),
    ("x-rewrite-url", &["/b"]),
    ("x-http-method-override", &["POST"]),
    (
        "connection",
        &[
            "x-a",
            "x-envoy-original-path",
            "x-fingerpost-route, x-a",
            "close",
            "keep-alive, te",
            ":path",
            "host",
            "x-forwarded-for",
            "x-forwarded-x",
            "a,b,c,d,e,f,g,h,i,j",
        ],
    ),
    ("te", &["trailers", "gzip", "gzip, trailers"]),
    ("expect", &["100-continue"]),
    ("grpc-timeout", &["5S", "x"]),
    ("x-request-id", &["1"]),
    ("transfer-encoding", &["chunked", "gzip"]),
    ("proxy-connection", &["keep-alive"]),
    ("host", &["b.test"]),
    (":path", &["/b"]),
    ("x_under", &["1"]),
];

/// What a client that upgrades says, and others that do not quite.
const CONNECTIONS: &[&str] = &[
    "Upgrade",
    "Upgrade",
    "upgrade",
    "keep-alive, Upgrade",
    "Upgrade, HTTP2-Settings",
    "x-upgrade",
    "close",
];

/// Protocols: Envoy knows the first, does not hear the second, and refuses the others.
const UPGRADES: &[&str] = &[
    "websocket",
    "WebSocket",
    "h2c",
    "other",
    "other",
    "TLS/1.2",
    "websocket, other",
    "",
];

/// A request for a table; `documents` are its resources, whose own texts are sent as well.
#[must_use]
pub fn request(dice: &mut Dice, documents: &[Value]) -> Sent {
    let method = dice.pick(METHODS);
    let authority = if dice.one_in(3) {
        dice.pick(AUTHORITIES)
    } else {
        "a.test"
    };
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
    for _ in 0..[0, 0, 1, 1, 2, 3][dice.below(6)] {
        let (name, values) = HEADERS[dice.below(HEADERS.len())];
        add(name, dice.pick(values));
    }
    if dice.one_in(6) {
        let (name, values) = CONTROLS[dice.below(CONTROLS.len())];
        add(name, dice.pick(values));
    }
    if method == "OPTIONS" && !dice.one_in(4) {
        add("origin", dice.pick(&["https://a.test", "https://z.test"]));
        if !dice.one_in(4) {
            add("access-control-request-method", "POST");
        }
    }
    if dice.one_in(20) {
        let echo = dice.pick(&[
            "status=503",
            "status=503;times=1",
            "status=418",
            "reset",
            "reset;times=1",
            "status=500;times=2",
        ]);
        add("x-echo", echo);
    }
    if dice.one_in(20) {
        add("connection", dice.pick(CONNECTIONS));
        add("upgrade", dice.pick(UPGRADES));
        if dice.one_in(8) {
            add("upgrade", dice.pick(UPGRADES));
        }
    }
    if dice.one_in(400) {
        add("x-echo", "delay=0.8"); // longer than the shortest timeout
    }
    if dice.one_in(300) {
        add("x-b", &"b".repeat(50_000));
    }
    let mut sent = Sent {
        port: if dice.one_in(5) { 8080 } else { 80 },
        method: method.into(),
        authority: Some(authority.into()),
        target: target(dice, documents).into_bytes(),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        version: Version::Http11,
    };
    match dice.below(40) {
        0 => sent.version = Version::Http10,
        1..=6 if http2::can_send(&sent) => sent.version = Version::Http2,
        _ => {}
    }
    sent
}

fn target(dice: &mut Dice, documents: &[Value]) -> String {
    let mut own = Vec::new();
    documents.iter().for_each(|it| paths(it, &mut own));
    let start = match dice.below(8) {
        0..=3 if !own.is_empty() => own[dice.below(own.len())].clone(),
        4 => ["/a/b/c", "/aa/bb", "/a/b/a/b", "/A/B", "/n", "/new"][dice.below(6)].to_owned(),
        _ => dice.pick(matching::PATHS).to_owned(),
    };
    // Envoy answers most of what does not begin with a slash by itself.
    let is_refused = !start.starts_with('/') || start.contains(' ');
    let start = if is_refused && !dice.one_in(4) {
        "/a".to_owned()
    } else {
        start
    };
    let path = match dice.below(400) {
        0 => format!("/{}", "a".repeat(40_000)),
        1 => format!("{start}/{}", "a/".repeat(3_000)),
        2..=180 => start,
        _ => format!(
            "{start}{}{}",
            dice.pick(ENDS),
            if dice.one_in(8) { dice.pick(ENDS) } else { "" }
        ),
    };
    match dice.below(40) {
        0 => format!("http://a.test{path}"),
        1 => format!("HTTP://b.test:80{path}"),
        2 => format!("https://a.test{path}"),
        3 => [
            "a.test:80",
            "a.test",
            "http://a.test",
            "http://a.test?q=1",
            "http:///a",
            "ftp://a.test/a",
        ][dice.below(6)]
        .to_owned(),
        _ => path,
    }
}

/// The paths that a table's conditions name.
fn paths<'v>(value: &'v Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let uri = fields.get("uri").and_then(Value::as_object);
            let texts = uri
                .into_iter()
                .flat_map(|it| it.values())
                .filter_map(Value::as_str);
            found.extend(texts.map(str::to_owned));
            fields.values().for_each(|it| paths(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it: &'v Value| paths(it, found)),
        _ => {}
    }
}
