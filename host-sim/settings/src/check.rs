//! Whether a text is a value of a setting. The same for the file, a variable and the option, each of which says where
//! the text is from.

use std::str::FromStr;

use fingerpost_config_compiler::{EnvoyVersion, Labels, Locality};
use fingerpost_resources::name_list;

use crate::ignored::IgnoredFinding;
use crate::setting::Kind;

/// Checks one text of a setting.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(kind: Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Namespace => namespace(text)
            .map(drop)
            .map_err(|it| format!("invalid namespace `{text}`: {it}")),
        Kind::Domain => domain(text)
            .map(drop)
            .map_err(|it| format!("invalid domain `{text}`: {it}")),
        Kind::OneOf(choices) if choices.contains(&text) => Ok(()),
        Kind::OneOf(choices) => Err(format!("expected {}, found `{text}`", name_list(choices, "or"))),
        Kind::EnvoyVersion => EnvoyVersion::from_str(text)
            .map(drop)
            .map_err(|it| it.to_string()),
        Kind::Locality => Locality::from_str(text).map(drop).map_err(|it| it.to_string()),
        Kind::Number => match text.parse::<u32>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("expected a whole number, found `{text}`")),
        },
        Kind::Labels => Labels::from_str(text).map(drop),
        Kind::Flag => flag(text)
            .map(drop)
            .ok_or_else(|| format!("expected true or false, found `{text}`")),
        Kind::Ignored => IgnoredFinding::from_str(text)
            .map(drop)
            .map_err(|it| it.to_string()),
        Kind::Paths => Ok(()),
    }
}

/// The name of a namespace: a DNS label, as Kubernetes has it (RFC 1123).
///
/// # Errors
/// What is expected.
pub fn namespace(text: &str) -> Result<String, String> {
    let is_inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    let is_label = (1..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_label {
        return Ok(text.to_owned());
    }
    Err("expected 1 to 63 small letters, digits and inner hyphens".to_owned())
}

/// The domain of a cluster: DNS labels with dots between.
///
/// # Errors
/// What is expected.
pub fn domain(text: &str) -> Result<String, String> {
    for label in text.split('.') {
        namespace(label).map_err(|error| format!("{error} in each part between dots"))?;
    }
    Ok(text.to_owned())
}

/// On or off, as people write it in environment variables.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
