//! Which variables Envoy has in the values of header edits, and which arguments they accept.
//!
//! Envoy refuses the whole configuration for one that it does not have. The value of a variable is decided
//! elsewhere. Source: Envoy `source/common/formatter/`; every rule here was tried with Envoy 1.36 to 1.40.

use std::fmt;

use crate::coalesce::{self, InvalidArgument};
use crate::expression::{self, InvalidExpression};
use crate::format::Call;
use crate::header::is_token_byte;
use crate::variable_names::{OPTIONAL, PLAIN};

/// Why Envoy refuses a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    name: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Unknown,
    TooNew(u16),
    NeedsArgument,
    TakesNoArgument,
    TakesNoLength,
    Argument { given: String, expected: &'static str },
    Expression(InvalidExpression),
    Coalesce(InvalidArgument),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.reason {
            Reason::Unknown => write!(f, "Envoy has no variable %{name}%"),
            Reason::TooNew(minor) => write!(f, "Envoy has the variable %{name}% from 1.{minor} on"),
            Reason::NeedsArgument => write!(f, "the variable %{name}% needs an argument: `%{name}(…)%`"),
            Reason::TakesNoArgument => write!(f, "the variable %{name}% takes no argument"),
            Reason::TakesNoLength => write!(f, "the variable %{name}% takes no length"),
            Reason::Argument { given, expected } => {
                write!(
                    f,
                    "invalid argument `{given}` of the variable %{name}%: expected {expected}"
                )
            }
            Reason::Expression(error) => write!(f, "invalid expression in %{name}%: {error}"),
            Reason::Coalesce(error) => write!(f, "invalid argument of the variable %{name}%: {error}"),
        }
    }
}

impl std::error::Error for Refused {}

/// What a variable accepts in its parentheses and behind them.
struct Shape {
    /// The first minor version of Envoy, from 1.36 on, that has it so.
    since: u16,
    argument: Argument,
    /// Whether a length may follow.
    length: bool,
}

enum Argument {
    None,
    Optional,
    Required,
    Checked(fn(Option<&str>) -> Result<(), &'static str>),
    Expression,
    Coalesce,
}

/// Whether Envoy 1.`minor` accepts the variable.
///
/// # Errors
/// The reason, if it does not.
pub fn check(call: &Call, minor: u16) -> Result<(), Refused> {
    let refused = |reason| Refused {
        name: call.name.clone(),
        reason,
    };
    let shapes = shapes(&call.name);
    let known = shapes.iter().rev().find(|it| it.since <= minor);
    let Some(shape) = known else {
        let reason = shapes
            .first()
            .map_or(Reason::Unknown, |it| Reason::TooNew(it.since));
        return Err(refused(reason));
    };
    let argument = call.argument.as_deref();
    match (&shape.argument, argument) {
        (Argument::None, Some(_)) => return Err(refused(Reason::TakesNoArgument)),
        (Argument::Required | Argument::Expression | Argument::Coalesce, None) => {
            return Err(refused(Reason::NeedsArgument));
        }
        (Argument::Checked(check), _) => check(argument).map_err(|expected| match argument {
            None => refused(Reason::NeedsArgument),
            Some(given) => refused(Reason::Argument {
                given: given.to_owned(),
                expected,
            }),
        })?,
        (Argument::Expression, Some(text)) => {
            expression::check(text, minor).map_err(|it| refused(Reason::Expression(it)))?;
        }
        (Argument::Coalesce, Some(json)) => {
            coalesce::check(json, minor).map_err(|it| refused(Reason::Coalesce(it)))?;
        }
        (Argument::None | Argument::Optional, _) | (Argument::Required, Some(_)) => {}
    }
    if call.length.is_some() && !shape.length {
        return Err(refused(Reason::TakesNoLength));
    }
    Ok(())
}

/// What the variable accepted over time, oldest first; nothing for an unknown one.
fn shapes(name: &str) -> Vec<Shape> {
    let one = |since, argument, length| {
        vec![Shape {
            since,
            argument,
            length,
        }]
    };
    match name {
        "REQ" | "RESP" | "TRAILER" => one(36, Argument::Checked(header_names), true),
        "REQUEST_HEADER" | "RESPONSE_HEADER" | "RESPONSE_TRAILER" => {
            one(37, Argument::Checked(header_names), true)
        }
        "STREAM_INFO_REQ" => one(36, Argument::Checked(alternatives), true),
        "ENVIRONMENT" | "QUERY_PARAM" => one(36, Argument::Required, true),
        "CLUSTER_METADATA" | "PER_REQUEST_STATE" | "UPSTREAM_METADATA" => one(36, Argument::Required, false),
        "DYNAMIC_METADATA" => {
            let mut shapes = one(36, Argument::Required, false);
            shapes.extend(one(37, Argument::Required, true));
            shapes
        }
        "METADATA" => {
            let mut shapes = one(36, Argument::Checked(metadata), true);
            shapes.extend(one(37, Argument::Checked(newer_metadata), true));
            shapes
        }
        "FILTER_STATE" | "UPSTREAM_FILTER_STATE" => one(36, Argument::Checked(filter_state), true),
        "COMMON_DURATION" => one(36, Argument::Checked(common_duration), false),
        "GRPC_STATUS" => one(36, Argument::Checked(grpc_status), false),
        "PATH" => one(36, Argument::Checked(path), true),
        "QUERY_PARAMS" => one(38, Argument::Checked(query_parameters), true),
        "REQUESTED_SERVER_NAME" => {
            let mut shapes = one(36, Argument::None, false);
            shapes.extend(one(37, Argument::Checked(server_name), false));
            shapes
        }
        "CEL" | "TYPED_CEL" => one(36, Argument::Expression, true),
        "COALESCE" => one(37, Argument::Coalesce, true),
        name => {
            let since = |table: &[(u16, &[&str])]| {
                let found = table.iter().find(|(_, names)| names.contains(&name));
                found.map(|(since, _)| *since)
            };
            let plain = since(PLAIN)
                .into_iter()
                .flat_map(|it| one(it, Argument::None, false));
            let optional = since(OPTIONAL)
                .into_iter()
                .flat_map(|it| one(it, Argument::Optional, false));
            plain.chain(optional).collect()
        }
    }
}

/// `name` or `name?other`, either of them perhaps empty.
fn header_names(argument: Option<&str>) -> Result<(), &'static str> {
    alternatives(argument)?;
    let names = argument.unwrap_or_default().split('?');
    let are_tokens = |it: &str| it.strip_prefix(':').unwrap_or(it).bytes().all(is_token_byte);
    let valid = names.into_iter().all(are_tokens);
    valid
        .then_some(())
        .ok_or("the name of a header, such as `x-user` or `:path`")
}

fn alternatives(argument: Option<&str>) -> Result<(), &'static str> {
    let marks = argument.map(|it| it.matches('?').count());
    marks
        .filter(|it| *it <= 1)
        .map(drop)
        .ok_or("at most one alternative, such as `x-user?x-name`")
}

fn metadata(argument: Option<&str>) -> Result<(), &'static str> {
    const KINDS: [&str; 6] = [
        "DYNAMIC",
        "CLUSTER",
        "ROUTE",
        "UPSTREAM_HOST",
        "LISTENER",
        "VIRTUAL_HOST",
    ];
    let kind = argument.unwrap_or_default().split(':').next().unwrap_or_default();
    KINDS.contains(&kind).then_some(()).ok_or(
        "`DYNAMIC`, `CLUSTER`, `ROUTE`, `UPSTREAM_HOST`, `LISTENER` or `VIRTUAL_HOST`, a colon, and a name",
    )
}

fn newer_metadata(argument: Option<&str>) -> Result<(), &'static str> {
    let is_chain = argument.unwrap_or_default().split(':').next() == Some("LISTENER_FILTER_CHAIN");
    if is_chain { Ok(()) } else { metadata(argument) }
}

fn filter_state(argument: Option<&str>) -> Result<(), &'static str> {
    let parts: Vec<&str> = argument.unwrap_or_default().split(':').collect();
    let valid = match parts.as_slice() {
        ["", ..] | [] => false,
        [_] | [_, "" | "PLAIN" | "TYPED"] => true,
        [_, "FIELD", field, ..] => !field.is_empty(),
        [_, _, ..] => false,
    };
    valid
        .then_some(())
        .ok_or("a key, and perhaps `:PLAIN`, `:TYPED` or `:FIELD:name`")
}

fn common_duration(argument: Option<&str>) -> Result<(), &'static str> {
    let parts: Vec<&str> = argument.unwrap_or_default().split(':').collect();
    let valid = matches!(parts.as_slice(), [_, _] | [_, _, "ms" | "us" | "ns"]);
    valid
        .then_some(())
        .ok_or("two points in time, and perhaps `ms`, `us` or `ns`, with colons between")
}

fn grpc_status(argument: Option<&str>) -> Result<(), &'static str> {
    let valid = matches!(argument, None | Some("CAMEL_STRING" | "SNAKE_STRING" | "NUMBER"));
    valid
        .then_some(())
        .ok_or("`CAMEL_STRING`, `SNAKE_STRING` or `NUMBER`")
}

fn path(argument: Option<&str>) -> Result<(), &'static str> {
    let mut parts = argument.unwrap_or_default().split(':');
    let query = matches!(parts.next(), None | Some("" | "WQ" | "NQ"));
    let original = matches!(parts.next(), None | Some("" | "ORIG" | "PATH" | "ORIG_OR_PATH"));
    (query && original)
        .then_some(())
        .ok_or("`WQ` or `NQ`, and perhaps `:ORIG`, `:PATH` or `:ORIG_OR_PATH`")
}

fn query_parameters(argument: Option<&str>) -> Result<(), &'static str> {
    let valid = matches!(argument, None | Some("ORIG" | "DECODED"));
    valid.then_some(()).ok_or("`ORIG` or `DECODED`")
}

fn server_name(argument: Option<&str>) -> Result<(), &'static str> {
    let mut parts = argument.unwrap_or_default().split(':');
    let kind = matches!(
        parts.next(),
        None | Some("" | "SNI_ONLY" | "SNI_FIRST" | "HOST_FIRST")
    );
    let original = matches!(parts.next(), None | Some("" | "ORIG" | "HOST" | "ORIG_OR_HOST"));
    (kind && original)
        .then_some(())
        .ok_or("`SNI_ONLY`, `SNI_FIRST` or `HOST_FIRST`, and perhaps `:ORIG`, `:HOST` or `:ORIG_OR_HOST`")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::format::{Part, parse};

    fn is_accepted(text: &str, minor: u16) -> bool {
        match parse(text).as_deref() {
            Ok([Part::Variable(call)]) => check(call, minor).is_ok(),
            other => panic!("{text}: {other:?}"),
        }
    }

    /// Each tried with Envoy 1.40.
    #[test]
    fn arguments_are_those_that_envoy_accepts() {
        for text in [
            "%HOSTNAME%",
            "%HOSTNAME()%",
            "%REQ(a)%",
            "%REQ(:path?x-b):3%",
            "%REQ(?)%",
            "%START_TIME(%Y)%",
            "%PATH:3%",
            "%PATH(NQ:ORIG)%",
            "%GRPC_STATUS%",
            "%METADATA(ROUTE:a)%",
            "%FILTER_STATE(a:FIELD:b)%",
            "%COMMON_DURATION(a:b:ms)%",
            "%REQUESTED_SERVER_NAME(SNI_FIRST:HOST)%",
            "%DYNAMIC_METADATA(a):3%",
            "%CEL(request.path):0%",
            "%TYPED_CEL(size(request.path) % 2 == 0)%",
            "%COALESCE({\"operators\":[\"HOSTNAME\"]}):5%",
        ] {
            assert!(is_accepted(text, 40), "{text}");
        }
        for text in [
            "%UNKNOWN%",
            "%A%",
            "%REQ%",
            "%REQ()%",
            "%REQ(a?b?c)%",
            "%REQ(a b)%",
            "%REQ(a:b)%",
            "%PROTOCOL(x)%",
            "%PROTOCOL:3%",
            "%METADATA%",
            "%METADATA(X:a)%",
            "%PATH(X)%",
            "%GRPC_STATUS(X)%",
            "%FILTER_STATE%",
            "%FILTER_STATE(a:X)%",
            "%FILTER_STATE(a:FIELD)%",
            "%COMMON_DURATION(a)%",
            "%QUERY_PARAM()%",
            "%COMMON_DURATION(a:b:s)%",
            "%UPSTREAM_FOO%",
            "%START_TIME(%Y):3%",
            "%UPSTREAM_METADATA(a):3%",
            "%CEL%",
            "%CEL:5%",
            "%CEL(request.)%",
            "%TYPED_CEL(foo(1))%",
            "%COALESCE%",
            "%COALESCE({})%",
        ] {
            assert!(!is_accepted(text, 40), "{text}");
        }
    }

    #[test]
    fn a_variable_is_unknown_to_an_envoy_before_it() {
        for (text, since) in [
            ("%LISTENER_NAME%", 40),
            ("%QUERY_PARAMS%", 38),
            ("%REQUEST_HEADER(a)%", 37),
            ("%REQUESTED_SERVER_NAME(SNI_ONLY)%", 37),
            ("%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(a)%", 38),
            ("%METADATA(LISTENER_FILTER_CHAIN:a)%", 37),
            ("%COALESCE({\"operators\":[\"HOSTNAME\"]})%", 37),
            ("%COALESCE({\"operators\":[\"SPAN_ID\"]})%", 38),
        ] {
            assert!(!is_accepted(text, since - 1), "{text}");
            assert!(is_accepted(text, since), "{text}");
        }
    }
}
