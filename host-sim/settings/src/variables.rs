//! Settings from environment variables.

use std::env::split_paths;
use std::ffi::OsString;
use std::fmt;

use crate::Values;
use crate::check::{check, flag};
use crate::setting::{Kind, SETTINGS};

/// A variable that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidVariable {
    name: &'static str,
    reason: String,
}

impl fmt::Display for InvalidVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "environment variable {}: {}", self.name, self.reason)
    }
}

impl std::error::Error for InvalidVariable {}

/// The settings that variables have. One that is empty is as one that is not set.
///
/// # Errors
/// A value is not UTF-8, or not one of its setting.
pub fn from_variables(value_of: impl Fn(&str) -> Option<OsString>) -> Result<Values, InvalidVariable> {
    let mut values = Values::new();
    for setting in SETTINGS {
        let invalid = |reason: String| InvalidVariable {
            name: setting.variable,
            reason,
        };
        let Some(value) = value_of(setting.variable).filter(|it| !it.is_empty()) else {
            continue;
        };
        let texts = match setting.kind {
            Kind::Paths => split_paths(&value)
                .map(|it| it.into_os_string().into_string())
                .collect::<Result<Vec<_>, _>>(),
            Kind::Ignored => value
                .into_string()
                .map(|it| it.split(',').map(|it| it.trim().to_owned()).collect()),
            Kind::Namespace
            | Kind::Domain
            | Kind::OneOf(_)
            | Kind::EnvoyVersion
            | Kind::Locality
            | Kind::Number
            | Kind::Labels
            | Kind::Flag => value.into_string().map(|it| vec![it]),
        };
        let mut texts = texts.map_err(|_| invalid("it is not UTF-8".to_owned()))?;
        for text in &texts {
            check(setting.kind, text).map_err(&invalid)?;
        }
        if setting.kind == Kind::Flag {
            texts = texts
                .iter()
                .filter_map(|it| flag(it))
                .map(|it| it.to_string())
                .collect();
        }
        values.insert(setting.option, texts);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_and_flags_are_read() {
        let variables = [
            ("FINGERPOST_FILES", "k8s:more/a.yaml"),
            ("FINGERPOST_LABELS", "app=a,istio=b"),
            ("FINGERPOST_IGNORE", "unknown-host, no-gateway:old"),
            ("FINGERPOST_STRICT", "yes"),
            ("FINGERPOST_DOMAIN", ""),
        ];
        let value_of = |name: &str| {
            let found = variables.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let values = from_variables(value_of).expect("valid");
        let expected: Values = [
            ("files", vec!["k8s", "more/a.yaml"]),
            ("labels", vec!["app=a,istio=b"]),
            ("ignore", vec!["unknown-host", "no-gateway:old"]),
            ("strict", vec!["true"]),
        ]
        .map(|(name, values)| (name, values.into_iter().map(str::to_owned).collect()))
        .into();
        assert_eq!(values, expected);
    }

    #[test]
    fn a_flag_is_true_or_false() {
        let value_of = |name: &str| (name == "FINGERPOST_HELM").then(|| OsString::from("maybe"));
        let error = from_variables(value_of).expect_err("no flag");
        assert_eq!(
            error.to_string(),
            "environment variable FINGERPOST_HELM: expected true or false, found `maybe`"
        );
    }

    #[test]
    fn every_setting_checks_its_variable() {
        for setting in SETTINGS {
            let value_of = |name: &str| (name == setting.variable).then(|| OsString::from("no,such/=value"));
            let read = from_variables(value_of);
            match (setting.kind, read) {
                (Kind::Paths, read) => assert!(read.is_ok()),
                (_, Ok(values)) => panic!("{}: {values:?}", setting.variable),
                (_, Err(error)) => assert!(error.to_string().contains(setting.variable), "{error}"),
            }
        }
    }
}
