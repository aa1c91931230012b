//! Which DestinationRule applies to a service, and what several for one host amount to.
//!
//! Decides look-up and merging, not what a policy means for a cluster (that is `clusters`).
//! Source: istio `pilot/pkg/model/destination_rule.go` and `push_context.go`; docs/istio-routing.md 4.2 to 4.5.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::{
    ClientTlsSettings, DestinationRule, Origin, Resource, Resources, Subset, TrafficPolicy,
};

use crate::host;
use crate::options::Options;

/// The root namespace of the mesh: its DestinationRules are the last resort.
pub(crate) const ROOT_NAMESPACE: &str = "istio-system";

/// One or more DestinationRules for one host that count as one.
#[derive(Debug, Clone)]
pub(crate) struct EffectiveRule<'r> {
    /// The subsets of all of them.
    pub subsets: Vec<DefinedSubset<'r>>,
    /// The first policy given at the top level.
    pub traffic_policy: Option<&'r TrafficPolicy>,
    /// The first of the resources.
    pub first: &'r Resource<DestinationRule>,
    /// The others.
    pub absorbed: Vec<&'r Resource<DestinationRule>>,
    exports: Exports<'r>,
}

/// The names of an `exportTo`, as written: those of two rules are compared so.
type Exports<'r> = BTreeSet<&'r str>;

/// A subset, and where it is defined.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DefinedSubset<'r> {
    /// What is defined.
    pub subset: &'r Subset,
    /// The resource that defines it.
    pub resource: &'r Resource<DestinationRule>,
    index: usize,
}

impl<'r> DefinedSubset<'r> {
    fn all_of(resource: &'r Resource<DestinationRule>) -> impl Iterator<Item = Self> {
        let subsets = resource.spec.subsets.iter().enumerate();
        subsets.map(move |(index, subset)| Self {
            subset,
            resource,
            index,
        })
    }

    /// Its path in that resource.
    pub(crate) fn path(&self) -> String {
        format!("spec.subsets[{}]", self.index)
    }
}

impl<'r> EffectiveRule<'r> {
    fn new(rule: &'r Resource<DestinationRule>) -> Self {
        let exports = match rule.spec.workload_selector {
            // A rule for some workloads is never seen by another namespace.
            Some(_) => BTreeSet::from(["."]),
            None => rule.spec.export_to.iter().map(String::as_str).collect(),
        };
        Self {
            subsets: DefinedSubset::all_of(rule).collect(),
            traffic_policy: rule.spec.traffic_policy.as_ref(),
            first: rule,
            absorbed: Vec::new(),
            exports,
        }
    }

    /// The subset of that name.
    pub(crate) fn subset(&self, name: &str) -> Option<&'r Subset> {
        self.defined(name).map(|it| it.subset)
    }

    /// The subset of that name, and where it is defined.
    pub(crate) fn defined(&self, name: &str) -> Option<DefinedSubset<'r>> {
        self.subsets.iter().find(|it| it.subset.name == name).copied()
    }

    /// Where a block of TLS settings of this rule is written.
    pub(crate) fn place_of_tls(&self, tls: &ClientTlsSettings) -> Option<(&'r Origin, String)> {
        self.resources().into_iter().find_map(|resource| {
            let whole = resource.spec.traffic_policy.as_ref();
            let whole = whole.map(|it| ("spec.trafficPolicy".to_owned(), it));
            let subsets = resource.spec.subsets.iter().enumerate();
            let subsets = subsets.filter_map(|(index, it)| {
                let path = format!("spec.subsets[{index}].trafficPolicy");
                Some((path, it.traffic_policy.as_ref()?))
            });
            let mut policies = whole.into_iter().chain(subsets);
            let path = policies.find_map(|(path, policy)| path_of_tls(policy, &path, tls))?;
            Some((&resource.origin, path))
        })
    }

    /// The resources that it is made of.
    pub(crate) fn resources(&self) -> Vec<&'r Resource<DestinationRule>> {
        let mut resources = vec![self.first];
        resources.extend(self.subsets.iter().map(|it| it.resource));
        resources.extend(self.absorbed.iter().copied());
        resources
    }

    fn selector(&self) -> Option<&'r BTreeMap<String, String>> {
        self.first
            .spec
            .workload_selector
            .as_ref()
            .map(|selector| &selector.match_labels)
    }

    /// Whether a proxy of the rule's namespace looks here first.
    fn is_for_own_namespace(&self) -> bool {
        let namespace = self.first.meta.namespace.as_str();
        let names = ["*", ".", namespace];
        self.exports.is_empty() || names.iter().any(|it| self.exports.contains(it))
    }

    /// Whether no other namespace may see it.
    fn is_private(&self) -> bool {
        let namespace = self.first.meta.namespace.as_str();
        self.exports.len() == 1 && (self.exports.contains(".") || self.exports.contains(namespace))
    }

    /// Whether a proxy of another namespace may see it.
    fn reaches(&self, namespace: &str) -> bool {
        self.exports.is_empty() || self.exports.contains("*") || self.exports.contains(namespace)
    }

    /// Takes in a later rule: subsets are added, a name that is there already stays as it is.
    fn absorb(&mut self, later: &'r Resource<DestinationRule>) {
        for defined in DefinedSubset::all_of(later) {
            if self.subset(&defined.subset.name).is_none() {
                self.subsets.push(defined);
            }
        }
        self.absorbed.push(later);
        self.traffic_policy = self.traffic_policy.or(later.spec.traffic_policy.as_ref());
    }
}

/// Rules of one namespace by their hosts.
type ByHost<'r> = BTreeMap<String, Vec<EffectiveRule<'r>>>;

/// The DestinationRules of the input, as a proxy finds them.
#[derive(Debug)]
pub(crate) struct DestinationRules<'r> {
    /// Those that the proxy's namespace has for itself, and for everyone; of the root namespace the former alone.
    own: ByHost<'r>,
    /// Those that a namespace exports, to whomever.
    exported: BTreeMap<&'r str, ByHost<'r>>,
    /// The first rule of each namespace and host.
    written: BTreeMap<&'r str, BTreeMap<String, &'r Resource<DestinationRule>>>,
    proxy_namespace: String,
    proxy_labels: BTreeMap<String, String>,
}

impl<'r> DestinationRules<'r> {
    /// Merges the rules of each host in each namespace (istio push_context.go, `setDestinationRules`).
    pub(crate) fn new(resources: &'r Resources, options: &Options) -> Self {
        let mut rules: Vec<_> = resources.destination_rules.iter().collect();
        rules.sort_by_key(|rule| (rule.spec.workload_selector.is_none(), rule.meta.creation_order()));
        let mut found = Self {
            own: BTreeMap::new(),
            exported: BTreeMap::new(),
            written: BTreeMap::new(),
            proxy_namespace: options.namespace.clone(),
            proxy_labels: options.labels.clone(),
        };
        for resource in rules {
            let namespace = resource.meta.namespace.as_str();
            let host = host::qualify(&resource.spec.host, namespace, &options.domain);
            let rule = EffectiveRule::new(resource);
            let written = found.written.entry(namespace).or_default();
            written.entry(host.clone()).or_insert(resource);
            let is_own = match namespace {
                // What it exports is the last resort, also for proxies in it.
                ROOT_NAMESPACE => rule.is_private(),
                _ => rule.is_for_own_namespace(),
            };
            if is_own && namespace == options.namespace {
                merge(found.own.entry(host.clone()).or_default(), rule.clone());
            }
            if !rule.is_private() {
                let exported = found.exported.entry(namespace).or_default();
                merge(exported.entry(host).or_default(), rule);
            }
        }
        found
    }

    /// The rule for the service `hostname` of `service_namespace`. What the proxy's namespace has for itself is searched
    /// first, then what the service's namespace exports, then the root; the first with a matching host ends the search
    /// (istio push_context.go, `destinationRule`).
    pub(crate) fn find(&self, hostname: &str, service_namespace: &str) -> Option<&EffectiveRule<'r>> {
        if let Some((_, rules)) = host::most_specific(hostname, &self.own) {
            return self.for_proxy(&rules.iter().collect::<Vec<_>>());
        }
        [service_namespace, ROOT_NAMESPACE].iter().find_map(|namespace| {
            let (_, rules) = host::most_specific(hostname, self.exported.get::<str>(namespace)?)?;
            let visible = rules.iter().filter(|it| it.reaches(&self.proxy_namespace));
            self.for_proxy(&visible.collect::<Vec<_>>())
        })
    }

    /// The rules for the service `hostname` of any namespace, also those that don't count, as `namespace/name`.
    pub(crate) fn unseen(&self, hostname: &str) -> Vec<String> {
        let of_namespaces = self.written.values();
        let found = of_namespaces.filter_map(|hosts| host::most_specific(hostname, hosts));
        found.map(|(_, rule)| rule.meta.qualified_name()).collect()
    }

    /// Whether a rule of a namespace that is searched can be found there.
    pub(crate) fn sees(&self, resource: &'r Resource<DestinationRule>) -> bool {
        let rule = EffectiveRule::new(resource);
        let is_own = resource.meta.namespace == self.proxy_namespace && rule.is_for_own_namespace();
        match resource.meta.namespace.as_str() {
            ROOT_NAMESPACE if !rule.is_private() => rule.reaches(&self.proxy_namespace),
            _ => is_own || !rule.is_private() && rule.reaches(&self.proxy_namespace),
        }
    }

    /// The first of the rules that the proxy's namespace has for `hostname`, whichever workloads they are for.
    pub(crate) fn own(&self, hostname: &str) -> Option<&'r Resource<DestinationRule>> {
        let (_, rules) = host::most_specific(hostname, &self.own)?;
        rules.first().map(|it| it.first)
    }

    /// Whether the labels of a `workloadSelector` in a rule of `namespace` select the proxy.
    pub(crate) fn select_proxy(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        namespace == self.proxy_namespace
            && labels
                .iter()
                .all(|(key, value)| self.proxy_labels.get(key) == Some(value))
    }

    /// Of rules for one host, the one that selects the proxy, else the newest for all proxies: the others could not be
    /// merged with it (istio sidecar.go, `DestinationRule`).
    fn for_proxy<'s>(&self, rules: &[&'s EffectiveRule<'r>]) -> Option<&'s EffectiveRule<'r>> {
        let selects = |rule: &&&EffectiveRule<'r>| {
            let namespace = &rule.first.meta.namespace;
            rule.selector()
                .is_some_and(|labels| self.select_proxy(namespace, labels))
        };
        let selected = rules.iter().find(selects);
        let general = || rules.iter().rfind(|rule| rule.selector().is_none());
        selected.or_else(general).copied()
    }
}

/// The path of a block of TLS settings in a policy, or in its entries for ports.
fn path_of_tls(policy: &TrafficPolicy, path: &str, tls: &ClientTlsSettings) -> Option<String> {
    let is_same = |it: &ClientTlsSettings| std::ptr::eq(it, tls);
    if policy.tls.as_ref().is_some_and(is_same) {
        return Some(format!("{path}.tls"));
    }
    let index = policy
        .port_level_settings
        .iter()
        .position(|it| it.tls.as_ref().is_some_and(is_same))?;
    Some(format!("{path}.portLevelSettings[{index}].tls"))
}

/// Adds `later` to the rules of one host: into each earlier one where their exports and selectors allow it, and beside them
/// where the last one of them does not (istio destination_rule.go, `mergeDestinationRule`).
fn merge<'r>(rules: &mut Vec<EffectiveRule<'r>>, later: EffectiveRule<'r>) {
    let mut is_apart = true;
    for earlier in rules.iter_mut() {
        let equal = later.exports == earlier.exports;
        let wider = !earlier.exports.is_empty() && later.exports.is_superset(&earlier.exports);
        is_apart = !equal;
        if !equal && !wider {
            continue;
        }
        match (earlier.selector(), later.selector()) {
            (Some(one), Some(other)) if one != other => {
                is_apart = true;
                continue;
            }
            (None, None) | (Some(_), Some(_)) => is_apart = false,
            (None, Some(_)) | (Some(_), None) => {}
        }
        earlier.absorb(later.first);
    }
    if is_apart {
        rules.push(later);
    }
}
