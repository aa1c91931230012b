//! Patterns in RE2's syntax, with values that they may accept: each piece comes with a sample of what it matches.
//!
//! Some are malformed; that a pattern is refused is an answer, too.

use super::Dice;

/// A pattern, and a text that was put together beside it.
#[derive(Debug, Clone)]
pub struct Made {
    /// The pattern.
    pub text: String,
    /// Likely, but not surely, accepted by it.
    pub sample: Vec<u8>,
}

/// Pieces without parts.
const ATOMS: &[(&str, &[u8])] = &[
    ("a", b"a"),
    ("b", b"b"),
    ("A", b"A"),
    ("1", b"1"),
    ("-", b"-"),
    (",", b","),
    (" ", b" "),
    ("é", b"\xc3\xa9"),
    (".", b"x"),
    (".", b"\xe9"),
    (r"\.", b"."),
    (r"\/", b"/"),
    ("/", b"/"),
    (r"\d", b"7"),
    (r"\w", b"_"),
    (r"\s", b" "),
    (r"\D", b"a"),
    (r"\W", b"-"),
    (r"\W", b"\xff"),
    (r"\S", b"a"),
    (r"\C", b"\xc3"),
    (r"\t", b"\t"),
    (r"\x41", b"A"),
    (r"\xe9", b"\xe9"),
    (r"\x{e9}", b"\xe9"),
    (r"\x{20AC}", b"\xe2\x82\xac"),
    (r"\101", b"A"),
    (r"\07", b"7"),
    ("[a-c]", b"b"),
    ("[^a]", b"b"),
    ("[^a]", b"\xff"),
    ("[a-]", b"-"),
    ("[]a]", b"]"),
    ("[^]a]", b"x"),
    (r"[\d_]", b"5"),
    (r"[^\w]", b"."),
    ("[[:alpha:]]", b"q"),
    ("[[:^digit:]]", b"q"),
    ("[[:word:]-]", b"-"),
    ("[é-ü]", b"\xc3\xbc"),
    (r"[\x80-\xff]", b"\x90"),
    (r"\pL", b"a"),
    (r"\p{Lu}", b"A"),
    (r"\PL", b"1"),
    (r"\p{Greek}", b"\xce\xb1"),
    (r"\pN", b"1"),
    (r"[\p{^Lu}]", b"a"),
    (r"\Qa.b\E", b"a.b"),
    (r"\Q*", b"*"),
    ("^", b""),
    ("$", b""),
    (r"\A", b""),
    (r"\z", b""),
    (r"\b", b""),
    (r"\B", b""),
    ("(?i)", b""),
    ("(?-i)", b""),
    ("(?s)", b""),
    ("(?m)", b""),
    ("(?U)", b""),
    ("", b""),
    ("()", b""),
    ("[[:space:]]", b" "),
    ("{", b"{"),
    ("}", b"}"),
    ("{,2}", b"{,2}"),
    ("]", b"]"),
    ("K", b"k"),
    ("ſ", b"s"),
    ("[k-s]", b"K"),
    (r"\v", b"v"),
    (r"[[:ascii:]]", b"~"),
    (r"\pM", b"\xcc\x81"),
    ("ß", b"\xdf"),
];

const REPEATS: &[(&str, usize)] = &[
    ("?", 0),
    ("?", 1),
    ("*", 0),
    ("*", 3),
    ("+", 2),
    ("*?", 1),
    ("+?", 2),
    ("??", 0),
    ("{2}", 2),
    ("{1,}", 3),
    ("{0,2}", 1),
    ("{2,3}?", 2),
    ("{0}", 0),
    ("{1}", 1),
];

/// What is refused, or only looks as if it were.
const ODD: &[&str] = &[
    "(",
    ")",
    "[",
    "[b-a]",
    "*",
    "+a",
    "a**",
    "a*+",
    "a{2,1}",
    "a{1001}",
    "(a{600}){600}",
    r"\8",
    r"\p{Nope}",
    r"\pX",
    "(?",
    "(?P<a",
    "(?P<>a)",
    "(?P<a>x)(?P<a>y)",
    "(?<n>a)",
    "(?=a)",
    "(?!a)",
    r"\1",
    "\\",
    "[[:nope:]]",
    "[a",
    r"[\z]",
    r"\x",
    r"\x{110000}",
    r"\x{z}",
    "(?z)",
    "(?i",
    "(?i-s:a)",
    "a{,}",
    "a{1",
    r"\Qa",
    r"\E",
    "a||b",
    "|",
    "(|a)*",
    "(a*)*",
    "(a|b|)+?",
    r"\_",
    r"\é",
    "x{2}{3}",
    "(?i)ſ",
    "(?i)K",
    "[^\\x00-\\x{10FFFF}]",
    "(?:)",
    "(?m)^a$",
    "[\\Qa\\E]",
    r"\pZ",
    r"(?s).",
    r"[[:^alpha:]a]",
    "((((a))))",
    r"\cA",
    r"\Z",
    r"\G",
    r"\h",
    r"\R",
    r"\X",
];

const SUBSTITUTIONS: &[&str] = &[
    r"\0", r"\1", r"<\1>", r"\2\1", "x", "", r"\0\0", "/", r"\\", "-", r"a\1b", r"\3", r"\9", r"\x", "\\",
    "%", r"\10", "$1", "é",
];

/// A pattern.
pub fn pattern(dice: &mut Dice) -> Made {
    if dice.one_in(8) {
        let text = dice.pick(ODD).to_owned();
        return Made {
            sample: b"ab".to_vec(),
            text,
        };
    }
    let mut made = branch(dice, 3);
    if dice.one_in(25) {
        let at = made
            .text
            .char_indices()
            .map(|(at, _)| at)
            .nth(dice.below(6))
            .unwrap_or(0);
        made.text.insert_str(at, dice.pick(ODD));
    }
    made
}

fn branch(dice: &mut Dice, depth: usize) -> Made {
    let mut made = sequence(dice, depth);
    while dice.one_in(5) {
        let other = sequence(dice, depth);
        made.text = format!("{}|{}", made.text, other.text);
        if dice.one_in(2) {
            made.sample = other.sample;
        }
    }
    made
}

fn sequence(dice: &mut Dice, depth: usize) -> Made {
    let mut made = Made {
        text: String::new(),
        sample: Vec::new(),
    };
    for _ in 0..dice.between(1, 3) {
        let part = repeated(dice, depth);
        made.text += &part.text;
        made.sample.extend(part.sample);
    }
    made
}

fn repeated(dice: &mut Dice, depth: usize) -> Made {
    let part = match depth > 0 && dice.one_in(3) {
        true => group(dice, depth - 1),
        false => {
            let (text, sample) = ATOMS[dice.below(ATOMS.len())];
            Made {
                text: text.to_owned(),
                sample: sample.to_vec(),
            }
        }
    };
    if !dice.one_in(3) {
        return part;
    }
    let (repeat, times) = REPEATS[dice.below(REPEATS.len())];
    Made {
        text: part.text + repeat,
        sample: part.sample.repeat(times),
    }
}

fn group(dice: &mut Dice, depth: usize) -> Made {
    let inner = branch(dice, depth);
    let open = dice.pick(&[
        "(", "(", "(?:", "(?i:", "(?P<n>", "(?<m>", "(?s:", "(?-s:", "(?U:", "(?im-s:",
    ]);
    Made {
        text: format!("{open}{})", inner.text),
        ..inner
    }
}

/// A value that a header can carry: the sample, or something near it.
pub fn value(dice: &mut Dice, made: &Made) -> Vec<u8> {
    let mut value = made.sample.clone();
    for _ in 0..[0, 0, 1, 1, 2, 3][dice.below(6)] {
        let byte = *dice
            .pick(&[
                b"a", b"b", b"A", b"1", b"/", b".", b"\xe9", b"\xff", b"-", b"\xc3", b"s",
            ])
            .first()
            .unwrap_or(&b'a');
        let at = dice.below(value.len() + 1);
        match dice.below(3) {
            0 if at < value.len() => drop(value.remove(at)),
            1 if at < value.len() => value[at] = byte,
            _ => value.insert(at, byte),
        }
    }
    if dice.one_in(10) {
        value.make_ascii_uppercase();
    }
    // Envoy takes blanks away at both ends, and refuses control bytes.
    value.retain(|it| *it == b'\t' || (*it >= b' ' && *it != 0x7f));
    value.trim_ascii().to_vec()
}

/// A path on which a substitution may be made.
pub fn path(dice: &mut Dice, made: &Made) -> String {
    let sample: String = made
        .sample
        .iter()
        .filter(|it| it.is_ascii_alphanumeric() || b"/.-_,~".contains(it))
        .map(|it| char::from(*it))
        .collect();
    let [before, after] = [(); 2].map(|()| dice.pick(&["", "", "a", "/", "ab", "-", "b/1"]));
    format!(
        "/{before}{sample}{after}{}",
        if dice.one_in(2) { sample.as_str() } else { "" }
    )
}

/// What takes the place of a match.
pub fn substitution(dice: &mut Dice) -> &'static str {
    dice.pick(SUBSTITUTIONS)
}
