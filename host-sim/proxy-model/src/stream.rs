//! One request on its way through the filters and back.

use crate::clusters::Clusters;
use crate::connection::Connection;
use crate::cors::{Cors, Mark};
use crate::dice::StreamRoll;
use crate::facts::{Facts, Source};
use crate::fault::Abort;
use crate::filter::{Filter, FilterVerdict};
use crate::forward::{Forward, Share};
use crate::http::{Http, HttpFilter};
use crate::outcome::Skipped;
use crate::reply::Reply;
use crate::route::{Action, Route};
use crate::routed::{Answered, Forwarded, Routed};
use crate::virtual_host::{Found, VirtualHost};
use fingerpost_envoy_http::codec::Refused;
use fingerpost_envoy_http::grpc;
use fingerpost_envoy_http::header_map::{Headers, get};
use fingerpost_envoy_http::local_reply::LocalReply;

/// A request that got past the connection manager.
#[derive(Debug)]
pub(crate) struct Stream<'m> {
    pub(crate) http: &'m Http,
    pub(crate) clusters: &'m Clusters,
    pub(crate) connection: Connection<'m>,
    pub(crate) request: Headers,
    pub(crate) has_body: bool,
}

/// What the route table says about the request as it is now.
#[derive(Clone, Copy)]
pub(crate) enum Chosen<'m> {
    Route(OnRoute<'m>),
    ToHttps,
    Nothing,
}

/// A route, and the destination drawn from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnRoute<'m> {
    pub(crate) host: &'m VirtualHost,
    pub(crate) route: &'m Route,
    pub(crate) share: Option<&'m Share>,
}

/// What a filter has brought about.
pub(crate) enum Ended<'m> {
    /// An answer, and nobody is asked.
    Reply(Reply),
    /// The request as it is now goes to a cluster, and copies of it elsewhere.
    Forward {
        on: OnRoute<'m>,
        forward: &'m Forward,
        share: &'m Share,
        mirrors: Vec<&'m str>,
        timeout_ms: u64,
    },
}

impl<'m> Stream<'m> {
    /// Runs the filters.
    pub(crate) fn run(
        mut self,
        filter: &mut dyn Filter,
        dice: &mut StreamRoll<'_>,
    ) -> Result<Routed<'m>, Skipped> {
        let http = self.http;
        let mut chosen = self.choose(dice);
        let mut mark: Option<Mark<'m>> = None;
        let mut delay_ms = 0;
        // Where no route is known yet, the filters and the router have it their way.
        if http.refuses_upgrade(&self.request) && !matches!(chosen, Chosen::Nothing) {
            let reply = self.local(
                LocalReply::new(403, ""),
                Source::Manager("upgrade_failed"),
                chosen,
            )?;
            return Ok(self.end(Ended::Reply(reply), chosen, mark, delay_ms));
        }
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
                            let local = LocalReply {
                                headers,
                                ..LocalReply::new(status, body)
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
                return Ok(self.end(ended, chosen, mark, delay_ms));
            }
        }
        Err(Skipped::because(
            "a chain of filters without a router is not modelled",
        ))
    }

    /// Answers for the connection manager, which refuses the request as it came. Envoy looks for its route then, to
    /// name it and to make its edits, but only where the client itself tells a scheme: its own note comes later.
    pub(crate) fn refuse(self, error: Refused, dice: &mut StreamRoll<'_>) -> Result<Routed<'m>, Skipped> {
        let scheme = get(&self.request, "x-forwarded-proto").unwrap_or_default();
        let chosen = match scheme.is_empty() {
            true => Chosen::Nothing,
            false => self.choose(dice),
        };
        let reply = self.local(
            LocalReply::new(error.status, ""),
            Source::Manager(error.details),
            chosen,
        )?;
        Ok(self.end(Ended::Reply(reply), chosen, None, 0))
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

    /// An answer of Envoy's own, with the route's edits.
    pub(crate) fn local(
        &self,
        mut local: LocalReply,
        source: Source,
        chosen: Chosen<'m>,
    ) -> Result<Reply, Skipped> {
        let by_a_filter = matches!(source, Source::Abort | Source::Plugin | Source::Manager(_));
        if let Chosen::Route(on) = chosen
            // What a filter answers is edited for a cluster's sake only.
            && (!by_a_filter || matches!(on.route.action, Action::Forward(_)))
        {
            self.edit_response(&mut local.headers, local.status, source, on)?;
        }
        Ok(local.answer(&self.request).into())
    }

    /// The edits of the destination, of the route, of the virtual host: the last one wins.
    pub(crate) fn edit_response(
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

    fn end(self, ended: Ended<'m>, chosen: Chosen<'m>, mark: Option<Mark<'m>>, delay_ms: u64) -> Routed<'m> {
        match ended {
            Ended::Reply(reply) => Routed::Answered(Box::new(Answered {
                reply: reply.for_client(mark.as_ref()),
                to_head: get(&self.request, ":method") == Some(b"HEAD"),
                rule: chosen.route().and_then(|on| on.route.rule.clone()),
                delay_ms,
                server_name: self.http.server_name.clone(),
            })),
            Ended::Forward {
                on,
                forward,
                share,
                mirrors,
                timeout_ms,
            } => Routed::Forwarded(Box::new(Forwarded {
                stream: self,
                on,
                forward,
                share,
                mirrors,
                mark,
                delay_ms,
                timeout_ms,
            })),
        }
    }

    pub(crate) fn is_grpc(&self) -> bool {
        grpc::is_grpc(&self.request)
    }

    pub(crate) fn facts(&self, on: OnRoute<'m>) -> Facts<'m> {
        let cluster = on.share.map(|it| it.cluster.as_str());
        Facts {
            listener: &self.http.listener,
            has_body: self.has_body,
            version: self.connection.version,
            over_tls: self.connection.tls.is_some(),
            server_name: self.connection.server_name(),
            route_name: &on.route.name,
            cluster: cluster.filter(|it| self.clusters.has(it)),
            answer: None,
        }
    }
}

impl<'m> Chosen<'m> {
    fn route(self) -> Option<OnRoute<'m>> {
        match self {
            Self::Route(on) => Some(on),
            Self::ToHttps | Self::Nothing => None,
        }
    }
}

fn aborted(abort: Abort) -> LocalReply {
    const BODY: &str = "fault filter abort";
    match abort {
        Abort::Http(status) => LocalReply::new(status, BODY),
        Abort::Grpc(status) => LocalReply {
            grpc_status: Some(status),
            ..LocalReply::new(200, BODY)
        },
    }
}
