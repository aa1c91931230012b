//! What the requests of a suite are sent to: the compiled proxy, and all that may come of a request there.
//!
//! Nothing is left to chance. Where dice decide (weights, a fault or a mirror for some of the requests), the request is
//! answered once for every way in which they can fall.

use fingerpost_config_compiler::{
    Compilation, HostSummary, ListenerSummary, Options, RouteSummary, ShareDetail,
};
use fingerpost_envoy_http::domain::fit;
use fingerpost_proxy_model::{Outcome, Request, Tls, Version, highest_roll, lowest_roll};
use fingerpost_resources::Code;
use fingerpost_routing_config::RuleRef;
use fingerpost_simulated_proxy::{FilterRuntime, InvalidPort, ProxyError, SimulatedProxy, host_of, port};

use crate::downstream::downstream;
use crate::suite::{Case, Inputs, TestRequest};

/// Codes of findings that do not decide whether a test can be run.
pub const IGNORED_CODES: &[Code] = &[
    Code::CertificateNotFound,
    Code::GatewayNotFound,
    Code::GatewayNotNamed,
    Code::GatewayNotSelected,
    Code::HostNotInGateway,
    Code::NoKind,
    Code::OnlyForSidecars,
    Code::SubsetByDns,
];
/// A compiled proxy.
pub(super) struct CompiledProxy {
    pub(super) compilation: Compilation,
    simulated: SimulatedProxy,
}

/// One way in which a request can come out.
pub(super) struct PossibleOutcome {
    /// What the dice show.
    pub(super) roll: u64,
    /// What comes of it, or why that can't be known.
    pub(super) outcome: Result<Outcome, String>,
}

impl Inputs {
    /// The compiler's options for them.
    #[must_use]
    pub fn options(&self) -> Options {
        let defaults = Options::default();
        Options {
            labels: self.labels.clone().unwrap_or(defaults.labels),
            namespace: self.proxy_namespace.clone().unwrap_or(defaults.namespace),
            locality: self.locality.clone(),
            domain: self.domain.clone().unwrap_or(defaults.domain),
            // A VirtualService that is tested without a Gateway is often one for the mesh.
            short_names: self.no_gateway,
            envoy: self.envoy.unwrap_or(defaults.envoy),
            engine: defaults.engine,
            module_path: String::new(),
            name_rules: true,
            trusted_hops: self.trusted_hops,
            mounted_secrets: None,
            operations: None,
        }
    }
}

impl CompiledProxy {
    /// The proxy of what was compiled, ready for requests.
    pub(super) fn new(compilation: Compilation, runtime: FilterRuntime) -> Result<Self, ProxyError> {
        let simulated = SimulatedProxy::new(&compilation.compiled, runtime)?;
        Ok(Self {
            compilation,
            simulated,
        })
    }

    /// The request of a case as it is sent.
    pub(super) fn sent(&self, request: &TestRequest) -> Result<Request, InvalidPort> {
        let (port, tls) = match request
            .anywhere
            .then(|| downstream(request, &self.compilation))
            .flatten()
        {
            Some(found) => found,
            None => {
                let port = self.port(request)?;
                let tls = match request.scheme {
                    None if request.tls.is_none() => self.spoken(port, &request.authority),
                    _ => request.tls.clone(),
                };
                (port, tls)
            }
        };
        Ok(Request {
            port,
            method: request.method.clone(),
            path: request.path.clone(),
            authority: Some(request.authority.clone()),
            headers: request.headers.clone(),
            tls,
            version: Version::default(),
        })
    }

    /// How a client speaks to a port who leaves it to the listener.
    fn spoken(&self, port: u16, authority: &str) -> Option<Tls> {
        let mut listeners = self.compilation.compiled.summary.listeners.iter();
        let listener = listeners.find(|it| it.declared_ports.contains(&u32::from(port)))?;
        let over_tls = listener.hosts.iter().any(|it| it.over_tls);
        over_tls.then(|| Tls {
            sni: Some(host_of(authority).to_owned()),
            client_cert: None,
        })
    }

    /// The port that the file names, or that its URL means.
    fn port(&self, request: &TestRequest) -> Result<u16, InvalidPort> {
        let written = request
            .authority
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        match request.port {
            Some(port) => Ok(port),
            None => self::port(written, request.scheme, &self.compilation.compiled.summary),
        }
    }

    /// All outcomes that the request of a case can have; at least one.
    pub(super) fn answer(&mut self, case: &Case, sent: &Request) -> Result<Vec<PossibleOutcome>, ProxyError> {
        let mut outcomes = self.possible_outcomes(case, sent)?;
        if let Some(answer) = &case.request.answer {
            for possible in &mut outcomes {
                let received = self.simulated.pass_on(sent, possible.roll, answer)?;
                possible.outcome = match (
                    std::mem::replace(&mut possible.outcome, Err(String::new())),
                    received,
                ) {
                    (Ok(mut outcome), Ok(Some(reply))) => {
                        outcome.status = reply.status;
                        outcome.response_headers = reply.headers;
                        Ok(outcome)
                    }
                    (Ok(outcome), Ok(None)) => Ok(outcome),
                    (Err(reason), _) => Err(reason),
                    (Ok(_), Err(skipped)) => Err(skipped.to_string()),
                };
            }
        }
        Ok(outcomes)
    }

    fn possible_outcomes(&mut self, case: &Case, sent: &Request) -> Result<Vec<PossibleOutcome>, ProxyError> {
        let first = self.outcome_at(sent, case.roll.unwrap_or(0))?;
        if let Some(roll) = case.roll {
            // The file speaks of the weights alone: what happens to some of the requests does not happen to this one.
            let weights = match &first.outcome {
                Ok(outcome) => outcome.rule.as_ref().and_then(|it| self.route(it)).map(weights),
                Err(_) => None,
            };
            let total = weights.unwrap_or_default().iter().sum::<u64>().max(1);
            return Ok(vec![self.outcome_at(sent, highest_roll(roll % total, total))?]);
        }
        let rolls = match first.outcome.as_ref() {
            Ok(outcome) => self.rolls(outcome),
            Err(_) => Vec::new(),
        };
        let mut outcomes = vec![first];
        for roll in rolls {
            let possible = self.outcome_at(sent, roll)?;
            if outcomes.iter().all(|it| it.outcome != possible.outcome) {
                outcomes.push(possible);
            }
        }
        Ok(outcomes)
    }

    fn outcome_at(&mut self, sent: &Request, roll: u64) -> Result<PossibleOutcome, ProxyError> {
        let outcome = self.simulated.answer_to(sent, roll)?;
        let outcome = outcome.map_err(|skipped| skipped.to_string());
        Ok(PossibleOutcome { roll, outcome })
    }

    /// Rolls by which everything comes up that can come of a request that came out so once.
    fn rolls(&self, outcome: &Outcome) -> Vec<u64> {
        match (&outcome.rule, &outcome.cluster) {
            (Some(rule), _) => {
                let weights = self.route(rule).map(weights).unwrap_or_default();
                let total = weights.iter().sum::<u64>().max(1);
                let mut slot = 0;
                let mut rolls = Vec::new();
                for weight in weights.iter().chain(weights.is_empty().then_some(&1)) {
                    // Within every share of the requests, and outside of every one that is not all of them.
                    rolls.extend([lowest_roll(slot, total), highest_roll(slot, total)]);
                    slot += weight;
                }
                rolls
            }
            // Bytes, of which the summary does not know the weights. As a rule they are percents.
            (None, Some(_)) => (0..100).collect(),
            (None, None) => Vec::new(),
        }
    }

    /// The virtual host that a request is for, by the rule of Envoy: the exact name, then the longest suffix, then `*`.
    pub(super) fn virtual_host(&self, sent: &Request) -> Option<&HostSummary> {
        let listener = self.listener(sent.port)?;
        let host = host_of(sent.host()).to_ascii_lowercase();
        let over_tls = sent.tls.is_some();
        let hosts = listener
            .hosts
            .iter()
            .filter(|it| it.route_config.is_some() && it.over_tls == over_tls);
        let fitting = hosts.filter_map(|it| {
            let closest = it
                .domains
                .iter()
                .filter_map(|domain| fit(&domain.to_ascii_lowercase(), &host))
                .max()?;
            Some((closest, it))
        });
        fitting.max_by_key(|(fit, _)| *fit).map(|(_, host)| host)
    }

    fn listener(&self, port: u16) -> Option<&ListenerSummary> {
        let mut listeners = self.compilation.compiled.summary.listeners.iter();
        listeners.find(|it| it.declared_ports.contains(&u32::from(port)) || it.port == u32::from(port))
    }

    /// The route that a rule makes.
    pub(super) fn route(&self, rule: &RuleRef) -> Option<&RouteSummary> {
        let mut routes = self.compilation.compiled.summary.routes();
        routes
            .find(|(_, _, route)| route.rule.as_ref() == Some(rule))
            .map(|(_, _, route)| route)
    }
}

/// The destinations of a route.
pub(super) fn shares(route: &RouteSummary) -> &[ShareDetail] {
    route.detail.as_ref().map_or(&[], |it| it.shares.as_slice())
}

fn weights(route: &RouteSummary) -> Vec<u64> {
    shares(route).iter().map(|it| u64::from(it.weight)).collect()
}
