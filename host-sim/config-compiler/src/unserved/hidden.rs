//! Rules and matches that never get a request or a connection, since an earlier one takes them all.
//!
//! Says so only where it is proved (see `covers`), and of a rule as a whole only if it is so for all of its hosts.

use std::collections::HashMap;

use fingerpost_resources::{Resource, VirtualService};
use fingerpost_routing::Encoding;
use fingerpost_routing_config::{PathMatch, RouteMatch, RuleRef};

use super::{Cause, Context, Part, Unserved};
use crate::condition_text::describe_conditions;
use crate::covers::covers;
use crate::gateways::{BoundServer, MergedListener};
use crate::patterns;
use crate::protocol::Termination;
use crate::routes::route::Route;
use crate::tcp::{self, LostNames};

/// As many earlier routes are compared with one: what is not proved by them is not said.
const COMPARED: usize = 500;

/// All of them.
pub(super) fn find(cx: &Context<'_, '_>) -> Vec<Unserved> {
    let mut found = http(cx);
    found.extend(tcp(cx));
    let lost = cx.lost_names.iter().filter(|it| !has_chain(it, cx));
    found.extend(lost.map(|it| {
        let cause = Cause::ServerNameTaken {
            name: it.name.clone(),
            by: format!("{} {}", it.taken_by.0, it.taken_by.1),
        };
        of_connections(cause, it.resource, it.path.clone(), it.names.clone())
    }));
    found
}

/// Whether the match has the names on another server.
fn has_chain(lost: &LostNames<'_>, cx: &Context<'_, '_>) -> bool {
    let mut chains = cx.built.iter().flat_map(|it| &it.tcp);
    chains.any(|it| std::ptr::eq(it.resource, lost.resource) && it.path == lost.path)
}

/// A rule with its match, and what becomes of it on each host.
struct Fate<'a, 'r> {
    rule: &'a RuleRef,
    leaf: &'r Resource<VirtualService>,
    path: &'a str,
    /// The host, and the reason if the rule gets no request there.
    hosts: Vec<(&'a str, Option<Cause>)>,
}

fn http(cx: &Context<'_, '_>) -> Vec<Unserved> {
    let encoding = patterns::encoding(cx.mesh.options.envoy);
    let mut fates: Vec<Fate<'_, '_>> = Vec::new();
    let mut known: HashMap<&RuleRef, usize> = HashMap::new();
    let hosts = cx
        .built
        .iter()
        .flat_map(|it| &it.http)
        .flat_map(|it| &it.routes.virtual_hosts);
    for host in hosts {
        let mut earlier = Earlier::default();
        let mut on_host: HashMap<&RuleRef, Option<Cause>> = HashMap::new();
        let mut order = Vec::new();
        for route in &host.routes {
            // Two servers of one host make the same routes twice.
            if route.wants_a_claim() {
                continue; // takes nothing by itself, which a finding says
            }
            if !on_host.contains_key(&route.rule) {
                let hidden = earlier.covering(&route.conditions, encoding);
                let cause = hidden.map(|by| Cause::Hidden {
                    by: by.rule.clone(),
                    conditions: describe_conditions(&by.conditions, &by.claims),
                    of_another: root(&by.rule) != root(&route.rule),
                });
                on_host.insert(&route.rule, cause);
                order.push((&route.rule, route.leaf, route.path.as_str()));
            }
            earlier.add(route);
        }
        for left_out in &host.left_out {
            if let Cause::Behind(_) = left_out.reason
                && !on_host.contains_key(&left_out.rule)
            {
                on_host.insert(&left_out.rule, Some(left_out.reason.clone()));
                order.push((&left_out.rule, left_out.leaf, left_out.path.as_str()));
            }
        }
        for (rule, leaf, path) in order {
            let index = *known.entry(rule).or_insert_with(|| {
                fates.push(Fate {
                    rule,
                    leaf,
                    path,
                    hosts: Vec::new(),
                });
                fates.len() - 1
            });
            if let (Some(fate), Some(cause)) = (fates.get_mut(index), on_host.remove(rule)) {
                fate.hosts.push((&host.domain, cause));
            }
        }
    }
    fates.iter().filter_map(unserved).collect()
}

/// The first VirtualService of a rule: that with the hosts.
fn root(rule: &RuleRef) -> &str {
    rule.rules.first().map_or("", |it| &it.virtual_service)
}

fn unserved(fate: &Fate<'_, '_>) -> Option<Unserved> {
    let cause = fate.hosts.iter().find_map(|(_, cause)| cause.clone())?;
    let lost = fate.hosts.iter().filter(|(_, cause)| cause.is_some());
    let mut hosts: Vec<String> = lost.map(|(host, _)| (*host).to_owned()).collect();
    hosts.dedup();
    Some(Unserved {
        part: Part::Rule {
            virtual_service: root(fate.rule).to_owned(),
            hosts,
            is_served_elsewhere: fate.hosts.iter().any(|(_, cause)| cause.is_none()),
        },
        cause,
        subject: fate.leaf.origin.subject().to_owned(),
        path: fate.path.to_owned(),
        span: fate.leaf.origin.at(fate.path),
        is_finding: true,
    })
}

/// The routes of a host so far, by what they could take together with a later one.
#[derive(Default)]
struct Earlier<'a, 'r> {
    routes: Vec<&'a Route<'r>>,
    /// Those for every path.
    any: Vec<usize>,
    /// The others by their prefix, path or pattern, in lower case.
    by_text: HashMap<String, Vec<usize>>,
}

impl<'a, 'r> Earlier<'a, 'r> {
    fn add(&mut self, route: &'a Route<'r>) {
        let index = self.routes.len();
        self.routes.push(route);
        match &route.conditions.path {
            PathMatch::Prefix(text) if matches!(text.as_str(), "" | "/") => self.any.push(index),
            PathMatch::Prefix(text) | PathMatch::Exact(text) | PathMatch::Regex(text) => {
                self.by_text
                    .entry(text.to_ascii_lowercase())
                    .or_default()
                    .push(index);
            }
        }
    }

    /// The first of them that accepts every request that `later` accepts.
    fn covering(&self, later: &RouteMatch, encoding: Encoding) -> Option<&'a Route<'r>> {
        let (PathMatch::Prefix(text) | PathMatch::Exact(text) | PathMatch::Regex(text)) = &later.path;
        let text = text.to_ascii_lowercase();
        let ends = text.char_indices().map(|(start, it)| start + it.len_utf8());
        let starts = ends.filter_map(|end| self.by_text.get(text.get(..end)?));
        // Each list is in order, so the first of them all are among the first of each.
        let lists = starts.chain([&self.any]);
        let mut candidates: Vec<usize> = lists
            .flat_map(|list| list.iter().take(COMPARED))
            .copied()
            .collect();
        candidates.sort_unstable();
        let mut candidates = candidates.into_iter().take(COMPARED);
        candidates.find_map(|index| {
            let earlier = *self.routes.get(index)?;
            covers(&earlier.conditions, later, encoding).then_some(earlier)
        })
    }
}

/// `tcp` rules behind the first that fits: on every server for which they would be.
fn tcp(cx: &Context<'_, '_>) -> Vec<Unserved> {
    let mut used: Vec<(&Resource<VirtualService>, usize)> = Vec::new();
    let mut late: Vec<(&Resource<VirtualService>, usize, Cause)> = Vec::new();
    for server in cx.listeners.iter().flat_map(MergedListener::servers) {
        match server.termination {
            Termination::TlsToTcp | Termination::Tcp => {}
            Termination::PlainHttp | Termination::Https | Termination::Passthrough => continue,
        }
        let mut rules = tcp::rules_by_port(server, cx.attachments.services(server));
        let Some((first, first_index)) = rules.next() else {
            continue;
        };
        used.push((first, first_index));
        for (resource, index) in rules {
            let cause = Cause::ConnectionsTaken {
                port: server.declared_port,
                by: format!("{} spec.tcp[{first_index}]", first.origin.subject()),
                of_another: !std::ptr::eq(first, resource),
                tls_server: (server.termination == Termination::TlsToTcp).then(|| port_name(server)),
            };
            late.push((resource, index, cause));
        }
    }
    let mut found: Vec<Unserved> = Vec::new();
    let mut told: Vec<(&Resource<VirtualService>, usize)> = Vec::new();
    for (resource, index, cause) in late {
        let is_it = |it: &(&Resource<VirtualService>, usize)| std::ptr::eq(it.0, resource) && it.1 == index;
        if used.iter().chain(&told).any(is_it) {
            continue;
        }
        told.push((resource, index));
        let hosts = resource.spec.hosts.clone();
        let is_finding = !is_known_from_the_text(resource, index);
        found.push(Unserved {
            is_finding,
            ..of_connections(cause, resource, format!("spec.tcp[{index}]"), hosts)
        });
    }
    found
}

/// Whether the VirtualService alone shows it, which is a finding of `fingerpost_resources`: an earlier rule has no match or the same.
fn is_known_from_the_text(resource: &Resource<VirtualService>, index: usize) -> bool {
    let rules = &resource.spec.tcp;
    let Some(rule) = rules.get(index) else {
        return false;
    };
    let mut earlier = rules.iter().take(index);
    earlier.any(|it| it.matches.is_empty() || it.matches == rule.matches)
}

fn port_name(server: &BoundServer<'_>) -> String {
    let port = server.server.port.as_ref();
    port.map(|it| it.name.clone()).unwrap_or_default()
}

fn of_connections(
    cause: Cause,
    resource: &Resource<VirtualService>,
    path: String,
    hosts: Vec<String>,
) -> Unserved {
    Unserved {
        part: Part::Rule {
            virtual_service: resource.meta.qualified_name(),
            hosts,
            is_served_elsewhere: false,
        },
        cause,
        subject: resource.origin.subject().to_owned(),
        span: resource.origin.at(&path),
        path,
        is_finding: true,
    }
}
