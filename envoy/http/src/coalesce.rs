//! The argument of `%COALESCE(…)%`: JSON with a list of variables, the first of which that has a value is taken.
//!
//! Source: Envoy `source/common/formatter/coalesce_formatter.cc`; tried with Envoy 1.37 to 1.40. What is not an object crashes those.

use std::fmt;

use serde_json::Value;

use crate::format::Call;
use crate::variable::{self, Refused};

/// Why Envoy refuses an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidArgument {
    Json(String),
    LargeInteger,
    Operators,
    /// Which of the operators, from 0, and why.
    Operator(usize, InvalidOperator),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidOperator {
    Form,
    Param,
    MaxLength,
    Variable(Box<Refused>),
}

impl fmt::Display for InvalidArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "it is not JSON: {error}"),
            Self::LargeInteger => write!(f, "an integer in it is larger than {}", i64::MAX),
            Self::Operators => write!(f, "expected an object with a list `operators` that is not empty"),
            Self::Operator(index, error) => {
                write!(f, "operators[{index}]: ")?;
                match error {
                    InvalidOperator::Form => {
                        write!(
                            f,
                            "expected the name of a variable, or an object with the name in `command`"
                        )
                    }
                    InvalidOperator::Param => write!(f, "`param` must be a string"),
                    InvalidOperator::MaxLength => write!(f, "`max_length` must be an integer above 0"),
                    InvalidOperator::Variable(error) => error.fmt(f),
                }
            }
        }
    }
}

/// Checks an argument, for Envoy 1.`minor`.
pub(crate) fn check(argument: &str, minor: u16) -> Result<(), InvalidArgument> {
    let json: Value = serde_json::from_str(argument).map_err(|it| InvalidArgument::Json(it.to_string()))?;
    if has_large_integer(&json) {
        return Err(InvalidArgument::LargeInteger);
    }
    let operators = json.get("operators").and_then(Value::as_array);
    let operators = operators
        .filter(|it| !it.is_empty())
        .ok_or(InvalidArgument::Operators)?;
    for (index, entry) in operators.iter().enumerate() {
        let checked = operator(entry).and_then(|call| {
            variable::check(&call, minor).map_err(|it| InvalidOperator::Variable(Box::new(it)))
        });
        checked.map_err(|error| InvalidArgument::Operator(index, error))?;
    }
    Ok(())
}

/// The variable that an operator names.
fn operator(entry: &Value) -> Result<Call, InvalidOperator> {
    let command = entry.as_str().or_else(|| entry.get("command")?.as_str());
    let text = |it: &Value| it.as_str().map(str::to_owned).ok_or(InvalidOperator::Param);
    let length = |it: &Value| {
        let length = it.as_i64().filter(|it| *it > 0);
        length
            .and_then(|it| usize::try_from(it).ok())
            .ok_or(InvalidOperator::MaxLength)
    };
    Ok(Call {
        name: command.ok_or(InvalidOperator::Form)?.to_owned(),
        argument: entry
            .get("param")
            .map(text)
            .transpose()?
            .filter(|it| !it.is_empty()),
        length: entry.get("max_length").map(length).transpose()?,
    })
}

/// Envoy's JSON reader refuses what fits into an unsigned integer of 64 bits only.
fn has_large_integer(json: &Value) -> bool {
    match json {
        Value::Number(number) => number.is_u64() && !number.is_i64(),
        Value::Array(values) => values.iter().any(has_large_integer),
        Value::Object(fields) => fields.values().any(has_large_integer),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    /// Each was put to `envoy --mode validate`, 1.37 and 1.40.
    #[test]
    fn arguments_are_those_that_envoy_accepts() {
        for argument in [
            r#"{"operators":["HOSTNAME"]}"#,
            r#" {"operators" : [ "HOSTNAME" ] } "#,
            r#"{"operators":["HOST\u004eAME"],"more":[1,{"a":null}],"":99999999999999999999}"#,
            r#"{"operators":["UNKNOWN"],"operators":["HOSTNAME"]}"#,
            r#"{"operators":[{"command":"REQ","param":"x-a","max_length":9223372036854775807,"more":1}]}"#,
            r#"{"operators":[{"command":"PROTOCOL","param":""}]}"#,
            r#"{"operators":[{"command":"CEL","param":"request.path"}]}"#,
            r#"{"operators":[{"command":"COALESCE","param":"{\"operators\":[\"HOSTNAME\"]}"}]}"#,
        ] {
            assert!(
                check(argument, 40).is_ok(),
                "{argument}: {:?}",
                check(argument, 40)
            );
        }
        for argument in [
            "",
            "x",
            "{",
            "null",
            "1",
            "\"a\"",
            "[]",
            "{}",
            r#"{"operators":null}"#,
            r#"{"operators":"HOSTNAME"}"#,
            r#"{"operators":{}}"#,
            r#"{"operators":[]}"#,
            r#"{"operators":[1]}"#,
            r#"{"operators":[null]}"#,
            r#"{"operators":[["HOSTNAME"]]}"#,
            r#"{"operators":[{}]}"#,
            r#"{"operators":[{"Command":"HOSTNAME"}]}"#,
            r#"{"operators":[{"command":1}]}"#,
            r#"{"operators":[""]}"#,
            r#"{"operators":["UNKNOWN"]}"#,
            r#"{"operators":["hostname"]}"#,
            r#"{"operators":["%HOSTNAME%"]}"#,
            r#"{"operators":["REQ"]}"#,
            r#"{"operators":["HOSTNAME","REQ"]}"#,
            r#"{"operators":[{"command":"REQ","param":1}]}"#,
            r#"{"operators":[{"command":"REQ","param":null}]}"#,
            r#"{"operators":[{"command":"REQ","param":"x-a","max_length":0}]}"#,
            r#"{"operators":[{"command":"REQ","param":"x-a","max_length":1.0}]}"#,
            r#"{"operators":[{"command":"REQ","param":"x-a","max_length":"1"}]}"#,
            r#"{"operators":[{"command":"REQ","param":"x-a","max_length":null}]}"#,
            r#"{"operators":[{"command":"REQ","param":"x-a","max_length":99999999999999999999}]}"#,
            r#"{"operators":[{"command":"PROTOCOL","param":"x"}]}"#,
            r#"{"operators":[{"command":"PROTOCOL","max_length":3}]}"#,
            r#"{"operators":[{"command":"FILTER_STATE","param":"a:X"}]}"#,
            r#"{"operators":["CEL"]}"#,
            r#"{"operators":[{"command":"CEL","param":"request."}]}"#,
            r#"{"operators":["COALESCE"]}"#,
            r#"{"operators":[{"command":"COALESCE","param":"{\"operators\":[]}"}]}"#,
            r#"{"operators":["HOSTNAME",]}"#,
            r#"{"operators":["HOSTNAME"]}x"#,
            r#"{"operators":["HOSTNAME"]/*a*/}"#,
            r#"{"operators":["HOSTNAME"],"a":9223372036854775808}"#,
            r#"{"operators":["HOSTNAME"],"a":1e999}"#,
            r#"{"operators":["HOSTNAME"],"a":"\ud800"}"#,
            r#"{"operators":["HOSTNAME"],"a":01}"#,
        ] {
            assert!(check(argument, 40).is_err(), "{argument}");
        }
    }
}
