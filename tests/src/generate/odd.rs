//! Resources with odd values: the boundary of every number, and texts that some parser may refuse.
//!
//! `bases.json` has small inputs that use every field which reaches Envoy, each valid. One to three values of a base are
//! replaced, or removed. Certificates are left alone: `hostile` ones are the matter of the compiler's own tests.

use std::sync::LazyLock;

use serde_json::{Map, Number, Value, json};

use crate::generate::Dice;

/// The inputs by name, each a list of documents.
static BASES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    // The file is part of this crate, and a test reads it.
    serde_json::from_str(include_str!("bases.json")).unwrap_or_default()
});

/// Numbers at which some rule begins or ends.
const NUMBERS: &[i64] = &[
    -1,
    0,
    1,
    2,
    3,
    4,
    79,
    99,
    100,
    101,
    199,
    200,
    299,
    300,
    301,
    303,
    304,
    307,
    308,
    309,
    399,
    400,
    599,
    600,
    601,
    1_000,
    1_024,
    65_535,
    65_536,
    65_537,
    70_000,
    1_048_576,
    5_000_011,
    5_000_012,
    8_388_608,
    8_388_609,
    1_000_000_000,
    2_147_483_646,
    2_147_483_647,
    2_147_483_648,
    4_294_967_295,
    4_294_967_296,
    9_007_199_254_740_993,
    i64::MAX,
];

const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "/",
    "a b",
    "/a b",
    "a\n",
    "/a\nb",
    "a\r\nb",
    "a\0b",
    "a\u{1}b",
    "\u{7f}",
    "\t",
    "ä",
    "日本",
    "\u{202e}",
    "*",
    "**",
    "*.",
    "*.a",
    "*a",
    "a*",
    "a.*",
    "*.*.a",
    ".",
    "..",
    "a.",
    ".a",
    "-a",
    "a-",
    "a_b",
    "A.Example.com",
    "a.example.com",
    "*.example.com",
    "ONE.example.com",
    "one.example.com",
    "*.Example.com",
    "0.0.0.0",
    "::",
    "::0",
    "[::]",
    "127.0.0.1",
    "01.2.3.4",
    "1.2.3",
    "fe80::1%eth0",
    "unix:///a",
    "unix://@a",
    "unix://",
    "unix:///",
    "/run/front.sock",
    "%",
    "%%",
    "100%",
    "%REQ(a)%",
    "%REQ()%",
    "%REQ(a b)%",
    "%REQ(a?b?c)%",
    "%UNKNOWN%",
    "%START_TIME(%Y)%",
    "%A",
    "%PROTOCOL(x)%",
    "%PROTOCOL:3%",
    "%LISTENER_NAME%",
    "%DYNAMIC_METADATA(a)%",
    "%METADATA(X:a)%",
    "%FILTER_STATE(a:X)%",
    "%PATH(X)%",
    "%GRPC_STATUS(X)%",
    "%CEL(request.path)%",
    "%CEL(request.)%",
    "%TYPED_CEL(request.size % 2 == 0)%",
    "%TYPED_CEL(if)%",
    "%COALESCE(1)%",
    "%ROUTE_NAME%",
    "host",
    ":path",
    ":authority",
    "content-length",
    "a:b",
    "a,b",
    "a;b",
    "a=b",
    "a/b",
    "a?b",
    "a#b",
    "{",
    "}",
    "[",
    "(",
    ")",
    "(?i)a",
    "a{1000}",
    "\\",
    "\\1",
    "\\9",
    "\\x",
    ".*",
    ".+",
    "[a-z]+",
    "^$",
    "a|b",
    "5xx",
    "503",
    "retriable-status-codes",
    "GET",
    "http",
    "https",
    "HTTP",
    "TCP",
    "TLS",
    "~",
    ".",
    "*/*",
    "shop/*",
    "null",
    "true",
];

/// Durations, as texts.
const DURATIONS: &[&str] = &[
    "0s",
    "1ns",
    "1us",
    "999us",
    "1ms",
    "1.5ms",
    "1s",
    "-1s",
    "300s",
    "301s",
    "1h",
    "2540400h",
    "9223372035s",
    "9223372036s",
    "2562047h47m16.854s",
    "2562047h47m16.855s",
    "1",
    "s",
];

/// A name and the documents of a base with odd values.
pub fn input(dice: &mut Dice) -> (String, Vec<Value>) {
    let number = dice.below(BASES.len());
    let Some((name, base)) = BASES.iter().nth(number) else {
        return (String::new(), Vec::new());
    };
    let mut documents = base.as_array().cloned().unwrap_or_default();
    for _ in 0..*[1, 1, 1, 2, 2, 3].get(dice.below(6)).unwrap_or(&1) {
        let leaves: usize = documents.iter().map(leaves).sum();
        let mut chosen = Some(dice.below(leaves));
        for document in &mut documents {
            change(document, &mut chosen, dice);
        }
    }
    (name.clone(), documents)
}

/// How many places a document has that may be changed: lists and single values.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            let inner = fields.iter().filter(|(name, _)| may_change(name));
            inner.map(|(_, it)| leaves(it)).sum()
        }
        Value::Array(items) => 1 + items.iter().map(leaves).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

fn may_change(name: &str) -> bool {
    !matches!(name, "apiVersion" | "kind" | "metadata" | "selector")
}

/// Changes the place number `chosen`, counted as [`leaves`] counts; what is left of the number is for the next document.
fn change(value: &mut Value, chosen: &mut Option<usize>, dice: &mut Dice) {
    match value {
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().filter(|it| may_change(it)).cloned().collect();
            for name in names {
                let Some(inner) = fields.get_mut(&name) else {
                    continue;
                };
                match (&inner, *chosen) {
                    (Value::Object(_) | Value::Array(_), _) | (_, None | Some(1..)) => {
                        change(inner, chosen, dice);
                    }
                    (_, Some(0)) => {
                        *chosen = None;
                        change_field(fields, &name, dice);
                    }
                }
            }
        }
        Value::Array(items) => {
            if take(chosen) {
                match items.first().cloned() {
                    Some(first) if dice.one_in(2) => items.push(first),
                    _ => items.clear(),
                }
            }
            items.iter_mut().for_each(|it| change(it, chosen, dice));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            if take(chosen) {
                *value = odd(value, dice);
            }
        }
    }
}

/// Whether this is the chosen place; counts it if not.
fn take(chosen: &mut Option<usize>) -> bool {
    let is_chosen = *chosen == Some(0);
    *chosen = chosen.and_then(|it| it.checked_sub(1));
    is_chosen
}

/// Changes a field: its value, its name, or whether it is there.
fn change_field(fields: &mut Map<String, Value>, name: &str, dice: &mut Dice) {
    let Some(value) = fields.get(name) else { return };
    let is_free = ["x-", "q", "r", "s", "host"]
        .iter()
        .any(|it| name.starts_with(it))
        && value.is_string()
        || name.len() == 1;
    match dice.below(16) {
        0 => {
            fields.remove(name);
        }
        // A key of a map, such as the name of a header.
        1..8 if is_free => {
            let value = value.clone();
            fields.remove(name);
            fields.insert(text(dice), value);
        }
        _ => {
            let value = odd(value, dice);
            fields.insert(name.to_owned(), value);
        }
    }
}

fn text(dice: &mut Dice) -> String {
    match dice.below(30) {
        0 => "x".repeat(
            *[107, 108, 253, 254, 1_024, 1_025, 16_384, 16_385]
                .get(dice.below(8))
                .unwrap_or(&1),
        ),
        1 => format!("/{}", "x".repeat(dice.between(100, 110))),
        2 => format!("unix:///{}", "x".repeat(dice.between(100, 110))),
        _ => dice.pick(TEXTS).to_owned(),
    }
}

/// An odd value of the same kind.
fn odd(value: &Value, dice: &mut Dice) -> Value {
    match value {
        Value::Bool(given) => json!(!given),
        Value::Number(_) if dice.one_in(10) => {
            json!([0.0, 0.5, 100.5, 99.99, 0.000_1, 0.000_01, 1e30][dice.below(7)])
        }
        Value::Number(_) => Value::Number(Number::from(NUMBERS[dice.below(NUMBERS.len())])),
        Value::String(given) => {
            let is_duration =
                given.starts_with(|it: char| it.is_ascii_digit()) && given.ends_with(['s', 'h']);
            match is_duration && !dice.one_in(10) {
                true => json!(dice.pick(DURATIONS)),
                false => json!(text(dice)),
            }
        }
        Value::Array(_) | Value::Object(_) | Value::Null => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::{BASES, input};
    use crate::generate::Dice;

    #[test]
    fn the_bases_are_read_and_every_input_differs_from_its_base() {
        assert!(BASES.len() >= 14, "{}", BASES.len());
        let mut dice = Dice::new(1);
        let changed = (0..200).filter(|_| {
            let (name, documents) = input(&mut dice);
            BASES.get(&name).and_then(|it| it.as_array()) != Some(&documents)
        });
        assert!(changed.count() > 190);
    }
}
