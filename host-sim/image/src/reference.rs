//! The name of an image in a registry.
//!
//! The forms of Docker and of Istio's agent: without a host it is one of Docker Hub, without a tag it is `latest`.

use std::fmt;
use std::str::FromStr;

const DOCKER_HUB: &str = "index.docker.io";
/// How people write it.
const DOCKER: &str = "docker.io";

/// A registry, a repository in it, and a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry's host, with its port if it has one.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
}

/// Not a name of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidReference(String);

impl fmt::Display for InvalidReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid image `{}`: expected a name such as registry.example.com/team/fingerpost:1.0, in small letters",
            self.0
        )
    }
}

impl std::error::Error for InvalidReference {}

impl Reference {
    /// Whether the registry is on this machine: such registries mostly speak plain HTTP.
    pub fn is_local(&self) -> bool {
        is_local(&self.registry)
    }
}

/// Whether a host, with or without a port, is this machine.
pub(crate) fn is_local(host: &str) -> bool {
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|it| it.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.registry, self.repository, self.tag)
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidReference(text.to_owned());
        let name = text.strip_prefix("oci://").unwrap_or(text);
        let (path, tag) = match name.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, tag),
            Some(_) | None => (name, "latest"),
        };
        let (registry, repository) = match path.split_once('/') {
            Some((DOCKER | DOCKER_HUB, rest)) if !rest.contains('/') => {
                (DOCKER_HUB, format!("library/{rest}"))
            }
            Some((DOCKER, rest)) => (DOCKER_HUB, rest.to_owned()),
            Some((host, rest)) if host == "localhost" || host.contains(['.', ':']) => (host, rest.to_owned()),
            Some(_) => (DOCKER_HUB, path.to_owned()),
            None => (DOCKER_HUB, format!("library/{path}")),
        };
        let is_host = |it: char| it.is_ascii_alphanumeric() || ".-:[]".contains(it);
        let is_part = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || "._-".contains(it))
                && part.starts_with(|it: char| it.is_ascii_alphanumeric())
        };
        let is_tag = (1..=128).contains(&tag.len())
            && tag
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || "._-".contains(it))
            && !tag.starts_with(['.', '-']);
        if !registry.chars().all(is_host) || !repository.split('/').all(is_part) || !is_tag {
            return Err(invalid());
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag: tag.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_as_docker_does() {
        for (text, registry, repository, tag) in [
            ("r.example.com/team/f:1.0", "r.example.com", "team/f", "1.0"),
            ("oci://localhost:5000/f", "localhost:5000", "f", "latest"),
            ("team/f:1", DOCKER_HUB, "team/f", "1"),
            ("f", DOCKER_HUB, "library/f", "latest"),
            ("docker.io/team/f:1", DOCKER_HUB, "team/f", "1"),
            ("docker.io/f:1", DOCKER_HUB, "library/f", "1"),
            ("[::1]:5000/f", "[::1]:5000", "f", "latest"),
        ] {
            let read: Reference = text.parse().unwrap();
            assert_eq!(
                (
                    read.registry.as_str(),
                    read.repository.as_str(),
                    read.tag.as_str()
                ),
                (registry, repository, tag)
            );
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            "r.example.com/",
            "r.example.com/F:1",
            "r.example.com/../f",
            "r.example.com/f:",
            "a b/c",
            "h.x/f@sha256:0",
            "h.x/f?x:1",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_loopback_is_local() {
        let is_local = |text: &str| text.parse::<Reference>().unwrap().is_local();
        assert!(is_local("localhost:5000/f") && is_local("127.0.0.1:5000/f") && is_local("[::1]:5000/f"));
        assert!(!is_local("localhost.example.com/f") && !is_local("10.0.0.1:5000/f"));
    }
}
