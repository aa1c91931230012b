//! The proxy around the rules: what becomes of the request before the rules are tried, and what leaves after them.
//!
//! The answers are those of `fingerpost-proxy-model`. It runs twice: with the filter's bootstrap for the request
//! as the filter meets it, and with the one for Envoy's own router for what the upstream receives.

use std::collections::HashSet;

use fingerpost_config_compiler::{Compiled, Engine, HostSummary, Options, Summary, compile};
use fingerpost_proxy_model::{
    Failure as NoAnswer, FilterSite, FilterVerdict, Headers, Model, Outcome, REQUEST_ID, Request, Routed,
    Run, Tls, Version, no_filter,
};
use fingerpost_resources::{Diagnostics, Resources};
use fingerpost_routing::{Header, RequestHead};
use fingerpost_simulated_proxy::{InvalidPort, Scheme};

use crate::error::ExplainError;
use crate::explanation::{ExplainedRequest, Upstream};
use crate::mismatch::text;

/// A request that reached the filter of a chain.
pub(crate) struct Received {
    /// The chain's route configuration.
    pub(crate) route_config: String,
    headers: Headers,
}

/// What a listener makes of a request.
pub(crate) enum Reception {
    /// The rules are tried.
    Received(Box<Received>),
    /// The connection is passed on as it is.
    Bytes,
    /// The proxy answers by itself.
    Refused {
        status: u16,
        /// Why, in Envoy's words.
        details: Option<&'static str>,
    },
    /// The connection leads nowhere.
    NoConnection(NoAnswer),
}

/// A request as the model takes it, to a port that a Gateway declares, with this server name over TLS.
pub(crate) fn request(
    asked: &ExplainedRequest,
    sni: Option<String>,
    port: u32,
) -> Result<Request, ExplainError> {
    Ok(Request {
        port: u16::try_from(port).map_err(|_| InvalidPort(port))?,
        method: asked.method.clone(),
        path: asked.path.clone(),
        authority: asked.authority.clone(),
        headers: asked.headers.clone(),
        tls: (asked.scheme == Scheme::Https).then(|| Tls {
            sni,
            client_cert: Some(true.into()),
        }),
        version: Version::default(),
    })
}

/// Sends the request to the listener.
pub(crate) fn receive(model: &Model, request: &Request) -> Result<Reception, ExplainError> {
    let mut received = None;
    let mut filter = |site: &FilterSite<'_>, headers: &mut Headers| {
        let route_config = site.plugin.rsplit('/').next().unwrap_or_default();
        received = Some(Received {
            route_config: route_config.to_owned(),
            headers: headers.clone(),
        });
        FilterVerdict::Continue
    };
    let mut roll = || 0;
    // The rules are tried one by one behind this: what only a run knows is their matter.
    let run = Run {
        request_id: REQUEST_ID.to_owned(),
    };
    let routed = model.route_in(&run, request, &mut filter, &mut roll);
    if let Some(received) = received {
        return Ok(Reception::Received(Box::new(received)));
    }
    Ok(match routed.map_err(ExplainError::unknown)? {
        Routed::Unanswered(failure) => Reception::NoConnection(failure),
        Routed::Answered(answered) => Reception::Refused {
            status: answered.reply.status,
            details: answered.details,
        },
        Routed::Forwarded(_) => return Err(ExplainError::unknown("the filter does not run")),
        Routed::Passed { .. } => Reception::Bytes,
    })
}

/// The model of Envoy, in which this listener has the port.
pub(crate) fn model(compiled: &Compiled, listener: &str, port: u16) -> Result<Model, ExplainError> {
    Model::new(&compiled.bootstrap_json())
        .map(|it| it.with_declared_port(port, listener))
        .map_err(ExplainError::unknown)
}

/// Envoy with its own router, to ask what comes of a request.
pub(crate) struct Router(Model);

impl Router {
    /// One with the routes of a virtual host: those of the VirtualServices that it has rules of. Others may be very many.
    pub(crate) fn new(
        resources: &Resources,
        options: &Options,
        host: &HostSummary,
        listener: &str,
        port: u16,
    ) -> Result<Self, ExplainError> {
        let rules = host.routes.iter().filter_map(|it| it.rule.as_ref());
        let steps = rules.flat_map(|it| &it.rules);
        let names: HashSet<&str> = steps.map(|it| it.virtual_service.as_str()).collect();
        let resources = resources.with_virtual_services(|it| names.contains(it.qualified_name().as_str()));
        let options = Options {
            engine: Engine::Native,
            ..options.clone()
        };
        let compiled = compile(&resources, &options, &mut Diagnostics::new());
        model(&compiled, listener, port).map(Self)
    }

    /// What comes of the request if the dice fall so. None where the model does not know.
    pub(crate) fn answer(&self, request: &Request, roll: u64) -> Option<Outcome> {
        self.0.answer(request, &mut no_filter, &mut || roll).ok()
    }
}

/// What the upstream receives.
pub(crate) fn upstream(outcome: &Outcome) -> Option<Upstream> {
    let seen = outcome.upstream.as_ref()?;
    Some(Upstream {
        method: seen.method.clone(),
        path: seen.path.clone(),
        authority: seen.authority.clone(),
        headers: seen.headers.clone(),
    })
}

impl Received {
    /// The headers that are not pseudo headers, for [`Received::head`].
    pub(crate) fn plain(&self) -> Vec<Header<'_>> {
        let plain = self.headers.iter().filter(|(name, _)| !name.starts_with(b":"));
        plain
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect()
    }

    /// The request as rules see it.
    pub(crate) fn head<'r>(&'r self, plain: &'r [Header<'r>]) -> RequestHead<'r> {
        RequestHead::new(self.pseudo(":authority"), self.pseudo(":path"))
            .with_method(self.pseudo(":method"))
            .with_scheme(self.pseudo(":scheme"))
            .with_headers(plain)
    }

    /// The path with the query.
    pub(crate) fn target(&self) -> String {
        self.pseudo(":path").map(text).unwrap_or_default()
    }

    fn pseudo(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key == name.as_bytes())
            .map(|(_, value)| value.as_slice())
    }
}

/// Whether a listener has chains that speak TLS, and whether it has others.
pub(crate) fn speaks(summary: &Summary, listener: &str) -> (bool, bool) {
    let found = summary.listeners.iter().find(|it| it.name == listener);
    let hosts = || found.iter().flat_map(|it| &it.hosts);
    (
        hosts().any(|it| it.over_tls),
        hosts().any(|it| it.takes_plain_text),
    )
}
