//! The TLS side of a connection: which filter chain its server name chooses, and what follows if the request is for another
//! host than the connection.
//!
//! Which chain takes a connection, `fingerpost-proxy-model` decides.

use fingerpost_config_compiler::{ChainSummary, ListenerSummary, Termination};
use fingerpost_proxy_model::{FittingChain, Model};
use fingerpost_resources::Code;
use fingerpost_simulated_proxy::host_of;

use serde::Serialize;

use crate::explanation::{Explanation, HostKind, Outcome, Place, Reason, Warning};

/// Which filter chain takes a TLS connection.
#[derive(Debug, Clone, Serialize)]
pub struct TlsChain {
    /// The server name that the client sends, if it sends one.
    pub sni: Option<String>,
    /// How the chain fits that name; none if no chain does, and Envoy closes the connection.
    pub kind: Option<HostKind>,
    /// The server name of the chain that fits, as in `*.example.com`; none if it takes any.
    pub fitting: Option<String>,
    /// The server that made the chain, as in `Gateway prod/edge servers[1]`.
    pub server: Option<String>,
    /// Whether TLS ends here. If not, it is passed on to the upstream, which has the certificate.
    pub ends_here: bool,
    /// Server names of other chains that would fit, and are less specific.
    pub less_specific: Vec<String>,
    /// Where the server is written.
    #[serde(flatten)]
    pub place: Place,
}

/// The chains of a listener that a server name fits.
pub(crate) struct Chains<'p> {
    listener: &'p ListenerSummary,
    model: &'p Model,
    port: u16,
}

impl<'p> Chains<'p> {
    /// Those of the listener that `model` has on this port.
    pub(crate) fn new(listener: &'p ListenerSummary, model: &'p Model, port: u16) -> Self {
        Self {
            listener,
            model,
            port,
        }
    }

    /// Which one takes a TLS connection with this server name, and why.
    pub(crate) fn chosen(&self, sni: Option<&str>) -> TlsChain {
        let fitting = self.model.fitting_chains(self.port, sni);
        let chosen = fitting.first();
        let summary = chosen.and_then(|it| self.summary(it));
        let others = fitting.iter().skip(1).filter_map(|it| it.fitting);
        TlsChain {
            sni: sni.map(str::to_owned),
            kind: chosen.map(|it| match it.fitting {
                None => HostKind::Any,
                Some(name) if name.starts_with('*') => HostKind::Wildcard,
                Some(_) => HostKind::Exact,
            }),
            fitting: chosen.and_then(|it| it.fitting).map(str::to_owned),
            server: summary.map(|it| it.server.name.clone()),
            ends_here: summary.is_some_and(|it| match it.termination {
                Termination::Https | Termination::TlsToTcp => true,
                Termination::Passthrough | Termination::Tcp | Termination::PlainHttp => false,
            }),
            less_specific: others.map(str::to_owned).collect(),
            place: Place::new(summary.map(|it| &it.server.span)),
        }
    }

    fn summary(&self, chain: &FittingChain<'_>) -> Option<&'p ChainSummary> {
        self.listener
            .chains
            .iter()
            .find(|it| it.has_names(chain.server_names))
    }

    fn taking(&self, sni: Option<&str>) -> Option<&'p ChainSummary> {
        let fitting = self.model.fitting_chains(self.port, sni);
        self.summary(fitting.first()?)
    }

    /// Says what follows if the request is for a host whose connections another chain takes, as on a connection that a browser
    /// uses again. Envoy looks for the host in the routes of the connection's chain only, and answers 404 without one; it has no
    /// 421, after which a client would connect again (<https://github.com/envoyproxy/envoy/issues/6767>).
    pub(crate) fn tell_reuse(&self, told: &mut Explanation, sni: Option<&str>) {
        let host = host_of(told.request.host()).to_owned();
        if sni.is_some_and(|it| it.eq_ignore_ascii_case(&host)) {
            return;
        }
        let (Some(used), Some(own)) = (self.taking(sni), self.taking(Some(&host))) else {
            return;
        };
        if std::ptr::eq(used, own) {
            return;
        }
        let whose = match sni {
            Some(name) => format!("the connection is that of `{name}`"),
            None => "the connection has no server name".to_owned(),
        };
        let elsewhere = format!(
            "{whose}, which {} has; connections for `{host}` come to {}",
            used.server.name, own.server.name
        );
        match &mut told.outcome {
            Outcome::NotFound { reasons, .. } => reasons.insert(
                0,
                Reason {
                    message: elsewhere,
                    help: None,
                    place: Place::new(Some(&own.server.span)),
                },
            ),
            Outcome::Forward(_)
            | Outcome::Answer { .. }
            | Outcome::ToHttps { .. }
            | Outcome::Refused { .. }
            | Outcome::Unknown { .. }
            | Outcome::NoConnection { .. }
            | Outcome::Bytes { .. } => told.warnings.push(Warning {
                code: Code::SharedCertificate,
                message: format!("{elsewhere}: its rules for the host are not consulted"),
                help: None,
            }),
        }
        if used.server.credential.is_some() && used.server.credential == own.server.credential {
            let credential = used.server.credential.as_deref().unwrap_or_default();
            told.warnings.push(Warning {
                code: Code::SharedCertificate,
                message: format!(
                    "both servers have the certificate `{credential}`, so browsers use one HTTP/2 connection for their hosts, and this \
                     is what they get. Envoy does not answer 421, after which they would connect again"
                ),
                help: Some(
                    "put the hosts into one server, or give each server its own certificate: `fingerpost rule shared-certificate`"
                        .to_owned(),
                ),
            });
        }
    }
}
