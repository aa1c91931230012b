//! Values of header edits: text with variables such as `%REQ(:PATH)%`.
//!
//! A variable whose value only a running proxy knows makes the outcome unknown. One that Envoy does not know
//! makes Envoy refuse the whole bootstrap; the model says so where it meets it.

use crate::facts::Facts;
use crate::headers::{Headers, get};
use crate::outcome::Skipped;
use crate::route_match::without_query;

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

/// A variable that the model knows.
#[derive(Debug)]
enum Variable {
    RequestHeader(HeaderNames),
    RequestHeaderWithoutQuery(HeaderNames),
    ResponseHeader(HeaderNames),
    RouteName,
    VirtualHostName,
    Cluster,
    ServerName,
    Status,
    /// The same for every request.
    Constant(&'static str),
}

/// A header, and the one to look at if it is missing.
#[derive(Debug)]
struct HeaderNames {
    main: String,
    alternative: Option<String>,
}

/// Headers that Envoy itself writes, with values that the model does not have.
const OF_A_RUNNING_PROXY: &[&str] = &[
    "x-request-id",
    "x-forwarded-for",
    "x-envoy-external-address",
    "x-forwarded-client-cert",
    "date",
    "x-envoy-upstream-service-time",
];

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
    let part = match variable(command, argument) {
        Ok(variable) => Part::Variable { variable, limit },
        Err(reason) => Part::Unknown(reason),
    };
    Some((part, rest))
}

fn variable(command: &str, argument: Option<&str>) -> Result<Variable, String> {
    let names = || header_names(command, argument);
    Ok(match command {
        "REQ" => Variable::RequestHeader(names()?),
        "REQ_WITHOUT_QUERY" => Variable::RequestHeaderWithoutQuery(names()?),
        "RESP" => Variable::ResponseHeader(names()?),
        "TRAILER" => {
            names()?;
            Variable::Constant("")
        }
        "PROTOCOL" => Variable::Constant("HTTP/1.1"),
        "ROUTE_NAME" => Variable::RouteName,
        "VIRTUAL_HOST_NAME" => Variable::VirtualHostName,
        "UPSTREAM_CLUSTER" | "UPSTREAM_CLUSTER_RAW" => Variable::Cluster,
        "REQUESTED_SERVER_NAME" if argument.is_none() => Variable::ServerName,
        "RESPONSE_CODE" => Variable::Status,
        _ => return Err(format!("only a running proxy knows %{command}%")),
    })
}

fn header_names(command: &str, argument: Option<&str>) -> Result<HeaderNames, String> {
    let argument = argument.ok_or_else(|| format!("Envoy refuses %{command}% without a header's name"))?;
    let (main, alternative) = match argument.split_once('?') {
        None => (argument, None),
        Some((_, more)) if more.contains('?') => {
            return Err(format!(
                "Envoy refuses %{command}({argument})%: more than one alternative"
            ));
        }
        Some((main, alternative)) => (main, Some(alternative)),
    };
    Ok(HeaderNames {
        main: main.to_ascii_lowercase(),
        alternative: alternative
            .map(str::to_ascii_lowercase)
            .filter(|it| !it.is_empty()),
    })
}

impl Variable {
    fn value<'v>(&'v self, request: &'v Headers, facts: &'v Facts<'_>) -> Result<&'v [u8], Skipped> {
        Ok(match self {
            Self::RequestHeader(names) => names.value(request)?,
            Self::RequestHeaderWithoutQuery(names) => without_query(names.value(request)?),
            Self::ResponseHeader(names) => match &facts.answer {
                Some(answer) => names.value(answer)?,
                None => b"",
            },
            Self::RouteName => facts.route_name.as_bytes(),
            Self::VirtualHostName => facts.virtual_host.as_bytes(),
            Self::Cluster => facts.cluster.unwrap_or_default().as_bytes(),
            Self::ServerName => facts.server_name.unwrap_or_default().as_bytes(),
            Self::Status => match &facts.answer {
                None => b"0",
                Some(_) => return Err(Skipped::because("when Envoy notes the status is not modelled")),
            },
            Self::Constant(text) => text.as_bytes(),
        })
    }
}

impl HeaderNames {
    /// The first value of the header, or of the alternative if it is missing.
    fn value<'h>(&self, headers: &'h Headers) -> Result<&'h [u8], Skipped> {
        let found = [Some(&self.main), self.alternative.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|name| get(headers, name).map(|value| (name, value)));
        match found {
            Some((name, _)) if OF_A_RUNNING_PROXY.contains(&name.as_str()) => Err(Skipped::because(format!(
                "only a running proxy knows the value of {name}"
            ))),
            Some((_, value)) => Ok(value),
            None => Ok(b""),
        }
    }
}
