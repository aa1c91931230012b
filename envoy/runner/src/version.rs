//! Versions of Envoy, as `envoy --version` prints them.

use std::fmt;

/// A version of Envoy; older is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Always 1 so far.
    pub major: u32,
    /// Grows with each quarterly release.
    pub minor: u32,
    /// Grows with each fix.
    pub patch: u32,
}

impl Version {
    /// The oldest version that can run what we compile.
    pub const OLDEST_SUPPORTED: Self = Self {
        major: 1,
        minor: 36,
        patch: 0,
    };

    /// Reads `1.40.0`; a suffix such as `-dev` is allowed.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.split('-').next()?;
        let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
        let version = Self {
            major: parts.next()??,
            minor: parts.next()??,
            patch: parts.next()??,
        };
        parts.next().is_none().then_some(version)
    }

    /// Reads the version out of what `envoy --version` prints:
    /// `envoy  version: 9e558093…/1.40.0/Clean/RELEASE/BoringSSL`.
    pub(crate) fn from_banner(banner: &str) -> Option<Self> {
        let (_, build) = banner.split_once("version:")?;
        let [_revision, version, _tree, _build, _tls] = build.split('/').collect::<Vec<_>>()[..] else {
            return None;
        };
        Self::parse(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32, minor: u32, patch: u32) -> Option<Version> {
        Some(Version { major, minor, patch })
    }

    #[test]
    fn the_banner_of_a_release_and_of_a_development_build_are_read() {
        let release = "\nenvoy  version: 9e55809337/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(Version::from_banner(release), version(1, 40, 0));
        let development = "envoy  version: 0/1.41.0-dev/Modified/DEBUG/BoringSSL";
        assert_eq!(Version::from_banner(development), version(1, 41, 0));
    }

    #[test]
    fn other_banners_are_not_versions() {
        for banner in [
            "",
            "true (GNU coreutils) 9.1",
            "nginx version: nginx/1.22.1",
            "version: x/1.40/Clean",
        ] {
            assert_eq!(Version::from_banner(banner), None, "{banner}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(Version::parse("1.9.5") < Version::parse("1.36.4"));
        assert!(Version::parse("1.36.0") >= Some(Version::OLDEST_SUPPORTED));
    }
}
