//! The compiled tables of a listener, and which virtual host of them answers.

use std::collections::{HashMap, VecDeque};

use fingerpost_config_compiler::{Compilation, HostSummary, ListenerSummary, RouteSummary};
use fingerpost_routing::{Encoding, Route, RouteTable, VirtualHost};
use fingerpost_routing_config::{RegexEncoding, RoutingConfig, RuleRef};

use crate::error::ExplainError;
use crate::mismatch::Conditions;

/// One HTTP chain of a listener, ready for questions.
pub(crate) struct Chain<'p> {
    pub(crate) hosts: Vec<&'p HostSummary>,
    pub(crate) config: &'p RoutingConfig,
    pub(crate) table: RouteTable,
}

/// A virtual host that answers: what is written, and what runs.
#[derive(Clone, Copy)]
pub(crate) struct Answering<'a> {
    pub(crate) summary: &'a HostSummary,
    pub(crate) running: &'a VirtualHost,
    pub(crate) encoding: Encoding,
}

impl<'p> Chain<'p> {
    /// The chain of a listener with this route configuration.
    pub(crate) fn new(
        loaded: &'p Compilation,
        listener: &'p ListenerSummary,
        route_config: &str,
    ) -> Result<Self, ExplainError> {
        let compiled = loaded.compiled.chain(&listener.name, route_config);
        let compiled = compiled.ok_or_else(|| {
            ExplainError::unknown(format_args!(
                "no filter routes by {route_config} on {}",
                listener.name
            ))
        })?;
        let config = &compiled.config;
        let table = config.load().map_err(|error| ExplainError::unknown(&error))?;
        let hosts = listener.hosts.iter();
        Ok(Self {
            hosts: hosts
                .filter(|it| it.route_config.as_deref() == Some(route_config))
                .collect(),
            config,
            table,
        })
    }

    /// The virtual host that answers for an authority.
    pub(crate) fn answering(&self, authority: Option<&[u8]>) -> Option<Answering<'_>> {
        let running = self.table.virtual_host(authority)?;
        let summary = self.hosts.iter().find(|it| it.name == running.name())?;
        Some(self.pair(summary, running))
    }

    /// All virtual hosts that can answer.
    pub(crate) fn all(&self) -> impl Iterator<Item = Answering<'_>> {
        let running = self.table.hosts().iter().map(|it| (it.name(), it));
        let running: HashMap<&str, &VirtualHost> = running.collect();
        let hosts = self.hosts.iter();
        hosts.filter_map(move |summary| {
            let running = running.get(summary.name.as_str())?;
            Some(self.pair(summary, running))
        })
    }

    fn pair<'a>(&'a self, summary: &'a HostSummary, running: &'a VirtualHost) -> Answering<'a> {
        Answering {
            summary,
            running,
            encoding: match self.config.regex_encoding {
                RegexEncoding::Latin1 => Encoding::Latin1,
                RegexEncoding::Utf8 => Encoding::Utf8,
            },
        }
    }

    /// Its domains, in order.
    pub(crate) fn domains(&self) -> impl Iterator<Item = &'p str> {
        self.hosts.iter().flat_map(|it| &it.domains).map(String::as_str)
    }
}

impl<'a> Answering<'a> {
    /// What is written of a route, and what runs of it. They are found by the rule and the match; where two servers
    /// make routes of one rule here, the first of those that are left.
    pub(crate) fn routes(self) -> impl Iterator<Item = (&'a RouteSummary, &'a Route)> {
        let mut left: VecDeque<&Route> = self.running.routes().iter().collect();
        self.summary.routes.iter().filter_map(move |summary| {
            let rule = summary.rule.as_ref()?;
            let found = left.iter().position(|it| is_of(it, rule))?;
            Some((summary, left.remove(found)?))
        })
    }

    /// A route's conditions, to be checked one by one.
    pub(crate) fn conditions(self, summary: &'a RouteSummary, route: &'a Route) -> Conditions<'a> {
        Conditions {
            claims: &summary.claims,
            matcher: &route.matcher,
            encoding: self.encoding,
        }
    }
}

/// Whether a route was made of this rule and match.
fn is_of(route: &Route, rule: &RuleRef) -> bool {
    let steps = route.rule.steps.iter();
    let steps = steps.map(|it| (&*it.virtual_service, it.http));
    let written = rule.rules.iter();
    steps.eq(written.map(|it| (it.virtual_service.as_str(), it.http)))
        && route.rule.matched.as_deref() == rule.matched.as_deref()
}

/// Whether a virtual host of this domain alone would answer.
pub(crate) fn would_answer(domain: &str, authority: Option<&[u8]>) -> bool {
    let mut table = RouteTable::default();
    let added = table.add(VirtualHost::new(domain, Vec::new()), [domain]);
    added.is_ok() && table.virtual_host(authority).is_some()
}
