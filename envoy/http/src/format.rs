//! How Envoy reads the value of a header edit: text with variables such as `%REQ(:PATH)%`.
//!
//! Decides the grammar only; which variables exist is `variable`'s matter.
//! Source: Envoy `source/common/formatter/substitution_formatter.cc`, `SubstitutionFormatParser::parse`, whose
//! expression is `%((?:[A-Z]|[0-9]|_)+)(?:\((.*?)\))?(?::([0-9]+))?%`. Tried with Envoy 1.36 to 1.40.

use std::fmt;

/// One part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is; `%%` has become `%`.
    Text(String),
    /// A variable.
    Variable(Call),
}

/// A variable as written: `%NAME(argument):length%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The name, such as `REQ`.
    pub name: String,
    /// What is in the parentheses; `None` without parentheses and for empty ones, which Envoy treats alike.
    pub argument: Option<String>,
    /// The greatest length of the value, in bytes.
    pub length: Option<usize>,
}

/// A `%` that neither opens a variable nor is doubled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFormat {
    /// The text from that `%` on.
    rest: String,
}

impl fmt::Display for InvalidFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` does not start with a variable", self.rest)
    }
}

impl std::error::Error for InvalidFormat {}

/// Reads a value.
///
/// # Errors
/// Where a `%` opens no variable.
pub fn parse(text: &str) -> Result<Vec<Part>, InvalidFormat> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            plain.push('%');
            rest = after;
            continue;
        }
        let Some((call, after)) = read_call(after) else {
            let rest = rest.get(before.len()..).unwrap_or_default().to_owned();
            return Err(InvalidFormat { rest });
        };
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        parts.push(Part::Variable(call));
        rest = after;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    Ok(parts)
}

/// A variable at the start of `text`, which follows its `%`, and what follows the variable.
fn read_call(text: &str) -> Option<(Call, &str)> {
    let end = text.find(|letter: char| !matches!(letter, 'A'..='Z' | '0'..='9' | '_'))?;
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let call = |argument: Option<&str>, length| Call {
        name: name.to_owned(),
        argument: argument.filter(|it| !it.is_empty()).map(str::to_owned),
        length,
    };
    let Some(inside) = rest.strip_prefix('(') else {
        let (length, rest) = read_end(rest)?;
        return Some((call(None, length), rest));
    };
    // The shortest argument that leaves a valid end, as `.*?` finds it; `.` does not match a line break.
    let line = inside.split('\n').next().unwrap_or(inside);
    line.match_indices(')').find_map(|(at, _)| {
        let argument = inside.get(..at)?;
        let (length, rest) = read_end(inside.get(at + 1..)?)?;
        Some((call(Some(argument), length), rest))
    })
}

/// The end of a variable: perhaps a length, and `%`.
fn read_end(text: &str) -> Option<(Option<usize>, &str)> {
    let Some(rest) = text.strip_prefix(':') else {
        return Some((None, text.strip_prefix('%')?));
    };
    let (digits, rest) = rest.split_once('%')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    is_number
        .then(|| digits.parse().ok())
        .flatten()
        .map(|it| (Some(it), rest))
}

#[cfg(test)]
mod tests {
    use super::{Call, Part, parse};

    fn call(name: &str, argument: Option<&str>, length: Option<usize>) -> Part {
        Part::Variable(Call {
            name: name.to_owned(),
            argument: argument.map(str::to_owned),
            length,
        })
    }

    /// Each tried with Envoy 1.40.
    #[test]
    fn a_variable_ends_at_the_first_end_that_fits() {
        let cases = [
            ("", vec![]),
            ("100%%", vec![Part::Text("100%".to_owned())]),
            ("%REQ(a):5%", vec![call("REQ", Some("a"), Some(5))]),
            ("%REQ(a%)%", vec![call("REQ", Some("a%"), None)]),
            ("%CEL(size(x.y))%", vec![call("CEL", Some("size(x.y)"), None)]),
            ("%HOSTNAME()%", vec![call("HOSTNAME", None, None)]),
            ("%A%%B%", vec![call("A", None, None), call("B", None, None)]),
            ("%%A%%", vec![Part::Text("%A%".to_owned())]),
        ];
        for (text, parts) in cases {
            assert_eq!(parse(text), Ok(parts), "{text}");
        }
    }

    #[test]
    fn a_lone_percent_sign_is_refused() {
        for text in [
            "%",
            "100%",
            "%%%",
            "a%b",
            "%req(a)%",
            "% A%",
            "%A %",
            "%A",
            "%REQ(a)",
            "%REQ(a) %",
            "%REQ(a):-1%",
            "%REQ(a):x%",
            "%REQ(a)%b%",
            "%REQ(a)%%",
            "%CEL(%",
            "%REQ(a):99999999999999999999%",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
