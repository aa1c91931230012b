//! Which expressions Envoy accepts in `%CEL(…)%` and `%TYPED_CEL(…)%`.
//!
//! Envoy parses an expression of the Common Expression Language when it loads the configuration and plans its evaluation;
//! it refuses the whole configuration if either fails. Decided here: the grammar, its limits, and whether every function
//! and message exists. Not decided: the value of an expression, and whether its types fit, which Envoy only finds out per request.
//!
//! Sources: cel-cpp `parser/internal/Cel.g4`, `parser/parser.cc`, `internal/strings.cc`, `eval/compiler`; Envoy
//! `source/extensions/filters/common/expr/evaluator.cc`. Each rule was tried with Envoy 1.36 and 1.40, which differ in
//! names in backquotes only.

mod functions;
mod literal;
mod messages;
mod operand;
mod parser;
mod token;

use std::fmt;

/// Why an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidExpression {
    /// Counted in characters, from 1.
    column: usize,
    reason: Reason,
}

/// The same, while the text is being read.
struct Refusal {
    /// In bytes.
    offset: usize,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Expected(&'static str),
    Character(char),
    Literal(&'static str),
    Reserved(String),
    Backquotes,
    Optional,
    TooDeep,
    Has,
    Pattern,
    Comprehension(String),
    Function {
        name: String,
        arguments: usize,
        is_method: bool,
    },
    Message(String),
    Field {
        message: String,
        field: String,
    },
}

impl fmt::Display for InvalidExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Expected(what) => write!(f, "expected {what}")?,
            Reason::Character(found) => write!(f, "unexpected character {found:?}")?,
            Reason::Literal(what) => write!(f, "{what}")?,
            Reason::Reserved(word) => write!(f, "`{word}` is a reserved word")?,
            Reason::Backquotes => write!(f, "Envoy has names in backquotes from 1.40 on")?,
            Reason::Optional => write!(f, "optional fields (`?`) are not supported")?,
            Reason::TooDeep => write!(f, "it is nested more than {} levels deep", parser::MOST_LEVELS)?,
            Reason::Has => write!(f, "the argument of `has` must select a field, such as `has(a.b)`")?,
            Reason::Pattern => write!(f, "a constant pattern in `matches` is not supported")?,
            Reason::Comprehension(name) => write!(f, "`{name}` over a list or map is disabled")?,
            Reason::Function {
                name,
                arguments,
                is_method,
            } => {
                let kind = if *is_method { "method" } else { "function" };
                write!(f, "no {kind} `{name}` takes {arguments} arguments")?;
            }
            Reason::Message(name) => write!(
                f,
                "`{name}` is not a known message type; those of `google.protobuf` are"
            )?,
            Reason::Field { message, field } => write!(f, "the message `{message}` has no field `{field}`")?,
        }
        write!(f, " (character {} of the expression)", self.column)
    }
}

impl std::error::Error for InvalidExpression {}

/// Checks an expression as Envoy 1.`minor` does.
///
/// # Errors
/// Envoy refuses it. Or it has one of two parts that are not decided here, and no Istio lets pass: a constant pattern in `matches`, whose program
/// Envoy limits to 100 of RE2's instructions; and a message that is not of `google.protobuf`.
pub fn check(text: &str, minor: u16) -> Result<(), InvalidExpression> {
    let checked = token::tokens(text).and_then(|tokens| parser::Parser::new(tokens, minor).check());
    checked.map_err(|Refusal { offset, reason }| InvalidExpression {
        column: text.char_indices().take_while(|(at, _)| *at < offset).count() + 1,
        reason,
    })
}

#[cfg(test)]
mod tests;
