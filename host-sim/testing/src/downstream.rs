//! Chooses the port and the protocol for a request of a test file that knows neither listeners nor TLS.
//!
//! Files that do know them name the port or the scheme; `compiled_proxy` reads those.

use fingerpost_config_compiler::{Compilation, ListenerSummary};
use fingerpost_envoy_http::domain::fit;
use fingerpost_proxy_model::Tls;
use fingerpost_simulated_proxy::{Scheme, host_of};

use crate::suite::TestRequest;

/// The port that a request is sent to, and how: the tool knows one table, whatever the port and the scheme. So a host
/// that is served over TLS only gets the request over TLS, and the other way round.
pub(super) fn downstream(request: &TestRequest, compilation: &Compilation) -> Option<(u16, Option<Tls>)> {
    let listeners = &compilation.compiled.summary.listeners;
    let host = host_of(&request.authority).to_ascii_lowercase();
    let best = |listener: &ListenerSummary, over_tls: bool| {
        let hosts = listener.hosts.iter();
        let hosts = hosts.filter(|it| it.over_tls == over_tls && it.route_config.is_some());
        hosts
            .flat_map(|it| &it.domains)
            .filter_map(|it| fit(&it.to_ascii_lowercase(), &host))
            .max()
    };
    let written = request.authority.rsplit_once(':');
    let written: Option<u32> = written.and_then(|(_, port)| port.parse().ok());
    let wants_tls = request.scheme == Some(Scheme::Https);
    let mut candidates: Vec<(&ListenerSummary, bool, _)> = Vec::new();
    for listener in listeners {
        for over_tls in [false, true] {
            candidates.extend(best(listener, over_tls).map(|fit| (listener, over_tls, fit)));
        }
    }
    let (listener, over_tls, _) = candidates
        .into_iter()
        .rev()
        .max_by_key(|(listener, over_tls, rank)| {
            let scheme = if *over_tls { Scheme::Https } else { Scheme::Http };
            let is_usual = listener.port == scheme.port();
            (
                *over_tls == wants_tls,
                written == Some(listener.port),
                *rank,
                is_usual,
            )
        })?;
    let tls = over_tls.then(|| Tls {
        sni: Some(host),
        client_cert: None,
    });
    Some((u16::try_from(listener.port).ok()?, tls))
}
