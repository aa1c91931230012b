//! The compiled tables of a listener, and which virtual host of them answers.

use std::ptr;

use fingerpost_config_compiler::{PlanHost, PlanListener, PlanRoute};
use fingerpost_routing::{Encoding, Route, RouteTable, VirtualHost};
use fingerpost_routing_config::{RegexEncoding, RoutingConfig};

use super::failed::Conditions;
use crate::failure::Failure;
use crate::load::Loaded;

/// One HTTP chain of a listener, ready for questions.
pub(super) struct Chain<'p> {
    pub(super) hosts: Vec<&'p PlanHost>,
    pub(super) config: RoutingConfig,
    pub(super) table: RouteTable,
}

/// A virtual host that answers: what is written, and what runs.
#[derive(Clone, Copy)]
pub(super) struct Answering<'a> {
    pub(super) plan: &'a PlanHost,
    pub(super) running: &'a VirtualHost,
    pub(super) encoding: Encoding,
}

impl<'p> Chain<'p> {
    /// The chain of a listener with this route configuration.
    pub(super) fn new(
        loaded: &Loaded,
        listener: &'p PlanListener,
        route_config: &str,
    ) -> Result<Self, Failure> {
        let unreadable =
            |error: &dyn std::fmt::Display| Failure::refused(format!("this can't be explained: {error}"));
        let all = loaded
            .compiled
            .routing
            .get("listeners")
            .and_then(|it| it.as_array());
        let written = all.into_iter().flatten().find(|it| {
            it.get("name").and_then(|it| it.as_str()) == Some(&listener.name)
                && it.get("route_config").and_then(|it| it.as_str()) == Some(route_config)
        });
        let written = written
            .and_then(|it| it.get("config"))
            .cloned()
            .unwrap_or_default();
        let config: RoutingConfig = serde_json::from_value(written).map_err(|error| unreadable(&error))?;
        let table = config.load().map_err(|error| unreadable(&error))?;
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
    pub(super) fn answering(&self, authority: Option<&[u8]>) -> Option<Answering<'_>> {
        let running = self.table.virtual_host(authority)?;
        let place = self.table.hosts().iter().position(|it| ptr::eq(it, running))?;
        self.at(place)
    }

    /// The virtual host at a place of the list.
    pub(super) fn at(&self, place: usize) -> Option<Answering<'_>> {
        Some(Answering {
            plan: self.hosts.get(place).copied()?,
            running: self.table.hosts().get(place)?,
            encoding: match self.config.regex_encoding {
                RegexEncoding::Latin1 => Encoding::Latin1,
                RegexEncoding::Utf8 => Encoding::Utf8,
            },
        })
    }

    /// Its domains, in order.
    pub(super) fn domains(&self) -> impl Iterator<Item = &'p str> {
        self.hosts.iter().flat_map(|it| &it.domains).map(String::as_str)
    }
}

impl<'a> Answering<'a> {
    /// What is written of a route, and what runs of it.
    pub(super) fn routes(self) -> impl Iterator<Item = (&'a PlanRoute, &'a Route)> {
        self.plan.routes.iter().zip(self.running.routes())
    }

    /// A route's conditions, to be asked one by one.
    pub(super) fn conditions(self, route: &'a PlanRoute, running: &'a Route) -> Option<Conditions<'a>> {
        Some(Conditions {
            written: &route.detail.as_ref()?.conditions,
            running: &running.matcher,
            encoding: self.encoding,
        })
    }
}

/// Whether a virtual host of this domain alone would answer.
pub(super) fn would_answer(domain: &str, authority: Option<&[u8]>) -> bool {
    let mut table = RouteTable::default();
    let added = table.add(VirtualHost::new(domain, Vec::new()), [domain]);
    added.is_ok() && table.virtual_host(authority).is_some()
}
