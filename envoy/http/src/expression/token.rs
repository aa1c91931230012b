//! The words of an expression. Source: the lexer rules of `Cel.g4`.

use super::literal::{self, Quoted};
use super::{Reason, Refusal};

/// A word, and the offset in bytes where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) offset: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name; reserved words are names too.
    Name(String),
    /// A name in backquotes.
    QuotedName(String),
    /// An integer as written, without a sign.
    Int(String),
    /// An unsigned integer as written, without its `u`.
    Uint(String),
    Float,
    /// A string constant.
    Text,
    Bytes,
    /// `true`, `false` and `null`.
    Constant,
    /// An operator or a bracket, and the word `in`.
    Symbol(&'static str),
    End,
}

/// Longer ones first.
const SYMBOLS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":",
    "+", "*", "/", "%",
];

/// The words of `text`; the last is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = skip_blanks(text);
    while !rest.is_empty() {
        let offset = text.len() - rest.len();
        let (kind, after) = token(rest).map_err(|reason| Refusal { offset, reason })?;
        tokens.push(Token { kind, offset });
        rest = skip_blanks(after);
    }
    let offset = text.len();
    tokens.push(Token {
        kind: Kind::End,
        offset,
    });
    Ok(tokens)
}

/// Blanks and comments.
fn skip_blanks(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(['\t', ' ', '\r', '\n', '\u{c}']);
        match rest.strip_prefix("//") {
            Some(comment) => rest = comment.split_once('\n').map_or("", |(_, after)| after),
            None => return rest,
        }
    }
}

/// The word at the start of `text`, and what follows it. The longest reading wins.
fn token(text: &str) -> Result<(Kind, &str), Reason> {
    if let Some(Quoted { kind, rest }) = literal::quoted(text)? {
        return Ok((kind, rest));
    }
    if let Some(number) = number(text) {
        return Ok(number);
    }
    let name_end = text
        .find(|it: char| !(it.is_ascii_alphanumeric() || it == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    if !name.is_empty() {
        let kind = match name {
            "in" => Kind::Symbol("in"),
            "true" | "false" | "null" => Kind::Constant,
            name => Kind::Name(name.to_owned()),
        };
        return Ok((kind, rest));
    }
    if let Some(inside) = text.strip_prefix('`') {
        let is_part = |it: char| it.is_ascii_alphanumeric() || "_.-/ ".contains(it);
        let name = inside
            .split_once('`')
            .filter(|(name, _)| !name.is_empty() && name.chars().all(is_part));
        let (name, rest) = name.ok_or(Reason::Literal(
            "a name in backquotes has letters, digits and any of _ . - / and blank",
        ))?;
        return Ok((Kind::QuotedName(name.to_owned()), rest));
    }
    let symbol = SYMBOLS.iter().find_map(|it| Some((*it, text.strip_prefix(it)?)));
    let (symbol, rest) = symbol.ok_or(Reason::Character(text.chars().next().unwrap_or_default()))?;
    Ok((Kind::Symbol(symbol), rest))
}

/// A number at the start of `text`, and what follows it.
fn number(text: &str) -> Option<(Kind, &str)> {
    if let Some(hex) = text.strip_prefix("0x") {
        let end = digits_end(hex, |it| it.is_ascii_hexdigit());
        if end > 0 {
            let (digits, rest) = hex.split_at(end);
            return Some(integer(format!("0x{digits}"), rest));
        }
    }
    let is_digit = |it: char| it.is_ascii_digit();
    let (whole, rest) = text.split_at(digits_end(text, is_digit));
    let fraction = rest
        .strip_prefix('.')
        .map(|after| after.split_at(digits_end(after, is_digit)));
    let (has_fraction, rest) = match fraction {
        Some((digits, after)) if !digits.is_empty() => (true, after),
        Some(_) | None => (false, rest),
    };
    if whole.is_empty() && !has_fraction {
        return None;
    }
    let exponent = rest.strip_prefix(['e', 'E']).and_then(|after| {
        let after = after.strip_prefix(['+', '-']).unwrap_or(after);
        let end = digits_end(after, is_digit);
        (end > 0).then(|| after.split_at(end).1)
    });
    match exponent {
        Some(rest) => Some((Kind::Float, rest)),
        None if has_fraction => Some((Kind::Float, rest)),
        None => Some(integer(whole.to_owned(), rest)),
    }
}

fn integer(digits: String, rest: &str) -> (Kind, &str) {
    match rest.strip_prefix(['u', 'U']) {
        Some(rest) => (Kind::Uint(digits), rest),
        None => (Kind::Int(digits), rest),
    }
}

fn digits_end(text: &str, is_digit: impl Fn(char) -> bool) -> usize {
    text.find(|it| !is_digit(it)).unwrap_or(text.len())
}
