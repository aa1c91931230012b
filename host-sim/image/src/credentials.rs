//! A user's name and password for a registry, as Docker keeps them.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// A user and a password. Neither is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `user:password` in base64.
    basic: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// Those of `registry` in the text of Docker's `config.json`. None if it has none: credentials that a helper program keeps
    /// are not found.
    pub fn in_docker_config(config: &str, registry: &str) -> Option<Self> {
        let config: Value = serde_json::from_str(config).ok()?;
        let auths = config.get("auths")?;
        let keys = [
            registry.to_owned(),
            format!("https://{registry}"),
            format!("https://{registry}/v1/"),
        ];
        let found = keys.iter().find_map(|key| auths.get(key))?;
        let basic = match found.get("auth").and_then(Value::as_str) {
            Some(auth) if !auth.is_empty() => auth.to_owned(),
            Some(_) | None => {
                let user = found.get("username")?.as_str()?;
                let password = found.get("password")?.as_str()?;
                BASE64_STANDARD.encode(format!("{user}:{password}"))
            }
        };
        // What is not one line of base64 would become a header of its own.
        BASE64_STANDARD.decode(&basic).ok().map(|_| Self { basic })
    }

    /// The value of an `authorization` header.
    pub(crate) fn header(&self) -> String {
        format!("Basic {}", self.basic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_by_their_registry() {
        let config = r#"{"auths": {"r.example.com": {"auth": "dTpw"}, "https://index.docker.io/v1/": {"username": "u", "password": "q"}}}"#;
        let found = |registry| Credentials::in_docker_config(config, registry).map(|it| it.header());
        assert_eq!(found("r.example.com").as_deref(), Some("Basic dTpw"));
        assert_eq!(found("index.docker.io").as_deref(), Some("Basic dTpx"));
        assert_eq!(found("other.example.com"), None);
    }

    #[test]
    fn credentials_are_not_printed() {
        let found = Credentials::in_docker_config(r#"{"auths": {"r": {"auth": "dTpw"}}}"#, "r").unwrap();
        assert_eq!(format!("{found:?}"), "Credentials");
    }
}
