//! Rules: every action of an HTTPRoute, and the policies beside it.

use serde_json::{Map, Value, json};

use super::{Dice, edits, matching};

/// `HTTPRewrite.uri`: with and without slashes, with what only looks like a query, an escape or a fragment.
const URIS: &[&str] = &[
    "/",
    "/new",
    "/new/",
    "/new/x",
    "new",
    "/n?x=1",
    "/n?",
    "/n%20",
    "/n%2e%2e/",
    "//",
    "//n",
    "/..",
    "/./n",
    "?q",
    "%zz",
    "/é",
    "/n#f",
    "*",
    "/a",
    "/a/b",
    "/\u{7f}",
    "/n;p=1",
    " ",
    "/n m",
    "http://z.test/n",
];

const REWRITE_PATTERNS: &[&str] = &[
    "/a",
    "^/a(/.*)?$",
    "(.*)",
    "/",
    "a",
    "[a-z]",
    "x*",
    "(/[^/]*)(/[^/]*)?",
    r"\.",
    "%..",
    "^",
    "$",
    "(?i)A",
    "/a|/b",
    r"\b",
    r"(\w)(\w)",
    ".",
    "(a)|(b)",
    "/+",
    "[^/]+$",
    "é",
];

const SUBSTITUTIONS: &[&str] = &[
    "", "/new", r"\1", r"/n\1", r"x\0x", "new", "?z=1", r"\2\1", "#", r"\9", r"\", r"\\", "/", "%41",
    r"\0\0", "é", " ",
];

/// A rule of a VirtualService that has hosts, or of one that is a delegate.
pub(crate) fn rule(dice: &mut Dice, is_delegate: bool) -> Value {
    let mut fields = Map::new();
    if dice.one_in(3) {
        fields.insert("name".to_owned(), json!(dice.pick(&["r", "rule-2"])));
    }
    if !dice.one_in(6) {
        let matches: Vec<Value> = (0..dice.between(1, 3)).map(|_| matching::request(dice)).collect();
        fields.insert("match".to_owned(), json!(matches));
    }
    let kind = dice.below(if is_delegate { 10 } else { 11 });
    match kind {
        0 => drop(fields.insert("redirect".to_owned(), redirect(dice))),
        1 => drop(fields.insert("directResponse".to_owned(), direct_response(dice))),
        10 => {
            let delegate = json!({"name": dice.pick(&["leaf", "leaf", "none"]), "namespace": "team-a"});
            fields.insert("delegate".to_owned(), delegate);
        }
        _ => forward(dice, &mut fields),
    }
    if dice.one_in(3) {
        fields.insert("headers".to_owned(), edits::headers(dice));
    }
    if dice.one_in(8) {
        fields.insert("fault".to_owned(), fault(dice));
    }
    if dice.one_in(6) {
        fields.insert("corsPolicy".to_owned(), cors(dice));
    }
    Value::Object(fields)
}

fn forward(dice: &mut Dice, fields: &mut Map<String, Value>) {
    let count = if dice.one_in(4) { dice.between(2, 3) } else { 1 };
    let route: Vec<Value> = (0..count).map(|_| weighted(dice, count > 1)).collect();
    fields.insert("route".to_owned(), json!(route));
    if dice.one_in(2) {
        fields.insert("rewrite".to_owned(), rewrite(dice));
    }
    if dice.one_in(6) {
        fields.insert("mirror".to_owned(), destination(dice));
        if dice.one_in(3) {
            fields.insert(
                "mirrorPercentage".to_owned(),
                json!({"value": dice.number(&[0, 100])}),
            );
        }
    } else if dice.one_in(10) {
        let mirrors = [(); 2].map(|()| json!({"destination": destination(dice)}));
        fields.insert("mirrors".to_owned(), json!(mirrors));
    }
    if dice.one_in(6) {
        fields.insert("timeout".to_owned(), json!(dice.pick(&["0.3s", "5s", "10s"])));
    }
    if dice.one_in(6) {
        let mut retries = json!({"attempts": dice.below(3), "retryOn": dice.pick(&["5xx", "503", "reset", "gateway-error,418", ""])});
        if dice.one_in(4) {
            retries["perTryTimeout"] = json!("4s");
        }
        fields.insert("retries".to_owned(), retries);
    }
}

fn weighted(dice: &mut Dice, is_one_of_several: bool) -> Value {
    let mut fields = Map::new();
    fields.insert("destination".to_owned(), destination(dice));
    if is_one_of_several {
        fields.insert("weight".to_owned(), json!(dice.number(&[0, 1, 1, 2])));
    }
    if dice.one_in(3) {
        fields.insert("headers".to_owned(), edits::headers(dice));
    }
    Value::Object(fields)
}

/// Some do not exist: no such service, port or subset.
fn destination(dice: &mut Dice) -> Value {
    let choices = [
        json!({"host": "one"}),
        json!({"host": "two"}),
        json!({"host": "one", "subset": "v1"}),
        json!({"host": "one", "subset": "v2"}),
        json!({"host": "one", "subset": "v3"}),
        json!({"host": "two", "port": {"number": 80}}),
        json!({"host": "multi", "port": {"number": 8081}}),
        json!({"host": "multi"}),
        json!({"host": "hashed"}),
        json!({"host": "echo.team-a.svc.cluster.local"}),
        json!({"host": "none"}),
        json!({"host": "one", "port": {"number": 99}}),
    ];
    choices[dice.below(choices.len())].clone()
}

fn rewrite(dice: &mut Dice) -> Value {
    let mut fields = Map::new();
    match dice.below(10) {
        0..=4 => drop(fields.insert("uri".to_owned(), json!(dice.pick(URIS)))),
        5..=8 => {
            let regex = json!({"match": dice.pick(REWRITE_PATTERNS), "rewrite": dice.pick(SUBSTITUTIONS)});
            fields.insert("uriRegexRewrite".to_owned(), regex);
        }
        _ => {}
    }
    if fields.is_empty() || dice.one_in(4) {
        fields.insert(
            "authority".to_owned(),
            json!(dice.pick(&["z.test", "Z.test:81", "a.test"])),
        );
    }
    Value::Object(fields)
}

fn redirect(dice: &mut Dice) -> Value {
    let mut fields = Map::new();
    match dice.below(4) {
        0 => {}
        1 => drop(fields.insert("prefixRewrite".to_owned(), json!(dice.pick(URIS)))),
        _ => drop(fields.insert("uri".to_owned(), json!(dice.pick(URIS)))),
    }
    if dice.one_in(2) {
        fields.insert("authority".to_owned(), json!(dice.pick(&["z.test", "z.test:81"])));
    }
    if fields.is_empty() || dice.one_in(3) {
        fields.insert("scheme".to_owned(), json!(dice.pick(&["http", "https"])));
    }
    match dice.below(5) {
        0 => drop(fields.insert("port".to_owned(), json!(dice.number(&[80, 443, 8443])))),
        1 => {
            let from = dice.pick(&["FROM_REQUEST_PORT", "FROM_PROTOCOL_DEFAULT"]);
            fields.insert("derivePort".to_owned(), json!(from));
        }
        _ => {}
    }
    if dice.one_in(2) {
        fields.insert(
            "redirectCode".to_owned(),
            json!(dice.number(&[301, 302, 303, 307, 308])),
        );
    }
    Value::Object(fields)
}

fn direct_response(dice: &mut Dice) -> Value {
    let status = dice.number(&[200, 204, 418, 503]);
    match dice.below(3) {
        0 => json!({"status": status}),
        1 => json!({"status": status, "body": {"string": dice.pick(&["", "hello", "%REQ(:PATH)%"])}}),
        _ => json!({"status": status, "body": {"bytes": "/wA="}}),
    }
}

fn fault(dice: &mut Dice) -> Value {
    let mut fields = Map::new();
    let percentage = |dice: &mut Dice| json!({"value": dice.number(&[0, 100, 100])});
    if dice.one_in(3) {
        let delay = json!({"fixedDelay": "0.02s", "percentage": percentage(dice)});
        fields.insert("delay".to_owned(), delay);
    }
    if fields.is_empty() || dice.one_in(2) {
        let abort = match dice.one_in(3) {
            true => json!({"grpcStatus": "UNAVAILABLE", "percentage": percentage(dice)}),
            false => json!({"httpStatus": dice.number(&[400, 503, 418]), "percentage": percentage(dice)}),
        };
        fields.insert("abort".to_owned(), abort);
    }
    Value::Object(fields)
}

fn cors(dice: &mut Dice) -> Value {
    let origin = match dice.below(4) {
        0 => json!({"exact": "https://a.test"}),
        1 => json!({"prefix": "https://"}),
        2 => json!({"regex": "https://[ab].test"}),
        _ => json!({"exact": "*"}),
    };
    let mut fields = json!({"allowOrigins": [origin]});
    for (name, value) in [
        ("allowMethods", json!(["GET", "POST"])),
        ("allowHeaders", json!(["x-a"])),
        ("exposeHeaders", json!(["x-b"])),
        ("maxAge", json!("60s")),
        ("allowCredentials", json!(true)),
        ("unmatchedPreflights", json!(dice.pick(&["FORWARD", "IGNORE"]))),
    ] {
        if dice.one_in(2) {
            fields[name] = value;
        }
    }
    fields
}
