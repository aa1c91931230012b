//! Hostile input: requests with any bytes anywhere, and configurations that are nearly right or not at all.

use super::Dice;
use crate::sent::{Sent, Version};

/// What parsers trip over.
const PIECES: &[&[u8]] = &[
    b"\xff",
    b"\xc3",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\x00",
    b"\x01",
    b"\x7f",
    b"\x0b",
    b"\t",
    b"\r",
    b" ",
    b"%00",
    b"%ff",
    b"%c0%af",
    b"%u0000",
    b"/",
    b"//",
    b"\\",
    b"?",
    b"#",
    b"&",
    b"=",
    b";",
    b":",
    b"*",
    b"@",
    b"[",
    b"]",
    b"a",
    b"test",
    b"..",
    b"%2e",
    b"{}",
    b"\"",
    b",",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"http://",
    b"\n ",
    b"\x85",
    b"\xa0",
];

/// Names that a filter or the router looks up.
const NAMES: &[&[u8]] = &[
    b"x-a",
    b"x-\xff",
    b":path",
    b":method",
    b":authority",
    b":scheme",
    b"host",
    b"x-fingerpost-route",
    b"x-envoy-original-path",
    b"cookie",
    b"",
    b" ",
    b"a b",
    b"x\x00",
    b"connection",
    b"te",
    b"content-length",
    b"x_a",
    b"\xc3\xa9",
    b"origin",
];

fn bytes(dice: &mut Dice) -> Vec<u8> {
    if dice.one_in(30) {
        return dice
            .pick(PIECES)
            .repeat(dice.between(1_000, 30_000))
            .into_iter()
            .take(60_000)
            .collect();
    }
    (0..dice.below(6))
        .flat_map(|_| dice.pick(PIECES).to_vec())
        .collect()
}

/// A request of any bytes; now and then one with more headers or longer ones than anyone takes.
pub fn request(dice: &mut Dice) -> Sent {
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = (0..dice.below(5))
        .map(|_| (dice.pick(NAMES).to_vec(), bytes(dice)))
        .collect();
    match dice.below(40) {
        0 => headers.extend((0..1_000).map(|index| (format!("x-{index}").into_bytes(), b"1".to_vec()))),
        1 => headers.extend((0..90).map(|_| (b"x-a".to_vec(), bytes(dice)))),
        2 => headers.push((b"x-a".to_vec(), b"\xff".repeat(59_000))),
        _ => {}
    }
    // Envoy refuses most of that by itself. The filter must survive what Envoy lets through.
    if !dice.one_in(3) {
        let is_sent = |it: &u8| *it >= b' ' && *it != 0x7f;
        headers.retain(|(name, _)| name.starts_with(b"x-") && name.is_ascii());
        headers.iter_mut().for_each(|(_, value)| value.retain(is_sent));
        let start = dice.pick(&["/slash/", "/groups/", "/empty-matches/", "/into-query/", "/query"]);
        let mut target = [start.as_bytes(), &bytes(dice)].concat();
        target.retain(u8::is_ascii_graphic);
        return Sent {
            port: 80,
            method: b"GET".to_vec(),
            authority: Some(b"a.test".to_vec()),
            target,
            headers,
            version: Version::default(),
        };
    }
    let method: &[u8] = dice.pick(&[
        b"GET", b"GET", b"GET", b"POST", b"OPTIONS", b"HEAD", b"G\xff", b"", b"CONNECT",
    ]);
    let start: &[u8] = dice.pick(&[
        b"/",
        b"/slash/",
        b"/groups/",
        b"/any",
        b"/query",
        b"",
        b"*",
        b"/empty-matches/",
    ]);
    Sent {
        port: 80,
        method: method.to_vec(),
        authority: match dice.one_in(3) {
            true => Some(bytes(dice)),
            false => Some(b"a.test".to_vec()),
        },
        target: [start, &bytes(dice)].concat(),
        headers,
        version: if dice.one_in(8) {
            Version::Http10
        } else {
            Version::Http11
        },
    }
}

/// Something made of a configuration: cut, changed at some places, or replaced altogether.
pub fn configuration(dice: &mut Dice, right: &str) -> Vec<u8> {
    let mut text = right.as_bytes().to_vec();
    match dice.below(10) {
        0 => bytes(dice),
        1 => Vec::new(),
        2 => b"[".repeat(dice.between(100, 100_000)),
        3 => b"{\"version\":1,\"virtual_hosts\":".repeat(dice.between(1, 2_000)),
        4 => text[..dice.below(text.len())].to_vec(),
        5 => replaced(
            right,
            dice.pick(&[
                "\"version\":1",
                "\"prefix\"",
                "\"key\"",
                "\"routes\"",
                "\"a.test\"",
            ]),
            dice.pick(&[
                "1",
                "null",
                "[]",
                "\"\\u0000\"",
                "\"version\":1e999",
                "\"\\ud800\"",
            ]),
        ),
        6 => replaced(
            right,
            "\"regex\":\"",
            dice.pick(&[
                "\"regex\":\"(",
                "\"regex\":\"(a{1000}){1000}",
                "\"regex\":\"\\\\p{Nope}",
                "\"regex\":\"(?:",
                "\"regex\":1,\"x\":\"",
            ]),
        ),
        7 => replaced(
            right,
            "\"weight\":",
            dice.pick(&[
                "\"weight\":-",
                "\"weight\":9999999999",
                "\"weight\":0.5",
                "\"weight\":\"1\",\"x\":",
            ]),
        ),
        _ => {
            for _ in 0..dice.between(1, 4) {
                let at = dice.below(text.len());
                text[at] = *dice.pick(PIECES).first().unwrap_or(&0);
            }
            text
        }
    }
}

fn replaced(text: &str, from: &str, to: &str) -> Vec<u8> {
    text.replacen(from, to, 2).into_bytes()
}
