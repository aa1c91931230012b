//! Which DestinationRule applies to a service, and what several for one host amount to.
//!
//! Decides look-up and merging, not what a policy means for a cluster (that is `clusters`).
//! Source: istio `pilot/pkg/model/destination_rule.go` and `push_context.go`; docs/istio-routing.md 4.2 to 4.5.

use std::collections::BTreeMap;

use fingerpost_resources::{
    ClientTlsSettings, DestinationRule, Origin, Resource, Resources, Subset, TrafficPolicy,
};

use crate::host;
use crate::options::Options;
use crate::visibility::Exports;

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
    exports: Exports,
}

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
    fn new(rule: &'r Resource<DestinationRule>, exports: Exports) -> Self {
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

/// The DestinationRules of the input, by namespace and host.
#[derive(Debug)]
pub(crate) struct DestinationRules<'r> {
    entries: BTreeMap<String, BTreeMap<String, Vec<EffectiveRule<'r>>>>,
    proxy_namespace: String,
    proxy_labels: BTreeMap<String, String>,
}

impl<'r> DestinationRules<'r> {
    /// Merges the rules of each host in each namespace.
    pub(crate) fn new(resources: &'r Resources, options: &Options) -> Self {
        let mut rules: Vec<_> = resources.destination_rules.iter().collect();
        rules.sort_by_key(|rule| (rule.spec.workload_selector.is_none(), rule.meta.creation_order()));
        let mut entries: BTreeMap<String, BTreeMap<String, Vec<EffectiveRule<'r>>>> = BTreeMap::new();
        for rule in rules {
            let namespace = &rule.meta.namespace;
            let exports = match rule.spec.workload_selector {
                // A rule for some workloads is never seen by another namespace.
                Some(_) => Exports::private(namespace),
                None => Exports::new(&rule.spec.export_to, namespace),
            };
            let name = host::qualify(&rule.spec.host, namespace, &options.domain);
            let same_host = entries
                .entry(namespace.clone())
                .or_default()
                .entry(name)
                .or_default();
            merge(same_host, EffectiveRule::new(rule, exports));
        }
        let proxy_namespace = options.namespace.clone();
        Self {
            entries,
            proxy_namespace,
            proxy_labels: options.labels.clone(),
        }
    }

    /// The rule for the service `hostname` of `service_namespace`. The proxy's namespace is searched
    /// first, then the service's, then the root; the first that knows the host ends the search.
    pub(crate) fn find(&self, hostname: &str, service_namespace: &str) -> Option<&EffectiveRule<'r>> {
        let own = if self.proxy_namespace == ROOT_NAMESPACE {
            let private = |rule: &EffectiveRule<'_>| rule.exports.are_private_to(ROOT_NAMESPACE);
            self.most_specific(&self.proxy_namespace, hostname, private)
        } else {
            self.most_specific(&self.proxy_namespace, hostname, |rule| {
                rule.exports.reach(&self.proxy_namespace)
            })
        };
        let reaches_us = |rule: &EffectiveRule<'_>| rule.exports.reach(&self.proxy_namespace);
        own.or_else(|| self.most_specific(service_namespace, hostname, reaches_us))
            .or_else(|| self.most_specific(ROOT_NAMESPACE, hostname, reaches_us))
    }

    /// The rules for the service `hostname` of any namespace, also those that don't count, as `namespace/name`.
    pub(crate) fn unseen(&self, hostname: &str) -> Vec<String> {
        let of_namespace = |hosts: &BTreeMap<String, Vec<EffectiveRule<'r>>>| {
            let (_, rules) = host::most_specific(hostname, hosts)?;
            let rule = rules.first()?;
            Some(rule.first.meta.qualified_name())
        };
        self.entries.values().filter_map(of_namespace).collect()
    }

    /// Whether the labels of a `workloadSelector` in a rule of `namespace` select the proxy.
    pub(crate) fn select_proxy(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        namespace == self.proxy_namespace
            && labels
                .iter()
                .all(|(key, value)| self.proxy_labels.get(key) == Some(value))
    }

    /// The rule of the most specific host; if that one is not visible, a wider one is not tried.
    fn most_specific(
        &self,
        namespace: &str,
        hostname: &str,
        visible: impl Fn(&EffectiveRule<'r>) -> bool,
    ) -> Option<&EffectiveRule<'r>> {
        let (_, rules) = host::most_specific(hostname, self.entries.get(namespace)?)?;
        let for_us = |rule: &&EffectiveRule<'r>| {
            rule.selector()
                .is_some_and(|labels| self.select_proxy(namespace, labels))
        };
        let selected = rules.iter().filter(for_us).find(|rule| visible(rule));
        // Of those that could not be merged the newest counts (istio sidecar.go, `DestinationRule`).
        selected.or_else(|| {
            rules
                .iter()
                .rfind(|rule| rule.selector().is_none() && visible(rule))
        })
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

/// Adds `later` to the rules of one host: into an earlier one where their exports and selectors
/// allow it, beside them where not (istio destination_rule.go, `mergeDestinationRule`).
fn merge<'r>(rules: &mut Vec<EffectiveRule<'r>>, later: EffectiveRule<'r>) {
    let mut is_alone = true;
    for earlier in rules.iter_mut() {
        let both_select = earlier.selector().is_some() && later.selector().is_some();
        if both_select && earlier.selector() != later.selector() {
            continue;
        }
        let equal = later.exports == earlier.exports;
        let wider = !earlier.exports.are_default() && later.exports.include(&earlier.exports);
        if equal || wider {
            earlier.absorb(later.first);
        }
        if equal {
            is_alone = false;
        }
    }
    if is_alone {
        rules.push(later);
    }
}
