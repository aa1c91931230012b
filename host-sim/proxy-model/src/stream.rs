//! One request on its way through the filters and back.

use fingerpost_envoy_http::codec::Refused;
use fingerpost_envoy_http::grpc;
use fingerpost_envoy_http::header_map::{Headers, get};
use fingerpost_envoy_http::local_reply::LocalReply;
use fingerpost_routing_config::RuleRef;

use crate::admit::{Admission, admit};
use crate::clusters::Clusters;
use crate::connection::Connection;
use crate::cors::{Cors, Mark};
use crate::decision::{Answered, Forwarded, Routed};
use crate::dice::StreamRoll;
use crate::facts::{Facts, Source};
use crate::fault::Abort;
use crate::filter::{Filter, FilterVerdict};
use crate::forward::{Forward, Share};
use crate::http::{Http, HttpFilter};
use crate::of_a_run;
use crate::outcome::Skipped;
use crate::reply::Reply;
use crate::request::{Request, Run};
use crate::route::{Action, Route};
use crate::virtual_host::{RouteLookup, VirtualHost};

/// A request that got past the connection manager.
#[derive(Debug)]
pub(crate) struct Stream<'m> {
    pub(crate) http: &'m Http,
    pub(crate) clusters: &'m Clusters,
    pub(crate) connection: Connection<'m>,
    pub(crate) request: Headers,
    pub(crate) has_body: bool,
    /// Whether this is a run, in which nothing is open.
    pub(crate) is_run: bool,
    /// The rule, as a filter has named it.
    pub(crate) named: Option<RuleRef>,
}

/// What the route table says about the request as it is now.
#[derive(Clone, Copy)]
pub(crate) enum Selection<'m> {
    Route(SelectedRoute<'m>),
    ToHttps,
    Nothing,
}

/// A route, and the destination drawn from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SelectedRoute<'m> {
    pub(crate) host: &'m VirtualHost,
    pub(crate) route: &'m Route,
    pub(crate) share: Option<&'m Share>,
}

/// What a filter decides about the request.
pub(crate) enum FilterResult<'m> {
    /// An answer of the proxy, and its details.
    Reply(Reply, Option<&'static str>),
    /// The request as it is now goes to a cluster, and copies of it elsewhere.
    Forward {
        on: SelectedRoute<'m>,
        forward: &'m Forward,
        share: &'m Share,
        mirrors: Vec<&'m str>,
        timeout_ms: u64,
    },
}

/// Sends a request through a connection manager.
pub(crate) fn route<'m>(
    http: &'m Http,
    request: &Request,
    connection: Connection<'m>,
    clusters: &'m Clusters,
    run: Option<&Run>,
    filter: &mut dyn Filter,
    dice: &mut StreamRoll<'_>,
) -> Result<Routed<'m>, Skipped> {
    let stream = |headers, has_body| Stream {
        has_body,
        is_run: run.is_some(),
        http,
        clusters,
        connection,
        request: headers,
        named: None,
    };
    match admit(request, &connection, &http.edge, run)? {
        Admission::Unreadable(error) => {
            let to_head = request.method == "HEAD";
            let local = LocalReply::new(error.status, error.body());
            Ok(Routed::Answered(Box::new(Answered {
                reply: local.prepare(false, to_head).into(),
                to_head,
                rule: None,
                delay_ms: 0,
                server_name: http.server_name.clone(),
                details: Some(error.details),
            })))
        }
        Admission::Refused {
            error,
            headers,
            has_body,
        } => stream(headers, has_body).refuse(error, dice),
        Admission::Admitted { headers, has_body } => stream(headers, has_body).run(filter, dice),
    }
}

impl<'m> Stream<'m> {
    /// Runs the filters.
    pub(crate) fn run(
        mut self,
        filter: &mut dyn Filter,
        dice: &mut StreamRoll<'_>,
    ) -> Result<Routed<'m>, Skipped> {
        let http = self.http;
        let mut selection = self.choose(dice)?;
        let mut mark: Option<Mark<'m>> = None;
        let mut delay_ms = 0;
        // Without a route so far, the upgrade is left to the filters and the router.
        if http.refuses_upgrade(&self.request) && !matches!(selection, Selection::Nothing) {
            let source = Source::Manager("upgrade_failed");
            let reply = self.reply(LocalReply::new(403, ""), source, selection)?;
            return Ok(self.end(reply, selection, mark, delay_ms));
        }
        for step in &http.filters {
            let result = match step {
                HttpFilter::Plugin(plugin) => {
                    if !self.is_run {
                        plugin.check_run(&self.request)?;
                    }
                    match filter.on_request_headers(&plugin.site(), &mut self.request) {
                        FilterVerdict::Continue => {
                            selection = self.choose(dice)?;
                            None
                        }
                        FilterVerdict::Routed(rule) => {
                            self.named = Some(rule);
                            selection = self.choose(dice)?;
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
                            Some(self.reply(local, Source::Plugin, selection)?)
                        }
                    }
                }
                HttpFilter::Fault => {
                    let injected = selection
                        .route()
                        .and_then(|on| on.route.fault.as_ref())
                        .map(|it| it.inject(dice));
                    delay_ms = injected.as_ref().map_or(0, |it| it.delay_ms);
                    match injected.and_then(|it| it.abort) {
                        None => None,
                        Some(abort) => Some(self.reply(aborted(abort), Source::Abort, selection)?),
                    }
                }
                HttpFilter::Cors => {
                    // Envoy's filter passes over routes that answer by themselves.
                    let forwards = |on: &SelectedRoute<'_>| matches!(on.route.action, Action::Forward(_));
                    let on = selection.route().filter(forwards);
                    let policy = on.and_then(|on| on.route.cors.as_ref());
                    match policy.map(|it| it.on_request(&self.request)) {
                        None | Some(Cors::Passes) => None,
                        Some(Cors::Marks(made)) => {
                            mark = Some(made);
                            None
                        }
                        Some(Cors::Answers(headers)) => {
                            let reply = Reply {
                                status: 200,
                                headers,
                                body: Vec::new(),
                            };
                            Some(FilterResult::Reply(reply, None))
                        }
                    }
                }
                HttpFilter::GrpcWeb => {
                    if grpc::is_grpc_web(&self.request) {
                        return Err(Skipped::because("the translation of gRPC-Web is not modelled"));
                    }
                    None
                }
                HttpFilter::HealthCheck => {
                    return Err(Skipped::because("a listener for probes is not modelled"));
                }
                HttpFilter::Router => Some(self.route(selection, dice)?),
            };
            if let Some(result) = result {
                return Ok(self.end(result, selection, mark, delay_ms));
            }
        }
        Err(Skipped::because(
            "a chain of filters without a router is not modelled",
        ))
    }

    /// Answers for the connection manager, which refuses the request as it came. Envoy looks for its route then, to
    /// name it and to make its edits, but only if the client sends `x-forwarded-proto`: Envoy's own is added later.
    pub(crate) fn refuse(self, error: Refused, dice: &mut StreamRoll<'_>) -> Result<Routed<'m>, Skipped> {
        let scheme = get(&self.request, "x-forwarded-proto").unwrap_or_default();
        let selection = match scheme.is_empty() {
            true => Selection::Nothing,
            false => self.choose(dice)?,
        };
        let source = Source::Manager(error.details);
        let reply = self.reply(LocalReply::new(error.status, ""), source, selection)?;
        Ok(self.end(reply, selection, None, 0))
    }

    fn choose(&self, dice: &mut StreamRoll<'_>) -> Result<Selection<'m>, Skipped> {
        if let Some(header) = self.http.routes.undecided(&self.request).filter(|_| !self.is_run) {
            return Err(of_a_run::skipped(header));
        }
        Ok(match self.http.routes.find(&self.request) {
            RouteLookup::Nothing => Selection::Nothing,
            RouteLookup::ToHttps => Selection::ToHttps,
            RouteLookup::Route(host, route) => {
                let share = match &route.action {
                    Action::Forward(forward) => forward.pick(dice),
                    Action::Redirect(_) | Action::Respond { .. } => None,
                };
                Selection::Route(SelectedRoute { host, route, share })
            }
        })
    }

    /// An answer of Envoy's own, with the route's edits.
    pub(crate) fn local(
        &self,
        mut local: LocalReply,
        source: Source,
        selection: Selection<'m>,
    ) -> Result<Reply, Skipped> {
        let by_a_filter = matches!(source, Source::Abort | Source::Plugin | Source::Manager(_));
        if let Selection::Route(on) = selection
            // What a filter answers is edited for a cluster's sake only.
            && (!by_a_filter || matches!(on.route.action, Action::Forward(_)))
        {
            self.edit_response(&mut local.headers, local.status, source, on)?;
        }
        Ok(local.answer(&self.request).into())
    }

    /// The same as what a filter decides.
    pub(crate) fn reply(
        &self,
        local: LocalReply,
        source: Source,
        selection: Selection<'m>,
    ) -> Result<FilterResult<'m>, Skipped> {
        let reply = self.local(local, source, selection)?;
        Ok(FilterResult::Reply(reply, source.details()))
    }

    /// The edits of the destination, of the route, of the virtual host: the last one wins.
    pub(crate) fn edit_response(
        &self,
        response: &mut Headers,
        status: u16,
        source: Source,
        on: SelectedRoute<'m>,
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

    fn end(
        self,
        result: FilterResult<'m>,
        selection: Selection<'m>,
        mark: Option<Mark<'m>>,
        delay_ms: u64,
    ) -> Routed<'m> {
        match result {
            FilterResult::Reply(reply, details) => Routed::Answered(Box::new(Answered {
                reply: reply.for_client(mark.as_ref()),
                to_head: get(&self.request, ":method") == Some(b"HEAD"),
                rule: self.rule(selection.route()).cloned(),
                delay_ms,
                server_name: self.http.server_name.clone(),
                details,
            })),
            FilterResult::Forward {
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

    /// The rule: as a filter has named it, else that of a route which Envoy has matched itself.
    pub(crate) fn rule<'s>(&'s self, on: Option<SelectedRoute<'m>>) -> Option<&'s RuleRef> {
        let of_route = on.and_then(|on| on.route.rule.as_ref());
        self.named.as_ref().or(of_route)
    }

    pub(crate) fn is_grpc(&self) -> bool {
        grpc::is_grpc(&self.request)
    }

    pub(crate) fn facts(&self, on: SelectedRoute<'m>) -> Facts<'m> {
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

impl<'m> Selection<'m> {
    fn route(self) -> Option<SelectedRoute<'m>> {
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
