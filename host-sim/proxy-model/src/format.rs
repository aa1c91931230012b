//! Values of header edits: text with variables such as `%REQ(:PATH)%`.
//!
//! A variable whose value only a running proxy knows makes the outcome unknown. One that Envoy does not know
//! makes Envoy refuse the whole bootstrap; the model says so where it meets it.

use fingerpost_envoy_http::format;
use fingerpost_envoy_http::header_map::Headers;

use crate::facts::Facts;
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
    /// Why the value is unknown.
    Unknown(String),
}

impl Format {
    /// Reads a text. What Envoy refuses is found out when it is used.
    pub(crate) fn read(text: &str) -> Self {
        let parts = match format::parse(text) {
            Ok(parts) => parts.into_iter().map(part).collect(),
            Err(_) => vec![Part::Unknown(format!("Envoy refuses the header value `{text}`"))],
        };
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

fn part(part: format::Part) -> Part {
    let call = match part {
        format::Part::Text(text) => return Part::Text(text),
        format::Part::Variable(call) => call,
    };
    match variable::read(&call) {
        Ok(variable) => Part::Variable {
            variable,
            limit: call.length,
        },
        Err(reason) => Part::Unknown(reason),
    }
}
