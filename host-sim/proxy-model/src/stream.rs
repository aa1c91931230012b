//! One request on its way through the filters and back.

use std::collections::BTreeSet;

use crate::clusters::Clusters;
use crate::connection::Connection;
use crate::cors::{Cors, Mark};
use crate::dice::StreamRoll;
use crate::echo;
use crate::facts::{Facts, Source};
use crate::fault::Abort;
use crate::filter::{Filter, FilterVerdict};
use crate::forward::{Forward, Share};
use crate::headers::{Headers, get, remove, set, text};
use crate::http::{Http, HttpFilter};
use crate::outcome::{Outcome, Skipped};
use crate::redirect::{to_https, to_itself};
use crate::reply::{Local, Reply};
use crate::route::{Action, Route};
use crate::virtual_host::{Found, VirtualHost};

/// A request that got past the connection manager.
pub(crate) struct Stream<'m> {
    pub(crate) http: &'m Http,
    pub(crate) clusters: &'m Clusters,
    pub(crate) connection: Connection<'m>,
    pub(crate) request: Headers,
}

/// What the route table says about the request as it is now.
#[derive(Clone, Copy)]
enum Chosen<'m> {
    Route(OnRoute<'m>),
    ToHttps,
    Nothing,
}

/// A route, and the destination drawn from it.
#[derive(Clone, Copy)]
struct OnRoute<'m> {
    host: &'m VirtualHost,
    route: &'m Route,
    share: Option<&'m Share>,
}

/// What a filter has brought about.
enum Ended {
    /// An answer, and nobody was asked.
    Reply(Reply),
    /// The cluster's answer, and what else was asked.
    Upstream { reply: Reply, outcome: Box<Outcome> },
}

impl<'m> Stream<'m> {
    /// Runs the filters.
    pub(crate) fn run(
        mut self,
        filter: &mut dyn Filter,
        dice: &mut StreamRoll<'_>,
    ) -> Result<Outcome, Skipped> {
        let http = self.http;
        let mut chosen = self.choose(dice);
        let mut mark: Option<Mark<'m>> = None;
        let mut delay_ms = 0;
        for step in &http.filters {
            let ended = match step {
                HttpFilter::Plugin(plugin) => {
                    match filter.on_request_headers(&plugin.site(), &mut self.request) {
                        FilterVerdict::Continue => {
                            chosen = self.choose(dice);
                            None
                        }
                        FilterVerdict::Reply {
                            status,
                            headers,
                            body,
                        } => {
                            let local = Local {
                                headers,
                                ..Local::new(status, body)
                            };
                            Some(Ended::Reply(self.local(local, Source::Plugin, chosen)?))
                        }
                    }
                }
                HttpFilter::Fault => {
                    let injected = chosen
                        .route()
                        .and_then(|on| on.route.fault.as_ref())
                        .map(|it| it.inject(dice));
                    delay_ms = injected.as_ref().map_or(0, |it| it.delay_ms);
                    match injected.and_then(|it| it.abort) {
                        None => None,
                        Some(abort) => {
                            Some(Ended::Reply(self.local(aborted(abort), Source::Abort, chosen)?))
                        }
                    }
                }
                HttpFilter::Cors => {
                    // Envoy's filter passes over routes that answer by themselves.
                    let forwards = |on: &OnRoute<'_>| matches!(on.route.action, Action::Forward(_));
                    let on = chosen.route().filter(forwards);
                    let policy = on.and_then(|on| on.route.cors.as_ref());
                    match policy.map(|it| it.on_request(&self.request)) {
                        None | Some(Cors::Passes) => None,
                        Some(Cors::Marks(made)) => {
                            mark = Some(made);
                            None
                        }
                        Some(Cors::Answers(headers)) => Some(Ended::Reply(Reply {
                            status: 200,
                            headers,
                            body: Vec::new(),
                        })),
                    }
                }
                HttpFilter::Router => Some(self.route(chosen, dice)?),
            };
            if let Some(ended) = ended {
                return Ok(self.finish(ended, chosen, mark.as_ref(), delay_ms));
            }
        }
        Err(Skipped::because(
            "a chain of filters without a router is not modelled",
        ))
    }

    fn choose(&self, dice: &mut StreamRoll<'_>) -> Chosen<'m> {
        match self.http.routes.find(&self.request) {
            Found::Nothing => Chosen::Nothing,
            Found::ToHttps => Chosen::ToHttps,
            Found::Route(host, route) => {
                let share = match &route.action {
                    Action::Forward(forward) => forward.pick(dice),
                    Action::Redirect(_) | Action::Respond { .. } => None,
                };
                Chosen::Route(OnRoute { host, route, share })
            }
        }
    }

    /// What the router does.
    fn route(&mut self, chosen: Chosen<'m>, dice: &mut StreamRoll<'_>) -> Result<Ended, Skipped> {
        let on = match chosen {
            Chosen::Nothing => {
                return Ok(Ended::Reply(self.local(
                    Local::new(404, ""),
                    Source::Nobody,
                    chosen,
                )?));
            }
            Chosen::ToHttps => {
                let mut local = Local::new(301, "");
                set(&mut local.headers, "location", to_https(&self.request));
                return Ok(Ended::Reply(self.local(local, Source::Route, chosen)?));
            }
            Chosen::Route(on) => on,
        };
        match (&on.route.action, on.share) {
            (Action::Redirect(redirect), _) => {
                let mut local = Local::new(redirect.status, "");
                let location = redirect.location(&self.request, &on.route.matches.path);
                set(&mut local.headers, "location", location);
                Ok(Ended::Reply(self.local(local, Source::Route, chosen)?))
            }
            (Action::Respond { status, body }, _) if matches!(status, 201 | 300..=399) => {
                let mut local = Local::new(*status, body.as_slice());
                set(&mut local.headers, "location", to_itself(&self.request));
                Ok(Ended::Reply(self.local(local, Source::Route, chosen)?))
            }
            (Action::Respond { status, body }, _) => Ok(Ended::Reply(self.local(
                Local::new(*status, body.as_slice()),
                Source::Route,
                chosen,
            )?)),
            (Action::Forward(forward), Some(share)) if self.clusters.has(&share.cluster) => {
                self.forward(forward, share, on, dice)
            }
            (Action::Forward(_), _) => Ok(Ended::Reply(self.local(
                Local::new(503, ""),
                Source::NoCluster,
                chosen,
            )?)),
        }
    }

    fn forward(
        &mut self,
        forward: &Forward,
        share: &Share,
        on: OnRoute<'m>,
        dice: &mut StreamRoll<'_>,
    ) -> Result<Ended, Skipped> {
        let is_grpc = self.is_grpc();
        forward.set_timeout(&mut self.request, is_grpc);
        if on.host.counts_attempts {
            set(&mut self.request, "x-envoy-attempt-count", "1");
        }
        let facts = self.facts(on);
        share.request_edits.edit_request(&mut self.request, &facts)?;
        if let Some(host) = &share.host {
            set(&mut self.request, ":authority", host.as_str());
        }
        on.route.request_edits.edit_request(&mut self.request, &facts)?;
        on.host.request_edits.edit_request(&mut self.request, &facts)?;
        if let Some(host) = &forward.host {
            self.keep("x-envoy-original-host", ":authority");
            set(&mut self.request, ":authority", host.as_str());
        }
        if let Some(rewrite) = &forward.rewrite {
            let target = get(&self.request, ":path").unwrap_or_default();
            if let Some(rewritten) = rewrite.apply(target, &on.route.matches.path) {
                self.keep("x-envoy-original-path", ":path");
                set(&mut self.request, ":path", rewritten);
            }
        }
        let copies = forward
            .mirrors(dice)
            .into_iter()
            .filter(|it| self.clusters.has(it));
        let copies: Vec<&str> = copies.collect();
        if get(&self.request, "x-echo").is_some() {
            return Err(Skipped::because(
                "an upstream that delays or fails is not modelled",
            ));
        }
        if get(&self.request, "x-envoy-force-trace").is_some() {
            return Err(Skipped::because(
                "only a running proxy knows the value of x-request-id",
            ));
        }
        for name in CONTROLS {
            remove(&mut self.request, name);
        }
        let mut reply = echo::answer(&share.cluster);
        self.edit_response(&mut reply.headers, reply.status, Source::Upstream, on)?;
        // Who answered is read from the answer, as a client would; or it is the only one that was asked.
        let asked: BTreeSet<&str> = copies.iter().copied().chain([share.cluster.as_str()]).collect();
        let named = get(&reply.headers, echo::CLUSTER).map(text);
        let main = named.or_else(|| (asked.len() == 1).then(|| share.cluster.clone()));
        let is_main = |cluster: &&str| Some(*cluster) == main.as_deref();
        let attempts = copies
            .iter()
            .copied()
            .chain([share.cluster.as_str()])
            .filter(is_main)
            .count();
        let others: Vec<String> = asked
            .iter()
            .filter(|it| !is_main(it))
            .map(|it| (*it).to_owned())
            .collect();
        let (mirrors, hits) = match main {
            Some(_) => (others, Vec::new()),
            None => (Vec::new(), others),
        };
        let outcome = Outcome {
            upstream: (attempts > 0).then(|| echo::received(&self.request)),
            attempts: attempts.max(1),
            mirrors,
            hits,
            cluster: main,
            ..Outcome::default()
        };
        Ok(Ended::Upstream {
            reply,
            outcome: Box::new(outcome),
        })
    }

    /// Notes the value that `of` has before it changes.
    fn keep(&mut self, name: &str, of: &str) {
        if let Some(value) = get(&self.request, of).map(<[u8]>::to_vec) {
            set(&mut self.request, name, value);
        }
    }

    /// An answer of Envoy's own, with the route's edits.
    fn local(&self, mut local: Local, source: Source, chosen: Chosen<'m>) -> Result<Reply, Skipped> {
        if let Chosen::Route(on) = chosen {
            self.edit_response(&mut local.headers, local.status, source, on)?;
        }
        let is_head = get(&self.request, ":method") == Some(b"HEAD");
        Ok(local.into_reply(self.is_grpc(), is_head))
    }

    /// The edits of the destination, of the route, of the virtual host: the last one wins.
    fn edit_response(
        &self,
        response: &mut Headers,
        status: u16,
        source: Source,
        on: OnRoute<'m>,
    ) -> Result<(), Skipped> {
        let facts = self.facts(on);
        let status = status.to_string();
        let levels = [
            on.share.map(|it| &it.response_edits),
            Some(&on.route.response_edits),
            Some(&on.host.response_edits),
        ];
        for edits in levels.into_iter().flatten() {
            edits.edit_response(response, &status, source, &self.request, &facts)?;
        }
        Ok(())
    }

    fn finish(self, ended: Ended, chosen: Chosen<'m>, mark: Option<&Mark<'_>>, delay_ms: u64) -> Outcome {
        let (mut reply, asked) = match ended {
            Ended::Reply(reply) => (reply, None),
            Ended::Upstream { reply, outcome } => (reply, Some(*outcome)),
        };
        if let Some(mark) = mark {
            mark.on_response(&mut reply.headers);
        }
        let method = text(get(&self.request, ":method").unwrap_or_default());
        let seen = reply.into_received(&method);
        Outcome {
            status: seen.status,
            body: seen.body,
            response_headers: seen.response_headers,
            at_least_ms: delay_ms,
            rule: chosen.route().and_then(|on| on.route.rule.clone()),
            attempts: asked.as_ref().map_or(1, |it| it.attempts),
            ..asked.unwrap_or_default()
        }
    }

    /// Whether the client speaks gRPC: then it gets answers of Envoy's own as gRPC errors.
    fn is_grpc(&self) -> bool {
        let kind = get(&self.request, "content-type").unwrap_or_default();
        match kind.strip_prefix(b"application/grpc") {
            Some(rest) => rest.is_empty() || rest.starts_with(b"+"),
            None => false,
        }
    }

    fn facts(&self, on: OnRoute<'m>) -> Facts<'m> {
        let cluster = on.share.map(|it| it.cluster.as_str());
        Facts {
            listener: &self.http.listener,
            over_tls: self.connection.tls.is_some(),
            server_name: self.connection.server_name(),
            route_name: &on.route.name,
            cluster: cluster.filter(|it| self.clusters.has(it)),
            answer: None,
        }
    }
}

/// The router acts on these, whoever set them, and no upstream sees them.
const CONTROLS: &[&str] = &[
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-max-retries",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-stream-duration-ms",
];

impl<'m> Chosen<'m> {
    fn route(self) -> Option<OnRoute<'m>> {
        match self {
            Self::Route(on) => Some(on),
            Self::ToHttps | Self::Nothing => None,
        }
    }
}

fn aborted(abort: Abort) -> Local {
    const BODY: &str = "fault filter abort";
    match abort {
        Abort::Http(status) => Local::new(status, BODY),
        Abort::Grpc(status) => Local {
            grpc_status: Some(status),
            ..Local::new(200, BODY)
        },
    }
}
