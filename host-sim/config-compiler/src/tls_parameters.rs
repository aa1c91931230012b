//! Which versions, cipher suites and curves a server agrees to.
//!
//! Source: istio `pilot/pkg/networking/core/listener.go`, `BuildListenerTLSContext`. What Envoy refuses was tried with
//! 1.40.

use fingerpost_envoy_config::tls::{TlsParameters, TlsProtocol};
use fingerpost_resources::{Code, Diagnostics, ServerTlsMode, TlsProtocol as GivenVersion};

use crate::tls::Server;

impl Server<'_> {
    /// What is agreed in a handshake.
    pub(crate) fn parameters(&self, diagnostics: &mut Diagnostics) -> TlsParameters {
        // Istio leaves ISTIO_MUTUAL to the mesh.
        if self.mode() == ServerTlsMode::IstioMutual {
            return TlsParameters::default();
        }
        let tls_minimum_protocol_version = version(self.tls.min_protocol_version);
        let tls_maximum_protocol_version = version(self.tls.max_protocol_version);
        // Envoy's defaults for servers.
        let least = tls_minimum_protocol_version.unwrap_or(TlsProtocol::V1_2);
        let most = tls_maximum_protocol_version.unwrap_or(TlsProtocol::V1_3);
        if least > most {
            let message = format!(
                "the lowest version {} is above the highest version {}: no client can connect",
                name_of(least),
                name_of(most)
            );
            diagnostics
                .warn(Code::TlsVersions, message)
                .on(self.sources.needed.origin, self.field("maxProtocolVersion"))
                .help("without minProtocolVersion the lowest version is TLSV1_2");
        }
        let ciphers = self.tls.known_cipher_suites();
        self.check_ciphers(&ciphers, diagnostics);
        self.check_curves(diagnostics);
        TlsParameters {
            tls_minimum_protocol_version,
            tls_maximum_protocol_version,
            cipher_suites: ciphers.into_iter().map(str::to_owned).collect(),
            ecdh_curves: self.tls.ecdh_curves.clone(),
        }
    }

    /// Istio lets operators pass unseen. Envoy takes those that take something away from suites named before.
    fn check_ciphers(&self, ciphers: &[&str], diagnostics: &mut Diagnostics) {
        for name in ciphers {
            let is_operator = name.starts_with(|it: char| !it.is_alphanumeric());
            let index = self
                .tls
                .cipher_suites
                .iter()
                .position(|it| it == name)
                .unwrap_or(0);
            if is_operator {
                let message = format!("Envoy takes no operators in a list of cipher suites: {name:?}");
                diagnostics
                    .error(Code::EnvoyRefuses, message)
                    .on(
                        self.sources.needed.origin,
                        self.field(&format!("cipherSuites[{index}]")),
                    )
                    .help("list the suites that you want, in the order of preference");
            }
        }
    }

    fn check_curves(&self, diagnostics: &mut Diagnostics) {
        const CURVES: [&str; 5] = ["P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"];
        for (index, name) in self.tls.ecdh_curves.iter().enumerate() {
            let repeated = self.tls.ecdh_curves.iter().take(index).any(|it| it == name);
            let message = if repeated {
                format!("the curve {name:?} is listed twice: Envoy refuses that")
            } else if CURVES.contains(&name.as_str()) {
                continue;
            } else {
                format!("Envoy does not know the curve {name:?}")
            };
            diagnostics
                .error(Code::EnvoyRefuses, message)
                .on(
                    self.sources.needed.origin,
                    self.field(&format!("ecdhCurves[{index}]")),
                )
                .help(format!("Envoy's curves: {}", CURVES.join(", ")));
        }
    }
}

fn version(given: Option<GivenVersion>) -> Option<TlsProtocol> {
    match given? {
        GivenVersion::Auto => None,
        GivenVersion::V1_0 => Some(TlsProtocol::V1_0),
        GivenVersion::V1_1 => Some(TlsProtocol::V1_1),
        GivenVersion::V1_2 => Some(TlsProtocol::V1_2),
        GivenVersion::V1_3 => Some(TlsProtocol::V1_3),
    }
}

/// Envoy's name of a version.
fn name_of(version: TlsProtocol) -> &'static str {
    match version {
        TlsProtocol::V1_0 => "TLSv1_0",
        TlsProtocol::V1_1 => "TLSv1_1",
        TlsProtocol::V1_2 => "TLSv1_2",
        TlsProtocol::V1_3 => "TLSv1_3",
    }
}
