//! Where a proxy gets the filter's module: an OCI image, a web address or a file.
//!
//! The forms of Istio's `url` (istio api `extensions/v1alpha1/wasm.proto`). A registry's own rules for names are not
//! checked.

use std::fmt;
use std::str::FromStr;

/// Where the module is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleLocation {
    /// An OCI image, such as `registry.example.com/fingerpost:1.0`.
    Image {
        /// The reference, without `oci://` and without the digest.
        reference: String,
        /// The digest of the manifest that the reference names, in hexadecimal, if it names one.
        sha256: Option<String>,
    },
    /// A module behind an address that starts with `http://` or `https://`.
    Web(String),
    /// An absolute path in the proxy's own container.
    File(String),
}

/// Not a place of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidModuleLocation {
    text: String,
    reason: &'static str,
}

impl fmt::Display for InvalidModuleLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid image `{}`: {}; expected e.g. registry.example.com/fingerpost:1.0, https://example.com/fingerpost.wasm or \
             file:///opt/fingerpost.wasm",
            self.text, self.reason
        )
    }
}

impl std::error::Error for InvalidModuleLocation {}

impl FromStr for ModuleLocation {
    type Err = InvalidModuleLocation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidModuleLocation {
            text: text.to_owned(),
            reason,
        };
        if text.is_empty() || text.contains(|it: char| it.is_whitespace() || it.is_control()) {
            return Err(invalid("it is empty or has white space"));
        }
        if let Some(path) = text.strip_prefix("file://") {
            return match path.strip_prefix('/') {
                Some(rest) if !rest.is_empty() => Ok(Self::File(path.to_owned())),
                Some(_) | None => Err(invalid("the path of a file:// address must be absolute")),
            };
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Web(text.to_owned()));
        }
        let reference = text.strip_prefix("oci://").unwrap_or(text);
        if reference.contains("://") {
            return Err(invalid("only oci, http, https and file are supported"));
        }
        let (reference, sha256) = match reference.split_once('@') {
            None => (reference, None),
            Some((reference, digest)) => {
                let hex = digest
                    .strip_prefix("sha256:")
                    .filter(|it| is_sha256(it))
                    .ok_or_else(|| invalid("the digest must be sha256: and 64 hexadecimal digits"))?;
                (reference, Some(hex.to_owned()))
            }
        };
        // A reference without a host is one of Docker Hub, for Istio's agent too.
        if reference.is_empty() || reference.starts_with(['/', ':']) || reference.ends_with(['/', ':']) {
            return Err(invalid("a part of the reference is missing"));
        }
        Ok(Self::Image {
            reference: reference.to_owned(),
            sha256,
        })
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_istio_is_read() {
        let hex = "0".repeat(64);
        let image = |reference: &str, sha256: Option<&str>| ModuleLocation::Image {
            reference: reference.to_owned(),
            sha256: sha256.map(str::to_owned),
        };
        for (text, expected) in [
            ("r.example.com/f:1", image("r.example.com/f:1", None)),
            ("oci://r.example.com:5000/f", image("r.example.com:5000/f", None)),
            (
                &format!("r.example.com/f:1@sha256:{hex}"),
                image("r.example.com/f:1", Some(&hex)),
            ),
            (
                "https://e.com/f.wasm",
                ModuleLocation::Web("https://e.com/f.wasm".to_owned()),
            ),
            (
                "file:///opt/f.wasm",
                ModuleLocation::File("/opt/f.wasm".to_owned()),
            ),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "",
            "a b",
            "file://opt",
            "file:///",
            "ftp://e.com/f",
            "r/f@sha256:abc",
            "r/f@md5:0",
            "r/f:",
            "/f",
        ] {
            assert!(text.parse::<ModuleLocation>().is_err(), "{text}");
        }
    }
}
