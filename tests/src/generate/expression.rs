//! Values of header edits with an expression: `%CEL(…)%`, half of them spoilt, and `%COALESCE(…)%`.
//!
//! Without constant patterns, and with messages that Envoy and `envoy/http` both know or neither does.

use serde_json::{Value, json};

use crate::generate::Dice;

const NAMES: &[&str] = &["request", "a", "b", "size", "re", "_", "int", ".a"];
const FIELDS: &[&str] = &["path", "headers", "b", "size", "while", "extract"];
const CONSTANTS: &[&str] = &[
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "0x1F",
    "1u",
    "1.5",
    ".5",
    "1e5",
    "null",
    "false",
    "''",
    "\"a\"",
    "'a\\n'",
    "b'a'",
    "r'\\d'",
    "'''a'b'''",
    "'\\u00e4'",
    "'ä'",
    "[]",
    "{}",
];
const BINARY: &[&str] = &[
    "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", " in ", "&&", "||", " && ",
];
/// With one argument.
const FUNCTIONS: &[&str] = &[
    "size",
    "int",
    "duration",
    "timestamp",
    "type",
    "dyn",
    ".size",
    "bool",
    "bytes",
];
/// Without an argument.
const METHODS: &[&str] = &["size", "getHours", "getDate"];
const METHODS_OF_ONE: &[&str] = &["contains", "startsWith", "endsWith", "getHours"];
/// Words of all kinds, most of them refused.
const ODD: &[&str] = &[
    "if",
    "in",
    "true",
    "`b-c`",
    "9223372036854775808",
    "0xFFFFFFFFFFFFFFFF",
    "18446744073709551616u",
    "1.",
    "'\\q'",
    "b'\\u00e4'",
    "r'\\'",
    "a|b",
    "string(a)",
    "foo()",
    "if(a)",
    "has(a)",
    "has(a.b)",
    "_in_(a)",
    "_in_(a, b)",
    "re.extract(a, b, c)",
    "re.capture(a)",
    "a.all(b, c)",
    "a.exists(b, c)",
    "a.exists_one(b, c)",
    "a.map(b, c, a)",
    "a.map(b)",
    "a.filter(b, c)",
    "a.lowerAscii()",
    "a.or(b)",
    "a.has(b.c)",
];
const MESSAGES: &[&str] = &[
    "google.protobuf.Int32Value",
    ".google.protobuf.StringValue",
    "google.protobuf.Duration",
    "Foo",
    "a.b",
    "google.protobuf.Empty",
    "int",
];
/// What spoils a text.
const PIECES: &[&str] = &[
    "(", ")", "[", "]", "{", "}", ",", ".", "?", ":", "'", "\"", "\\", "`", "!", "-", " ", "//", "#", "@",
    "$", "ä", "0", "a", "=", "&", "\t",
];

/// A value of a header edit with an expression.
pub fn value(dice: &mut Dice) -> String {
    if dice.one_in(5) {
        return format!("%COALESCE({}){}%", coalesce(dice, 2), length(dice));
    }
    let command = dice.pick(&["CEL", "CEL", "TYPED_CEL"]);
    let mut text = expression(dice, 3);
    if dice.one_in(3) {
        spoil(&mut text, dice);
    }
    format!("%{command}({text}){}%", length(dice))
}

fn length(dice: &mut Dice) -> &'static str {
    dice.pick(&["", "", "", ":5", ":0"])
}

/// Inserts or removes a piece, or cuts the end off.
fn spoil(text: &mut String, dice: &mut Dice) {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let at = places.get(dice.below(places.len())).copied().unwrap_or(0);
    match dice.below(4) {
        0 => text.truncate(at),
        1 if !text.is_empty() => {
            text.remove(at);
        }
        _ => text.insert_str(at, dice.pick(PIECES)),
    }
}

fn expression(dice: &mut Dice, depth: usize) -> String {
    let Some(depth) = depth.checked_sub(1) else {
        return match dice.below(40) {
            0 => dice.pick(ODD).to_owned(),
            1..12 => dice.pick(CONSTANTS).to_owned(),
            _ => dice.pick(NAMES).to_owned(),
        };
    };
    let inner = |dice: &mut Dice| expression(dice, depth);
    match dice.below(15) {
        0 => dice.pick(CONSTANTS).to_owned(),
        1 => dice.pick(NAMES).to_owned(),
        2 | 3 => format!("{}.{}", inner(dice), dice.pick(FIELDS)),
        4 => format!("{}[{}]", inner(dice), inner(dice)),
        5..8 => format!("{}{}{}", inner(dice), dice.pick(BINARY), inner(dice)),
        8 => format!("({})", inner(dice)),
        9 => format!("{}{}", dice.pick(&["!", "-", "!!", "--"]), inner(dice)),
        10 => format!("{} ? {} : {}", inner(dice), inner(dice), inner(dice)),
        11 => format!("{}({})", dice.pick(FUNCTIONS), list(dice, depth, 1, 1)),
        12 if dice.one_in(2) => format!("{}.{}()", inner(dice), dice.pick(METHODS)),
        12 => format!(
            "{}.{}({})",
            inner(dice),
            dice.pick(METHODS_OF_ONE),
            list(dice, depth, 1, 1)
        ),
        13 => match dice.below(3) {
            0 => format!("[{}]", list(dice, depth, 1, 3)),
            1 => format!("{{{}: {}{}}}", inner(dice), inner(dice), dice.pick(&["", ","])),
            _ => format!(
                "{}{{{}}}",
                dice.pick(MESSAGES),
                dice.pick(&["", ",", "value: a", "value: 1,", "nanos: 1", "foo: 1"])
            ),
        },
        // Long chains and deep nests, on both sides of the limits.
        _ => {
            let count = dice.between(28, 35);
            match dice.below(4) {
                0 => format!("{}a{}", "(".repeat(count), ")".repeat(count)),
                1 => format!("a{}", ".b".repeat(count)),
                2 => format!("1{}", "+1".repeat(count)),
                _ => format!("a{}", "||a".repeat(count)),
            }
        }
    }
}

/// Expressions with commas between; one list in twenty has a comma too many.
fn list(dice: &mut Dice, depth: usize, least: usize, most: usize) -> String {
    let count = dice.between(least, most);
    let mut items: Vec<String> = (0..count).map(|_| expression(dice, depth)).collect();
    if dice.one_in(20) {
        items.push(String::new());
    }
    items.join(",")
}

/// The argument of `%COALESCE%`.
fn coalesce(dice: &mut Dice, depth: usize) -> String {
    let operators: Vec<Value> = (0..dice.below(4)).map(|_| operator(dice, depth)).collect();
    let mut text = match dice.below(8) {
        0 => json!({"operators": dice.pick(&["HOSTNAME", ""])}),
        1 => json!(operators),
        2 => json!({"operators": operators, "more": [1, null, u64::MAX]}),
        3 => json!({"operators": operators, "more": [1, null, -1.5]}),
        _ => json!({"operators": operators}),
    }
    .to_string();
    if dice.one_in(6) {
        spoil(&mut text, dice);
    }
    text
}

fn operator(dice: &mut Dice, depth: usize) -> Value {
    let command = dice.pick(&[
        "HOSTNAME",
        "PROTOCOL",
        "REQ",
        "CEL",
        "COALESCE",
        "START_TIME",
        "UNKNOWN",
        "hostname",
        "",
    ]);
    let param = match (command, depth.checked_sub(1)) {
        ("CEL", _) => expression(dice, 2),
        ("COALESCE", Some(depth)) => coalesce(dice, depth),
        _ => dice.pick(&["x-a", "x-a", "", "a b", "%Y"]).to_owned(),
    };
    match dice.below(8) {
        0 => json!(command),
        1 => json!({"command": command}),
        2 => {
            let length = [0, 1, -1][dice.below(3)];
            json!({"command": command, "param": param, "max_length": length})
        }
        3 => json!({"command": command, "param": null, "more": 1}),
        4 => [json!(1), json!(null), json!({}), json!([command])][dice.below(4)].clone(),
        _ => json!({"command": command, "param": param}),
    }
}
