//! What a compilation is made for: which proxy, which Envoy, which engine.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::locality::Locality;
use crate::mounted_secrets::MountedSecrets;
use crate::operations::Operations;

/// For whom and for what the resources are compiled.
#[derive(Debug, Clone)]
pub struct Options {
    /// Labels of the proxy. Only Gateways whose selector they satisfy are served.
    pub labels: BTreeMap<String, String>,
    /// Namespace in which the proxy runs (not that of the Gateway resource).
    pub namespace: String,
    /// Where the proxy runs. None: its labels may say it, or its Pods.
    pub locality: Option<Locality>,
    /// Domain of the cluster, the end of every service's full name.
    pub domain: String,
    /// Whether a short host of a VirtualService is served as it is written too, and with its namespace, as in the table
    /// of a sidecar. A gateway's table has the full name alone.
    pub short_names: bool,
    /// The Envoy release whose behaviour is wanted.
    pub envoy: EnvoyVersion,
    /// Who matches the requests.
    pub engine: Engine,
    /// Where Envoy finds the filter's module. An absolute path works from any directory.
    pub module_path: String,
    /// Whether the filter names the rule of each request, for access logs and tests. It costs two calls of the proxy for each
    /// request; nothing else depends on it.
    pub name_rules: bool,
    /// How many proxies before this one are trusted to say where a request comes from, such as load balancers: Istio's
    /// `gatewayTopology.numTrustedProxies`.
    pub trusted_hops: u32,
    /// Secrets that Envoy finds as files.
    pub mounted_secrets: Option<MountedSecrets>,
    /// What the bootstrap has for those who run the proxy. None: routes only, as tests and simulations need it.
    pub operations: Option<Operations>,
}

/// The proxy is the gateway of Istio's own installation, with the two labels that Gateways select it by
/// (istio `manifests/charts/gateways/istio-ingress/values.yaml`).
impl Default for Options {
    fn default() -> Self {
        Self {
            labels: BTreeMap::from([
                ("app".to_owned(), "istio-ingressgateway".to_owned()),
                ("istio".to_owned(), "ingressgateway".to_owned()),
            ]),
            namespace: "istio-system".to_owned(),
            locality: None,
            domain: "cluster.local".to_owned(),
            short_names: false,
            envoy: EnvoyVersion::NEWEST,
            engine: Engine::Wasm,
            module_path: "fingerpost.wasm".to_owned(),
            name_rules: true,
            trusted_hops: 0,
            mounted_secrets: None,
            operations: None,
        }
    }
}

/// Who matches the requests in the compiled bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Our filter chooses, a native route behind the chosen key acts.
    Wasm,
    /// Envoy's own route table does both: the reference.
    Native,
}

/// An Envoy release, 1.36 to 1.40.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvoyVersion {
    minor: u16,
}

impl EnvoyVersion {
    /// The oldest release that is supported.
    pub const OLDEST: Self = Self { minor: 36 };
    /// The newest release that is supported, and the default.
    pub const NEWEST: Self = Self { minor: 40 };

    /// The 40 of 1.40.
    pub fn minor(self) -> u16 {
        self.minor
    }

    /// From 1.39 each value of a repeated header is tried by itself; before, they are joined with a
    /// comma (Envoy's runtime guard `match_headers_individually`).
    pub fn tries_each_header_value(self) -> bool {
        self.minor >= 39
    }

    /// From 1.40 on a character is a byte to a pattern; before, a code point (Envoy's runtime guard
    /// `re2_use_latin1_mode`).
    pub fn reads_patterns_by_byte(self) -> bool {
        self.minor >= 40
    }

    /// A rewrite that leaves nothing of the path is not made, from 1.39 at the latest; 1.36 sends an empty path
    /// (both tried).
    pub fn keeps_a_path_that_would_be_empty(self) -> bool {
        self.minor >= 39
    }

    /// From 1.39 on a retry budget has a `budget_interval`.
    pub(crate) fn has_budget_interval(self) -> bool {
        self.minor >= 39
    }

    /// Up to 1.39 a client's `x-envoy-upstream-stream-duration-ms` is obeyed unless it is removed
    /// (Envoy 1.40, guard `sanitize_upstream_stream_duration_header`).
    pub fn obeys_stream_duration_of_clients(self) -> bool {
        self.minor < 40
    }
}

impl fmt::Display for EnvoyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

/// The text is not a supported Envoy release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEnvoyVersion(String);

impl fmt::Display for UnknownEnvoyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unsupported Envoy version `{}`: expected {} to {}",
            self.0,
            EnvoyVersion::OLDEST,
            EnvoyVersion::NEWEST
        )
    }
}

impl std::error::Error for UnknownEnvoyVersion {}

impl FromStr for EnvoyVersion {
    type Err = UnknownEnvoyVersion;

    /// Reads `1.40` or `1.40.0`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownEnvoyVersion(text.to_owned());
        let mut parts = text.split('.');
        let (Some("1"), Some(minor)) = (parts.next(), parts.next()) else {
            return Err(unknown());
        };
        let version = Self {
            minor: minor.parse().map_err(|_| unknown())?,
        };
        if version < Self::OLDEST || version > Self::NEWEST {
            return Err(unknown());
        }
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_with_or_without_its_patch_number() {
        assert_eq!("1.40".parse(), Ok(EnvoyVersion::NEWEST));
        assert_eq!("1.36.4".parse(), Ok(EnvoyVersion::OLDEST));
        for wrong in ["", "1", "1.35", "1.41", "2.40", "1.x"] {
            assert!(wrong.parse::<EnvoyVersion>().is_err(), "{wrong}");
        }
    }
}
