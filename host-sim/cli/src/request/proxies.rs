//! The proxies that a request may be meant for: the Gateways of one input may be for several.

use fingerpost_config_compiler::Compilation;
use fingerpost_curl::CurlRequest;
use fingerpost_explain::{
    Assumed, Explanation, Outcome as ExplainedOutcome, advice, assumed_for, explain_sent, only_for_sidecars,
};
use fingerpost_proxy_model::{Outcome, Request, Skipped};
use fingerpost_resources::Diagnostics;
use fingerpost_simulated_proxy::{SimulatedProxy, UnservedPort, is_served, unserved_port};

use crate::args::RuntimeName;
use crate::failure::Failure;

/// At least one.
pub(super) struct Proxies {
    all: Vec<(Compilation, SimulatedProxy)>,
    /// Whether a request that reaches no upstream is explained.
    explains: bool,
}

/// What comes of a request.
pub(super) struct Answer {
    pub(super) sent: Request,
    pub(super) outcome: Result<Outcome, Skipped>,
    /// The labels of the proxy that answers, where there are several.
    pub(super) proxy: Option<String>,
    /// What is taken to exist for it.
    pub(super) assumed: Vec<Assumed>,
    /// Why it reaches no upstream; a line each.
    pub(super) why: Vec<String>,
    /// What differs from request to request: this is one draw.
    pub(super) by_chance: Vec<String>,
}

impl Proxies {
    pub(super) fn new(
        compiled: Vec<Compilation>,
        runtime: RuntimeName,
        explains: bool,
    ) -> Result<Self, Failure> {
        let runtime = runtime.load()?;
        let proxies = compiled.into_iter().map(|it| {
            let proxy = SimulatedProxy::new(&it.compiled, runtime.clone())?;
            Ok((it, proxy))
        });
        let all = proxies.collect::<Result<_, Failure>>()?;
        Ok(Self { all, explains })
    }

    /// The port of the URL, if none of the proxies serves it.
    pub(super) fn unserved_port(&self, request: &CurlRequest) -> Option<UnservedPort> {
        let summaries = || self.all.iter().map(|(it, _)| &it.compiled.summary);
        if request
            .connect_port
            .is_some_and(|port| summaries().any(|it| is_served(port, it)))
        {
            return None;
        }
        let unserved = summaries().map(|it| unserved_port(&request.url, it));
        let mut all: Vec<UnservedPort> = unserved.collect::<Option<_>>()?;
        let mut first = all.pop()?;
        first.served.extend(all.into_iter().flat_map(|it| it.served));
        first.served.sort_unstable();
        first.served.dedup();
        Some(first)
    }

    /// Sends a request to the first proxy that has a route for it; if none has, the first one answers. `make` makes it for a
    /// proxy, whose listeners its port may depend on.
    pub(super) fn answer(
        &mut self,
        make: impl Fn(&Compilation) -> Result<Request, Failure>,
    ) -> Result<Answer, Failure> {
        let several = self.all.len() > 1;
        let mut first = None;
        for (compiled, proxy) in &mut self.all {
            let sent = make(compiled)?;
            let outcome = proxy.answer(&sent)?;
            let is_routed = outcome.as_ref().map_or(true, is_routed);
            let mut answer = Answer::new(sent, outcome, compiled, several);
            if self.explains {
                answer.explain_error(compiled);
            }
            if is_routed {
                return Ok(answer);
            }
            first.get_or_insert(answer);
        }
        first.ok_or_else(|| Failure::Diagnosed(Diagnostics::new()))
    }
}

/// Whether a rule, or a redirect of the listener, has taken it.
fn is_routed(outcome: &Outcome) -> bool {
    outcome.rule.is_some() || outcome.cluster.is_some() || (outcome.error.is_none() && outcome.status != 404)
}

impl Answer {
    fn new(sent: Request, outcome: Result<Outcome, Skipped>, compiled: &Compilation, several: bool) -> Self {
        let labels = &compiled.options.labels;
        let mut answer = Self {
            proxy: several.then(|| crate::proxy::shown(labels)),
            assumed: Vec::new(),
            why: Vec::new(),
            by_chance: Vec::new(),
            sent,
            outcome,
        };
        if let Ok(outcome) = &answer.outcome {
            let root = outcome.rule.as_ref().and_then(|it| it.rules.first());
            let services = root.map(|it| [it.virtual_service.clone()]);
            let cluster = outcome.cluster.as_deref().unwrap_or_default();
            let host = cluster.rsplit('|').next().unwrap_or_default();
            answer.assumed = assumed_for(compiled, services.as_ref().map(<[String; 1]>::as_slice), &[host]);
            if !is_routed(outcome) {
                let reason = answer
                    .sent
                    .authority
                    .as_ref()
                    .and_then(|it| only_for_sidecars(&compiled.compiled.summary, it));
                answer.why.extend(reason.map(|it| it.message));
            }
            let mut routes = compiled.compiled.summary.routes();
            let route = routes.find(|(_, _, route)| outcome.rule.is_some() && route.rule == outcome.rule);
            answer.by_chance = route
                .map(|(_, _, route)| route.by_chance.clone())
                .unwrap_or_default();
        }
        answer
    }
}

impl Answer {
    /// Says why the proxy answers by itself that nothing takes the request, or why nothing answers, in the words of `explain`.
    fn explain_error(&mut self, compiled: &Compilation) {
        let is_lost = |it: &Outcome| it.cluster.is_none() && (it.rule.is_none() || it.status == 503);
        if !self.why.is_empty() || !self.outcome.as_ref().is_ok_and(is_lost) {
            return;
        }
        // Without an explanation there is still the outcome.
        if let Ok(told) = explain_sent(compiled, &self.sent) {
            self.why = reasons(&told);
        }
    }
}

/// Why a request reaches no upstream.
fn reasons(told: &Explanation) -> Vec<String> {
    match &told.outcome {
        ExplainedOutcome::NotFound { message, .. } | ExplainedOutcome::NoConnection { message, .. } => {
            std::iter::once(message.clone()).chain(advice(told)).collect()
        }
        ExplainedOutcome::Forward(forward) => {
            let missing = forward.destinations.iter().filter_map(|it| it.missing.as_ref());
            let lines = missing.flat_map(|it| [Some(it.message.clone()), it.help.clone()]);
            lines.flatten().collect()
        }
        ExplainedOutcome::Answer { .. }
        | ExplainedOutcome::ToHttps { .. }
        | ExplainedOutcome::Refused { .. }
        | ExplainedOutcome::Unknown { .. }
        | ExplainedOutcome::Bytes { .. } => Vec::new(),
    }
}
