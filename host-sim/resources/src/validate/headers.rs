//! Changes of headers: which may be changed, and what the values may hold.

use super::Checker;
use super::path::Path;
use crate::code::Code;
use crate::http_policy::{HeaderOperations, Headers};
use crate::virtual_service::HttpRoute;
use crate::yaml::short;

pub(super) fn check(headers: &Headers, path: &Path<'_>, cx: &mut Checker<'_>) {
    for (side, changes) in [("request", &headers.request), ("response", &headers.response)] {
        if let Some(changes) = changes {
            check_changes(changes, &path.field(side), side == "request", cx);
        }
    }
}

fn check_changes(operations: &HeaderOperations, path: &Path<'_>, of_request: bool, cx: &mut Checker<'_>) {
    for (field, values) in [("add", &operations.add), ("set", &operations.set)] {
        let path = path.field(field);
        for (name, value) in values {
            let path = path.field(name);
            if name.is_empty() || !of_request || !is_authority(name) {
                check_name(name, &path, cx);
            }
            if let Err(reason) = check_value(value) {
                let message = format!("{} can't be the value of a header: {reason}", short(value));
                cx.error(Code::BadHeader, &path, message);
            }
        }
    }
    let remove = path.field("remove");
    for (index, name) in operations.remove.iter().enumerate() {
        check_name(name, &remove.item(index), cx);
    }
}

fn check_name(name: &str, path: &Path<'_>, cx: &mut Checker<'_>) {
    if name.is_empty() {
        cx.error(Code::BadHeader, path, "the name of a header can't be empty");
    } else if name.eq_ignore_ascii_case("host") {
        cx.error(
            Code::BadHeader,
            path,
            "the host header can only be set or added, and only on the request",
        );
    } else if name.starts_with(':') {
        cx.error(
            Code::BadHeader,
            path,
            format!(
                "{name:?} cannot be changed: names that begin with a colon are parts of the request line"
            ),
        )
        .help("use `rewrite` for path and authority");
    }
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority")
}

/// The authority can be changed in one place of a rule.
pub(super) fn check_authority(rule: &HttpRoute, path: &Path<'_>, cx: &mut Checker<'_>) {
    let rewritten = rule.rewrite.as_ref().map_or("", |it| it.authority.as_str());
    let mut current = (!rewritten.is_empty()).then_some(rewritten);
    let Some(changes) = rule.headers.as_ref().and_then(|it| it.request.as_ref()) else {
        return;
    };
    let path = path.field("headers");
    let path = path.field("request");
    for (field, values) in [("set", &changes.set), ("add", &changes.add)] {
        let path = path.field(field);
        for (name, value) in values.iter().filter(|(name, _)| is_authority(name)) {
            if let Some(earlier) = current {
                let message = format!("the authority is changed twice: to {earlier:?} and to {value:?}");
                cx.error(Code::Conflict, &path.field(name), message);
                return;
            }
            current = Some(value).filter(|it| !it.is_empty()).map(String::as_str);
        }
    }
}

/// Where reading a value has come to.
enum Reading {
    Literal,
    /// After `%`, in the name of a variable.
    Variable,
    /// After `(`.
    Arguments,
    /// In a list of arguments, before a text.
    BeforeText,
    Text,
    AfterText,
    /// After the list of arguments.
    BeforeParenthesis,
    AfterParenthesis,
}

/// Whether Envoy's header parser takes a value: `%%` is a percent sign, `%NAME%` and
/// `%NAME(argument)%` are variables. Which variables there are is not asked.
fn check_value(value: &str) -> Result<(), String> {
    if let Some(letter) = value.chars().find(|it| (it.is_ascii_control()) && *it != '\t') {
        return Err(format!("it holds {letter:?}"));
    }
    let unexpected =
        |wanted: &str, found: u8| Err(format!("expected {wanted}, found {:?}", char::from(found)));
    let mut state = Reading::Literal;
    let mut bytes = value.bytes().peekable();
    while let Some(byte) = bytes.next() {
        state = match (state, byte) {
            (Reading::Literal, b'%') => match bytes.peek() {
                None => return Err("a percent sign is written `%%`".to_owned()),
                Some(b'%') => {
                    bytes.next();
                    Reading::Literal
                }
                Some(_) => Reading::Variable,
            },
            (Reading::Literal, _) => Reading::Literal,
            (Reading::Variable, b'%') => Reading::Literal,
            (Reading::Variable, b'(') => Reading::Arguments,
            (Reading::Variable, _) => Reading::Variable,
            (Reading::Arguments, b'[') => Reading::BeforeText,
            (Reading::Arguments, b' ') => Reading::Arguments,
            (Reading::Arguments, _) => Reading::Text,
            (Reading::BeforeText, b'"') => Reading::Text,
            (Reading::BeforeText, b' ') => Reading::BeforeText,
            (Reading::BeforeText, found) => return unexpected("'\"'", found),
            (Reading::Text, b'\\') => match bytes.next() {
                None => return Err("it ends with a backslash".to_owned()),
                Some(_) => Reading::Text,
            },
            (Reading::Text, b')') => Reading::AfterParenthesis,
            (Reading::Text, b'"') => Reading::AfterText,
            (Reading::Text, _) => Reading::Text,
            (Reading::AfterText, b',') => Reading::BeforeText,
            (Reading::AfterText, b']') => Reading::BeforeParenthesis,
            (Reading::AfterText, b' ') => Reading::AfterText,
            (Reading::AfterText, found) => return unexpected("',' or ']'", found),
            (Reading::BeforeParenthesis, b')') => Reading::AfterParenthesis,
            (Reading::BeforeParenthesis, b' ') => Reading::BeforeParenthesis,
            (Reading::BeforeParenthesis, found) => return unexpected("')'", found),
            (Reading::AfterParenthesis, b'%') => Reading::Literal,
            (Reading::AfterParenthesis, b' ') => Reading::AfterParenthesis,
            (Reading::AfterParenthesis, found) => return unexpected("'%'", found),
        };
    }
    match state {
        Reading::Literal => Ok(()),
        _ => Err("a `%` opens a variable that does not end; a percent sign is written `%%`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_value;

    #[test]
    fn percent_signs_come_in_pairs_or_around_a_variable() {
        for value in [
            "",
            "a",
            "100%%",
            "%HOSTNAME%",
            "a %REQ(:PATH)% b",
            "%START_TIME([\"a\", \"b\"])%",
            "a\tb",
            "ä",
        ] {
            assert_eq!(check_value(value), Ok(()), "{value}");
        }
        for value in [
            "%",
            "100%",
            "%X",
            "%START_TIME%%",
            "%X([\"a\" b])%",
            "%X(a",
            "%X(a)b%",
            "%X(a\\",
            "a\nb",
        ] {
            assert!(check_value(value).is_err(), "{value}");
        }
    }
}
