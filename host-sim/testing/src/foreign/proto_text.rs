//! Proto's text form, as far as test files use it, as the tree that YAML would give.
//!
//! Fields, messages in `{…}` or `<…>`, lists in `[…]`, texts that are joined when they are side by side. A field
//! that repeats becomes a list. What the fields mean is not known here. Extensions and `Any` are refused.
//! <https://protobuf.dev/reference/protobuf/textformat-spec/>

use std::sync::Arc;

use fingerpost_resources::Place;
use fingerpost_resources::yaml::{Entry, Node, Scalar, Value, Written};

/// Why a text is not in that form, and where it stops being so.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) place: Place,
    pub(super) message: String,
}

/// Whether a text looks like a message in text form whose first field is one of `names`.
pub(super) fn begins_with(text: &str, names: &[&str]) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
    }
    let name: &str = rest
        .split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
        .next()
        .unwrap_or("");
    let after = rest.get(name.len()..).unwrap_or("").trim_start();
    let after = after.strip_prefix(':').unwrap_or(after).trim_start();
    names.contains(&name) && after.starts_with(['{', '<'])
}

/// Reads a message.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser { text, at: 0 };
    if text.starts_with('\u{feff}') {
        parser.at = '\u{feff}'.len_utf8();
    }
    let entries = parser.fields(None, 0)?;
    Ok(Node {
        value: Value::Map(entries.into()),
        place: Place::of_bytes(text, 0, text.len()),
    })
}

/// Deeper than any test file, and shallow enough for the stack.
const DEPTH: usize = 64;

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    /// The fields up to the closing bracket, or to the end.
    fn fields(&mut self, close: Option<char>, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
        if depth > DEPTH {
            return Err(self.error("messages are nested too deeply"));
        }
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            match (self.peek(), close) {
                (None, None) => return Ok(entries),
                (None, Some(close)) => return Err(self.error(format!("expected `{close}`, found the end"))),
                (Some(letter), Some(close)) if letter == close => {
                    self.at += 1;
                    return Ok(entries);
                }
                (Some(',' | ';'), _) => self.at += 1,
                (Some(_), _) => {
                    let start = self.at;
                    let key = self.name()?.to_owned();
                    let key_place = self.place(start, self.at);
                    let has_colon = self.take(':');
                    let value = self.value(has_colon, depth)?;
                    add(&mut entries, key, key_place, value);
                }
            }
        }
    }

    fn value(&mut self, has_colon: bool, depth: usize) -> Result<Arc<Node>, SyntaxError> {
        let letter = self.peek();
        let start = self.at;
        let value = match letter {
            Some(open @ ('{' | '<')) => {
                self.at += 1;
                let close = if open == '{' { '}' } else { '>' };
                Value::Map(self.fields(Some(close), depth + 1)?.into())
            }
            Some('[') if has_colon => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.take(']') {
                    if !items.is_empty() && !self.take(',') {
                        return Err(self.error("expected `,` or `]`"));
                    }
                    items.push(self.value(true, depth + 1)?);
                }
                Value::List(items.into())
            }
            Some('"' | '\'') if has_colon => Value::Scalar(Scalar::Text(self.quoted()?)),
            Some(_) if has_colon => Value::Scalar(self.plain()?),
            Some(_) | None => return Err(self.error("expected `:` or `{` after the name of a field")),
        };
        Ok(Arc::new(Node {
            value,
            place: self.place(start, self.at),
        }))
    }

    fn name(&mut self) -> Result<&'t str, SyntaxError> {
        let rest = self.rest();
        let end = rest
            .find(|it: char| !it.is_ascii_alphanumeric() && it != '_')
            .unwrap_or(rest.len());
        if end == 0 {
            let found = rest
                .chars()
                .next()
                .map_or(String::new(), |it| format!(", found `{it}`"));
            return Err(self.error(format!("expected the name of a field{found}")));
        }
        self.at += end;
        Ok(rest.get(..end).unwrap_or_default())
    }

    fn plain(&mut self) -> Result<Scalar, SyntaxError> {
        let rest = self.rest();
        let end = rest
            .find(|it: char| !it.is_ascii_alphanumeric() && !matches!(it, '_' | '-' | '+' | '.'))
            .unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default();
        if text.is_empty() {
            return Err(self.error("expected a value"));
        }
        self.at += end;
        Ok(match text {
            "true" | "True" | "t" => Scalar::Bool(Written::new(true, text)),
            "false" | "False" | "f" => Scalar::Bool(Written::new(false, text)),
            _ => match (
                text.parse::<i128>(),
                text.trim_end_matches(['f', 'F']).parse::<f64>(),
            ) {
                (Ok(value), _) => Scalar::Integer(Written::new(value, text)),
                (Err(_), Ok(value)) if text.starts_with(|it: char| !it.is_ascii_alphabetic()) => {
                    Scalar::Float(Written::new(value, text))
                }
                (Err(_), _) => Scalar::Text(text.to_owned()),
            },
        })
    }

    /// Adjacent texts are one.
    fn quoted(&mut self) -> Result<String, SyntaxError> {
        let mut bytes = Vec::new();
        let start = self.at;
        while let Some(quote @ ('"' | '\'')) = self.peek() {
            self.at += 1;
            self.until(quote, &mut bytes)?;
        }
        String::from_utf8(bytes).map_err(|_| SyntaxError {
            place: self.place(start, self.at),
            message: "this text is not UTF-8".to_owned(),
        })
    }

    fn until(&mut self, quote: char, bytes: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let mut utf8 = [0; 4];
        loop {
            let Some(letter) = self.rest().chars().next().filter(|it| *it != '\n') else {
                return Err(self.error(format!("expected {quote} at the end of the text")));
            };
            self.at += letter.len_utf8();
            match letter {
                _ if letter == quote => return Ok(()),
                '\\' => self.escape(bytes)?,
                _ => bytes.extend_from_slice(letter.encode_utf8(&mut utf8).as_bytes()),
            }
        }
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let Some(letter) = self.rest().chars().next() else {
            return Err(self.error("expected a letter after `\\`"));
        };
        let byte = match letter {
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'v' => 11,
            '\\' | '\'' | '"' | '?' => letter as u8,
            'x' | 'X' => {
                self.at += 1;
                return self.digits(16, 2, bytes);
            }
            '0'..='7' => return self.digits(8, 3, bytes),
            _ => return Err(self.error(format!("invalid escape `\\{letter}`"))),
        };
        self.at += 1;
        bytes.push(byte);
        Ok(())
    }

    fn digits(&mut self, radix: u32, most: usize, bytes: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let count = self
            .rest()
            .chars()
            .take(most)
            .take_while(|it| it.is_digit(radix))
            .count();
        let digits = self.rest().get(..count).unwrap_or_default();
        let byte = u8::from_str_radix(digits, radix);
        let byte = byte.map_err(|_| self.error("invalid byte escape"))?;
        self.at += count;
        bytes.push(byte);
        Ok(())
    }

    /// The next letter that is neither space nor comment; reading goes on at it.
    fn peek(&mut self) -> Option<char> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            match trimmed.chars().next() {
                Some('#') => self.at += trimmed.find('\n').unwrap_or(trimmed.len()),
                other => return other,
            }
        }
    }

    fn take(&mut self, letter: char) -> bool {
        let there = self.peek() == Some(letter);
        if there {
            self.at += letter.len_utf8();
        }
        there
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn place(&self, start: usize, end: usize) -> Place {
        Place::of_bytes(self.text, start, end)
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError {
            place: self.place(self.at, self.at + 1),
            message: message.into(),
        }
    }
}

/// Adds a field; one that is there already becomes a list.
fn add(entries: &mut Vec<Entry>, key: String, key_place: Place, value: Arc<Node>) {
    let Some(before) = entries.iter_mut().find(|it| *it.key == *key) else {
        entries.push(Entry {
            key: key.into(),
            key_place,
            value,
        });
        return;
    };
    let mut items = match &before.value.value {
        Value::List(items) => items.to_vec(),
        Value::Scalar(_) | Value::Map(_) => vec![Arc::clone(&before.value)],
    };
    match &value.value {
        Value::List(more) => items.extend(more.iter().cloned()),
        Value::Scalar(_) | Value::Map(_) => items.push(value),
    }
    before.value = Arc::new(Node {
        value: Value::List(items.into()),
        place: before.value.place,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as JSON.
    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Scalar(Scalar::Text(text)) => format!("{text:?}"),
            Value::Scalar(scalar) => scalar.written().cloned().unwrap_or_default(),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|it| shown(it)).collect();
                format!("[{}]", items.join(","))
            }
            Value::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|it| format!("{}:{}", it.key, shown(&it.value)))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }

    #[test]
    fn the_text_form_is_read_as_a_tree() {
        for (text, tree) in [
            ("a: 1 b { c: \"d\" }", r#"{a:1,b:{c:"d"}}"#),
            ("a { x: 1 } a: { x: 2 } a < x: 3 >", "{a:[{x:1},{x:2},{x:3}]}"),
            (
                "# first\na: 'it''s' \"\\x41\\101\\n\", b: [1, 2]; c: ENUM",
                "{a:\"itsAA\\n\",b:[1,2],c:\"ENUM\"}",
            ),
            ("a: -1.5 b: true", "{a:-1.5,b:true}"),
        ] {
            let node = parse(text).unwrap_or_else(|error| panic!("{text}: {}", error.message));
            assert_eq!(shown(&node), tree, "{text}");
        }
    }

    #[test]
    fn what_is_not_in_text_form_is_refused_with_its_place() {
        for (text, line, message) in [
            ("a {\n b: 1", 2, "expected `}`, found the end"),
            ("a: \"x\n", 1, "expected \" at the end of the text"),
            ("\na b", 2, "expected `:` or `{` after the name of a field"),
            ("a: \"\\q\"", 1, "invalid escape `\\q`"),
            ("[ext]: 1", 1, "expected the name of a field, found `[`"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.message, message, "{text}");
            assert_eq!(error.place.in_file(&"f".into()).line, line, "{text}");
        }
        assert!(parse(&"a {".repeat(100_000)).is_err());
    }

    #[test]
    fn the_first_field_tells_the_form() {
        for (text, is) in [
            ("tests {\n}", true),
            ("# c\n\n tests: { }", true),
            ("tests:\n- a", false),
            ("{\"tests\": []}", false),
            ("testsuite { }", false),
        ] {
            assert_eq!(begins_with(text, &["tests"]), is, "{text}");
        }
    }
}
