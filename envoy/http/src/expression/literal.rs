//! Constants in quotes: strings and bytes. Sources: `Cel.g4`, and `internal/strings.cc` for what the lexer lets through.

use super::Reason;
use super::token::Kind;

/// A constant in quotes, and what follows it.
pub(super) struct Quoted<'t> {
    pub(super) kind: Kind,
    pub(super) rest: &'t str,
}

/// The constant at the start of `text`; `None` if there is another word.
pub(super) fn quoted(text: &str) -> Result<Option<Quoted<'_>>, Reason> {
    let (is_bytes, after) = strip_letter(text, 'b');
    let (is_raw, after) = strip_letter(after, 'r');
    let Some(mark) = ["\"\"\"", "'''", "\"", "'"]
        .iter()
        .find(|it| after.starts_with(**it))
    else {
        return Ok(None);
    };
    // Without its end a triple quote is an empty string, followed by what cannot follow one.
    let unterminated = Reason::Literal("a string without its closing quote");
    let inside = after.get(mark.len()..).unwrap_or_default();
    let is_line = mark.len() == 1;
    let rest = if is_raw {
        after_raw(inside, mark, is_line)?
    } else {
        let (body, rest) = escaped(inside, mark, is_line).ok_or(unterminated)?;
        check_escapes(body, is_bytes)?;
        rest
    };
    let kind = if is_bytes { Kind::Bytes } else { Kind::Text };
    Ok(Some(Quoted { kind, rest }))
}

fn strip_letter(text: &str, letter: char) -> (bool, &str) {
    match text.strip_prefix([letter, letter.to_ascii_uppercase()]) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

/// What follows a raw constant. The lexer ends it at the first mark; a backslash then takes the character after it along, so
/// that it must not be the last.
fn after_raw<'t>(inside: &'t str, mark: &str, is_line: bool) -> Result<&'t str, Reason> {
    let (body, rest) = inside
        .split_once(mark)
        .filter(|(body, _)| !(is_line && body.contains(['\n', '\r'])))
        .ok_or(Reason::Literal("a string without its closing quote"))?;
    let mut letters = body.chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' && letters.next().is_none() {
            return Err(Reason::Literal(
                "a raw string must not end with an odd number of backslashes",
            ));
        }
    }
    Ok(rest)
}

/// The body up to the first mark that no backslash precedes.
fn escaped<'t>(inside: &'t str, mark: &str, is_line: bool) -> Option<(&'t str, &'t str)> {
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        let (body, rest) = inside.split_at(at);
        if let Some(rest) = rest.strip_prefix(mark) {
            return Some((body, rest));
        }
        if letter == '\\' {
            letters.next();
        }
        if is_line && matches!(letter, '\n' | '\r') {
            return None;
        }
    }
    None
}

fn check_escapes(body: &str, is_bytes: bool) -> Result<(), Reason> {
    let mut rest = body;
    while let Some((_, after)) = rest.split_once('\\') {
        rest = after_escape(after, is_bytes)?;
    }
    Ok(())
}

/// What follows the escape whose backslash precedes `text`.
fn after_escape(text: &str, is_bytes: bool) -> Result<&str, Reason> {
    let unknown = || Reason::Literal("an unknown escape in a string");
    let first = text.chars().next().ok_or_else(unknown)?;
    let after = text.get(first.len_utf8()..).unwrap_or_default();
    match first {
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '"' | '\'' | '\\' | '?' | '`' => Ok(after),
        '0'..='3' => after_code(text, 3, 8),
        'x' | 'X' => after_code(after, 2, 16),
        'u' | 'U' if is_bytes => Err(Reason::Literal("`\\u` in a bytes constant")),
        'u' => after_code(after, 4, 16),
        'U' => after_code(after, 8, 16),
        _ => Err(unknown()),
    }
}

/// What follows a code point that is written with so many digits.
fn after_code(text: &str, digits: usize, radix: u32) -> Result<&str, Reason> {
    let split = text.split_at_checked(digits);
    let (number, rest) = split
        .filter(|(number, _)| number.chars().all(|it| it.is_digit(radix)))
        .ok_or(Reason::Literal("an escape in a string has too few digits"))?;
    let letter = u32::from_str_radix(number, radix).ok().and_then(char::from_u32);
    letter.map(|_| rest).ok_or(Reason::Literal(
        "an escape in a string that is not a Unicode character",
    ))
}
