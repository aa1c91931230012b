//! Names in tests: a rule, a host, a subset, a port, a cluster or a virtual host that exists nowhere in the input.
//!
//! Such a name can never hold, and under `not` it always does, so a typo would fail for the wrong reason or pass by
//! accident. It is an error of the test file, found before any test runs. Names in files of other tools are those of
//! the blocks that they compare; a wrong one fails there by itself.

use std::collections::BTreeSet;

use fingerpost_config_compiler::{RouteSummary, Summary};
use fingerpost_resources::{Code, Diagnostics, Resources, closest, name_list};

use crate::compiled_proxy::{CompiledProxy, shares};
use crate::evaluate::{is_called, is_host};
use crate::rule_name::MissingRule;
use crate::suite::{Case, Expectation};
use crate::want::{Text, Want};

/// As many known names are listed in a message.
const LISTED: usize = 5;

/// The names that the input knows.
pub(super) struct Names<'w> {
    resources: &'w Resources,
    /// Envoy's names of all clusters that a route or a mirror leads to, or that exist.
    clusters: BTreeSet<String>,
    hosts: BTreeSet<String>,
    subsets: BTreeSet<String>,
    ports: BTreeSet<String>,
    domains: BTreeSet<String>,
}

impl<'w> Names<'w> {
    /// The names of a compiled input.
    pub(super) fn of(proxy: &'w CompiledProxy) -> Self {
        let resources = &proxy.compilation.resources;
        let summary = &proxy.compilation.compiled.summary;
        let clusters = clusters(summary);
        let parts = |index: usize| {
            let parts = clusters.iter().filter_map(move |it| it.split('|').nth(index));
            parts.filter(|it| !it.is_empty()).map(str::to_owned)
        };
        let defined = resources.destination_rules.iter().flat_map(|it| &it.spec.subsets);
        let domain = &proxy.compilation.options.domain;
        let services = resources.services.iter().map(|it| {
            let (name, namespace) = (&it.meta.name, &it.meta.namespace);
            format!("{name}.{namespace}.svc.{domain}")
        });
        let entries = resources
            .service_entries
            .iter()
            .flat_map(|it| it.spec.hosts.clone());
        let service_ports = resources.services.iter().flat_map(|it| &it.spec.ports);
        let entry_ports = (resources.service_entries.iter()).flat_map(|it| &it.spec.ports);
        let declared = (service_ports.filter_map(|it| it.port)).chain(entry_ports.filter_map(|it| it.number));
        // Also those of a VirtualService that no listener serves.
        let rules = || resources.virtual_services.iter().flat_map(|it| &it.spec.http);
        let destinations = || {
            rules()
                .flat_map(|it| &it.route)
                .filter_map(|it| it.destination.as_ref())
        };
        let destination_ports = destinations().filter_map(|it| it.port.as_ref()?.number);
        let hosts = || summary.listeners.iter().flat_map(|it| &it.hosts);
        Self {
            resources,
            hosts: parts(3)
                .chain(services)
                .chain(entries)
                .chain(destinations().map(|it| it.host.clone()))
                .collect(),
            subsets: parts(2)
                .chain(defined.map(|it| it.name.clone()))
                .chain(destinations().map(|it| it.subset.clone()))
                .filter(|it| !it.is_empty())
                .collect(),
            ports: parts(1)
                .chain(declared.chain(destination_ports).map(|it| it.to_string()))
                .collect(),
            domains: hosts().flat_map(|it| it.domains.clone()).collect(),
            clusters,
        }
    }

    /// Reports the names of a case that are nowhere.
    pub(super) fn check(&self, case: &Case, diagnostics: &mut Diagnostics) {
        for expectation in &case.expectations {
            // What is written once may be expected in several rows of a table.
            let is_reported = diagnostics
                .iter()
                .any(|it| it.span.as_ref() == Some(&expectation.at));
            if let Some((code, message, help)) = self.missing(expectation).filter(|_| !is_reported) {
                let finding = diagnostics.error(code, message);
                finding.at(expectation.at.clone());
                if let Some(help) = help {
                    finding.help(help);
                }
            }
        }
    }

    fn missing(&self, expectation: &Expectation) -> Option<Missing> {
        match &expectation.want {
            Want::Rule(wanted) => wanted.missing(self.resources).map(|it| self.no_rule(&it)),
            Want::Host(wanted) => {
                let is_known = self.hosts.iter().any(|it| is_host(wanted, it));
                (!is_known).then(|| no_host(Code::UnknownHost, "host", wanted, &self.hosts))
            }
            Want::Subset(wanted) => {
                let is_known = wanted.is_empty() || self.subsets.contains(wanted);
                (!is_known).then(|| nowhere(Code::UnknownSubset, "subset", wanted, &self.subsets))
            }
            Want::Port(wanted) => {
                let wanted = wanted.to_string();
                let is_known = self.ports.contains(&wanted);
                (!is_known).then(|| nowhere(Code::UnknownPort, "port", &wanted, &self.ports))
            }
            Want::Cluster(text) => text_nowhere(Code::UnknownCluster, "cluster", text, &self.clusters),
            Want::Domain(text) => text_nowhere(Code::UnknownVirtualHost, "virtual host", text, &self.domains),
            Want::Mirrors(names) => names.iter().find_map(|name| self.no_destination(name)),
            Want::Weights(weights) => weights.iter().find_map(|(name, _)| self.no_destination(name)),
            Want::NoRule
            | Want::Status(_)
            | Want::NoAnswer(_)
            | Want::NoCluster
            | Want::Method(_)
            | Want::Path(_)
            | Want::Authority(_)
            | Want::RequestHeader(..)
            | Want::ResponseHeader(..)
            | Want::Location(_)
            | Want::Body(_)
            | Want::Timeout(_)
            | Want::Delay(_)
            | Want::RuleBlock(_)
            | Want::RouteLookup(_)
            | Want::Header(_)
            | Want::Unsupported(_) => None,
        }
    }

    fn no_rule(&self, missing: &MissingRule) -> Missing {
        match missing {
            MissingRule::VirtualService(name) => {
                let all = self.resources.virtual_services.iter();
                let known: BTreeSet<String> = match name.contains('/') {
                    true => all.map(|it| it.meta.qualified_name()).collect(),
                    false => all.map(|it| it.meta.name.clone()).collect(),
                };
                nowhere(Code::UnknownRule, "VirtualService", name, &known)
            }
            MissingRule::Item {
                virtual_service,
                list,
                which,
                names,
                count,
            } => {
                let message = format!("VirtualService `{virtual_service}` has no `{list}[{which}]`");
                let near = closest(which, names.iter().map(String::as_str));
                let help = match near {
                    Some(near) => format!("did you mean `{list}[{near}]`?"),
                    None => match count.checked_sub(1) {
                        Some(last) => format!("the last one is `{list}[{last}]`"),
                        None => format!("it has no `{list}`"),
                    },
                };
                (Code::UnknownRule, message, Some(help))
            }
        }
    }

    /// A destination that a test names by its cluster, its subset or its host.
    fn no_destination(&self, name: &str) -> Option<Missing> {
        if self.clusters.iter().any(|it| is_called(name, it)) {
            return None;
        }
        let known = self.hosts.union(&self.subsets).cloned().collect();
        Some(no_host(Code::UnknownDestination, "destination", name, &known))
    }
}

/// A code, a message and what to do.
type Missing = (Code, String, Option<String>);

/// A name that is nowhere. The suggestion is a name in full, also where only its first label is like what is written.
fn nowhere(code: Code, kind: &str, name: &str, known: &BTreeSet<String>) -> Missing {
    let near = closest(name, known.iter().map(String::as_str)).or_else(|| {
        let label = closest(name, known.iter().map(|it| first_label(it)))?;
        known
            .iter()
            .map(String::as_str)
            .find(|it| first_label(it) == label)
    });
    missing(code, kind, name, known, near)
}

/// Likewise for a host, of which the first label will do.
fn no_host(code: Code, kind: &str, name: &str, known: &BTreeSet<String>) -> Missing {
    let near = closest(name, known.iter().map(String::as_str));
    let near = near.or_else(|| closest(name, known.iter().map(|it| first_label(it))));
    missing(code, kind, name, known, near)
}

fn first_label(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}

fn missing(code: Code, kind: &str, name: &str, known: &BTreeSet<String>, near: Option<&str>) -> Missing {
    let help = match near {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => {
            let listed: Vec<&String> = known.iter().take(LISTED).collect();
            let more = if known.len() > LISTED { ", and others" } else { "" };
            Some(format!("there is {}{more}", name_list(&listed, "and")))
        }
    };
    (code, format!("there is no {kind} `{name}` in the input"), help)
}

/// A condition on a name that no name fulfils.
fn text_nowhere(code: Code, kind: &str, text: &Text, known: &BTreeSet<String>) -> Option<Missing> {
    let asks_for_presence = matches!(text, Text::Present | Text::Absent);
    if asks_for_presence || known.iter().any(|it| text.accepts(&[it.as_str()])) {
        return None;
    }
    Some(match text {
        Text::Exact(name) => nowhere(code, kind, name, known),
        other => nowhere(code, kind, &other.to_string(), known),
    })
}

fn clusters(summary: &Summary) -> BTreeSet<String> {
    let existing = summary.clusters.iter().map(|it| it.name.clone());
    let routes = || summary.routes().map(|(_, _, route)| route);
    let named = routes().flat_map(shares).map(|it| it.destination.cluster.clone());
    existing.chain(named).chain(routes().flat_map(mirrors)).collect()
}

/// The clusters that get copies of a route's requests.
fn mirrors(route: &RouteSummary) -> Vec<String> {
    let detail = route.detail.as_ref();
    detail.map(|it| it.mirrors.clone()).unwrap_or_default()
}
