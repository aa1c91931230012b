//! DestinationRules for hosts that requests go to, of which nothing applies: another rule comes first, or the gateway does not
//! see them.
//!
//! Decides nothing: `destination_rules` chooses. A wildcard that gives way to a rule for the host itself is as meant, and not
//! reported; neither are rules with a selector, which are `unselected_rules`' matter.

use std::collections::HashMap;

use fingerpost_resources::{Code, DestinationRule, Diagnostics, Resource};

use crate::clusters::Cluster;
use crate::destination_rules::{EffectiveRule, ROOT_NAMESPACE};
use crate::host;
use crate::mesh::Mesh;
use crate::services::KnownService;

/// Why nothing of a rule applies.
enum Reason<'r> {
    /// Its namespace is not searched.
    OtherNamespace,
    /// It is not exported to the gateway.
    NotExported,
    /// This one has the same host and comes first.
    Behind(&'r Resource<DestinationRule>),
    /// This one has the same host and is for other workloads, and its namespace is the only one that is searched.
    BehindSelector(&'r Resource<DestinationRule>),
}

/// Reports each of them.
pub(crate) fn check(clusters: &[Cluster], mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) {
    let mut known: HashMap<&str, &KnownService<'_>> = HashMap::new();
    let mut services = Vec::new();
    for cluster in clusters {
        let hostname = cluster.wanted.hostname.as_str();
        if let Some(service) = mesh.services.find(hostname, "")
            && known.insert(hostname, service).is_none()
        {
            services.push((hostname, service));
        }
    }
    for rule in &mesh.resources.destination_rules {
        if rule.spec.workload_selector.is_some() {
            continue;
        }
        let namespace = &rule.meta.namespace;
        let name = host::qualify(&rule.spec.host, namespace, &mesh.options.domain);
        let covered: Vec<&KnownService<'_>> = if name.starts_with('*') {
            let covered = services
                .iter()
                .filter(|(hostname, _)| host::is_covered_by(hostname, &name));
            covered.map(|(_, service)| *service).collect()
        } else {
            known.get(name.as_str()).copied().into_iter().collect()
        };
        let reasons: Option<Vec<Reason<'_>>> = covered.iter().map(|it| reason(rule, it, mesh)).collect();
        let Some(reason) = reasons.and_then(|it| it.into_iter().next()) else {
            continue; // it applies to one of them, or is for none
        };
        if name.starts_with('*') && matches!(reason, Reason::Behind(_) | Reason::BehindSelector(_)) {
            continue;
        }
        let service = covered.first().map_or("", |it| it.namespace);
        let (message, help) = reason.words(namespace, service, &mesh.options.namespace);
        diagnostics
            .note(
                Code::UnusedDestinationRule,
                format!("this DestinationRule does not apply to the gateway: {message}"),
            )
            .on(&rule.origin, "spec.host")
            .help(help);
    }
}

/// None if it applies to the service.
fn reason<'r>(
    rule: &'r Resource<DestinationRule>,
    service: &KnownService<'_>,
    mesh: &Mesh<'r>,
) -> Option<Reason<'r>> {
    let chosen = mesh.destination_rules.find(&service.hostname, service.namespace);
    let is_part = |it: &EffectiveRule<'_>| it.resources().into_iter().any(|it| std::ptr::eq(it, rule));
    if chosen.is_some_and(is_part) {
        return None;
    }
    let searched = [mesh.options.namespace.as_str(), service.namespace, ROOT_NAMESPACE];
    Some(if !searched.contains(&rule.meta.namespace.as_str()) {
        Reason::OtherNamespace
    } else if !mesh.destination_rules.sees(rule) {
        Reason::NotExported
    } else if let Some(chosen) = chosen {
        Reason::Behind(chosen.first)
    } else {
        let own = mesh.destination_rules.own(&service.hostname);
        own.map_or(Reason::NotExported, Reason::BehindSelector)
    })
}

impl Reason<'_> {
    /// What is the case, and what to do; for a rule of `namespace`, a service of another, and the gateway's.
    fn words(&self, namespace: &str, service: &str, gateway: &str) -> (String, String) {
        match self {
            Self::OtherNamespace => (
                format!(
                    "it is in namespace `{namespace}`; those of the gateway (`{gateway}`), the service (`{service}`) and the root (`{ROOT_NAMESPACE}`) are searched"
                ),
                format!("move it to namespace `{service}` if it is for the gateway too"),
            ),
            Self::NotExported => (
                format!("its `exportTo` does not have the gateway's namespace `{gateway}`"),
                format!("add `{gateway}` to `exportTo` if it is for the gateway too"),
            ),
            Self::Behind(chosen) => (
                format!(
                    "{} is for the same host and comes first",
                    chosen.meta.qualified_name()
                ),
                "move what both say into one of them: they are not merged".to_owned(),
            ),
            Self::BehindSelector(own) => (
                format!(
                    "{} is for the same host in the gateway's namespace, so no other namespace is searched, and selects other workloads",
                    own.meta.qualified_name()
                ),
                format!("move this rule to namespace `{gateway}`, or that one to another namespace"),
            ),
        }
    }
}
