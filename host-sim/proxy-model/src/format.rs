//! Values of header edits: text with variables such as `%REQ(:PATH)%`.
//!
//! A variable whose value only a running proxy knows makes the outcome unknown. One that Envoy does not know
//! makes Envoy refuse the whole bootstrap; the model says so where it meets it.

use crate::facts::Facts;
use crate::headers::Headers;
use crate::outcome::Skipped;
use crate::variable::{self, Variable};

/// A text with variables.
#[derive(Debug)]
pub(crate) struct Format {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Variable {
        variable: Variable,
        limit: Option<usize>,
    },
    /// Why nobody can say.
    Unknown(String),
}

impl Format {
    /// Reads a text. What is no format at all is found out when it is used.
    pub(crate) fn read(text: &str) -> Self {
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
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            let Some((part, after)) = read_variable(after) else {
                parts.push(Part::Unknown(format!("Envoy refuses the header value `{text}`")));
                return Self { parts };
            };
            parts.push(part);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Self { parts }
    }

    /// The text for one request.
    pub(crate) fn write(&self, request: &Headers, facts: &Facts<'_>) -> Result<Vec<u8>, Skipped> {
        let mut written = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => written.extend_from_slice(text.as_bytes()),
                Part::Unknown(reason) => return Err(Skipped::because(reason.clone())),
                Part::Variable { variable, limit } => {
                    let value = variable.value(request, facts)?;
                    let length = limit.map_or(value.len(), |limit| limit.min(value.len()));
                    written.extend_from_slice(&value[..length]);
                }
            }
        }
        Ok(written)
    }
}

/// A variable at the start of `text`, which follows its `%`, and what follows the variable.
fn read_variable(text: &str) -> Option<(Part, &str)> {
    let end = text.find(|letter: char| !matches!(letter, 'A'..='Z' | '0'..='9' | '_'))?;
    let (command, rest) = text.split_at(end);
    let (argument, rest) = match rest.strip_prefix('(') {
        None => (None, rest),
        Some(rest) => rest
            .split_once(')')
            .map(|(argument, rest)| (Some(argument), rest))?,
    };
    let (limit, rest) = match rest.strip_prefix(':') {
        None => (None, rest),
        Some(rest) => {
            let end = rest.find('%')?;
            (Some(rest[..end].parse().ok()?), &rest[end..])
        }
    };
    let rest = rest.strip_prefix('%').filter(|_| !command.is_empty())?;
    let part = match variable::read(command, argument) {
        Ok(variable) => Part::Variable { variable, limit },
        Err(reason) => Part::Unknown(reason),
    };
    Some((part, rest))
}
