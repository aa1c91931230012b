//! Releases of Istio, and what differs between them for these manifests.

use std::fmt;
use std::str::FromStr;

use fingerpost_config_compiler::EnvoyVersion;

/// A release of Istio whose gateway runs a supported Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IstioRelease {
    envoy: EnvoyVersion,
}

/// The proxy of Istio 1.28 is Envoy 1.36, and so on: both have a release each quarter.
const AHEAD: u16 = 8;

impl IstioRelease {
    /// The newest supported release.
    pub const NEWEST: Self = Self {
        envoy: EnvoyVersion::NEWEST,
    };

    /// The release whose gateway is this Envoy.
    pub fn of_envoy(envoy: EnvoyVersion) -> Self {
        Self { envoy }
    }

    /// The Envoy that its gateway is.
    pub fn envoy(self) -> EnvoyVersion {
        self.envoy
    }

    /// From 1.30 on there is `TrafficExtension`, and `WasmPlugin` is turned into one.
    pub(super) fn has_traffic_extension(self) -> bool {
        self.minor() >= 30
    }

    fn minor(self) -> u16 {
        self.envoy.minor() - AHEAD
    }
}

impl fmt::Display for IstioRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor())
    }
}

/// The text is not a supported release of Istio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownIstioRelease(String);

impl fmt::Display for UnknownIstioRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unsupported Istio version `{}`: expected {} to {}",
            self.0,
            IstioRelease::of_envoy(EnvoyVersion::OLDEST),
            IstioRelease::NEWEST
        )
    }
}

impl std::error::Error for UnknownIstioRelease {}

impl FromStr for IstioRelease {
    type Err = UnknownIstioRelease;

    /// Reads `1.32` or `1.32.1`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownIstioRelease(text.to_owned());
        let rest = text.strip_prefix("1.").ok_or_else(unknown)?;
        let minor: u16 = rest
            .split('.')
            .next()
            .unwrap_or_default()
            .parse()
            .map_err(|_| unknown())?;
        let envoy = minor.checked_add(AHEAD).ok_or_else(unknown)?;
        let envoy = format!("1.{envoy}").parse().map_err(|_| unknown())?;
        Ok(Self { envoy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_known_by_its_envoy() {
        for (text, envoy) in [("1.28", "1.36"), ("1.30.2", "1.38"), ("1.32", "1.40")] {
            let release: IstioRelease = text.parse().unwrap();
            assert_eq!(release.envoy().to_string(), envoy);
        }
        for wrong in ["", "1", "1.27", "1.33", "2.30", "1.x", "1.65535"] {
            assert!(wrong.parse::<IstioRelease>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn traffic_extension_is_there_from_1_30_on() {
        let has = |text: &str| text.parse::<IstioRelease>().unwrap().has_traffic_extension();
        assert!(!has("1.29") && has("1.30") && has("1.32"));
    }
}
