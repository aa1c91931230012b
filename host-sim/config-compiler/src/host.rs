//! Host names as Istio compares them: short names, wildcards, intersections.
//!
//! Decides which of two host strings covers the other, and what a short name means. It does
//! not choose a virtual host for a request (that is `fingerpost-routing`) and looks no service up.
//! Source of the rules: istio `pkg/config/host/name.go` and `names.go`, `pilot/pkg/model/config.go`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::ops::Bound;

/// What a host in a resource means: a name without a dot is a service of `namespace`.
///
/// IP addresses and `*` stay as they are; any dot means "already qualified"
/// (istio config.go, `ResolveShortnameToFQDN`).
pub fn qualify(host: &str, namespace: &str, domain: &str) -> String {
    if host.is_empty() || host == "*" || host.contains('.') || host.parse::<IpAddr>().is_ok() {
        return host.to_owned();
    }
    format!("{host}.{namespace}.svc.{domain}")
}

/// What a client in the mesh may write for the full name of a service (istio `pilot/pkg/networking/core/httproute.go`,
/// `generateAltVirtualHosts`). None for other hosts.
pub fn short_forms(full: &str) -> impl Iterator<Item = String> {
    let service = full.split_once(".svc.").map(|(service, _)| service);
    let forms = service.and_then(|service| {
        let (name, _) = service.split_once('.')?;
        Some([name.to_owned(), service.to_owned(), format!("{service}.svc")])
    });
    forms.into_iter().flatten()
}

/// Whether every request for `narrow` is also one for `wide` (istio name.go, `SubsetOf`).
///
/// The comparison is by bytes: `Foo.com` and `foo.com` have nothing in common here.
pub(crate) fn is_covered_by(narrow: &str, wide: &str) -> bool {
    match (narrow.strip_prefix('*'), wide.strip_prefix('*')) {
        (None, None) => narrow == wide,
        (None, Some(tail)) => narrow.ends_with(tail),
        (Some(narrow_tail), Some(tail)) => narrow_tail.ends_with(tail),
        (Some(_), None) => false,
    }
}

/// Whether the two have requests in common (istio name.go, `Matches`).
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    is_covered_by(one, other) || is_covered_by(other, one)
}

/// The more specific name of each pair that overlaps, without repeats, in the order of `servers`
/// (istio names.go, `Intersection`). These become the domains of virtual hosts.
pub(crate) fn intersection<'s>(servers: impl IntoIterator<Item = &'s str>, hosts: &[String]) -> Vec<String> {
    let mut common: Vec<String> = Vec::new();
    let mut known = HashSet::new();
    for server in servers {
        for host in hosts {
            let narrower = if is_covered_by(server, host) {
                server
            } else if is_covered_by(host, server) {
                host
            } else {
                continue;
            };
            if known.insert(narrower.to_owned()) {
                common.push(narrower.to_owned());
            }
        }
    }
    common
}

/// The hosts of a Gateway server with `./` and `*/` resolved: each is `host` or `namespace/host`.
///
/// `*/*` replaces the whole list by `*` (istio gateway.go, `sanitizeServerHostNamespace`).
pub(crate) fn server_hosts(hosts: &[String], gateway_namespace: &str) -> Vec<String> {
    if hosts.iter().any(|host| host == "*/*") {
        return vec!["*".to_owned()];
    }
    let resolve = |host: &String| match host.split_once('/') {
        Some((".", name)) => format!("{gateway_namespace}/{name}"),
        Some(("*", name)) => name.to_owned(),
        Some(_) | None => host.clone(),
    };
    hosts.iter().map(resolve).collect()
}

/// The server hosts that a VirtualService of `namespace` may use, without their namespace part
/// (istio names.go, `NamesForNamespace`).
pub(crate) fn open_to<'h>(
    server_hosts: impl IntoIterator<Item = &'h String>,
    namespace: &str,
) -> impl Iterator<Item = &'h str> {
    server_hosts
        .into_iter()
        .filter_map(move |host| match host.split_once('/') {
            Some((owner, name)) => (owner == namespace || owner == "*").then_some(name),
            None => Some(host.as_str()),
        })
}

/// A server host without its namespace part.
pub(crate) fn without_namespace(server_host: &str) -> &str {
    server_host.split_once('/').map_or(server_host, |(_, name)| name)
}

/// The most specific of the names in `known` that covers `host`: itself, else the longest wildcard
/// (istio config.go, `MostSpecificHostMatch`).
pub(crate) fn most_specific<'k, V>(
    host: &str,
    known: &'k BTreeMap<String, V>,
) -> Option<(&'k String, &'k V)> {
    // All wildcards are between `*` and what is after it: the other names need not be looked at.
    let wildcards = || {
        known
            .range::<str, _>((Bound::Included("*"), Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with('*'))
    };
    let covering = || wildcards().filter(|(name, _)| is_covered_by(host, name));
    known
        .get_key_value(host)
        .or_else(|| covering().max_by_key(|(name, _)| name.len()))
}

/// Host names by which places are found: those whose names may have requests in common with others.
#[derive(Debug, Default)]
pub(crate) struct HostIndex {
    /// By a name without a wildcard.
    exact: HashMap<String, Vec<usize>>,
    /// With a wildcard.
    wildcards: Vec<usize>,
    all: Vec<usize>,
}

impl HostIndex {
    /// Adds a place with all its names, which have no namespace part. Places come in rising order.
    pub(crate) fn add<'h>(&mut self, place: usize, names: impl IntoIterator<Item = &'h str>) {
        if self.all.last() == Some(&place) {
            return;
        }
        for name in names {
            if name.starts_with('*') {
                self.wildcards.push(place);
            } else {
                self.exact.entry(name.to_owned()).or_default().push(place);
            }
        }
        self.all.push(place);
    }

    /// The places of which a name may overlap one of `names`, in order. None that does is missing.
    pub(crate) fn near<'h>(&self, names: impl IntoIterator<Item = &'h str>) -> Vec<usize> {
        let mut near: BTreeSet<usize> = self.wildcards.iter().copied().collect();
        for name in names {
            if name.starts_with('*') {
                return self.all.clone();
            }
            near.extend(self.exact.get(name).into_iter().flatten());
        }
        near.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(hosts: &[&str]) -> Vec<String> {
        hosts.iter().map(|host| (*host).to_owned()).collect()
    }

    #[test]
    fn a_short_name_is_a_service_of_the_namespace_and_a_dot_ends_that() {
        for (host, qualified) in [
            ("reviews", "reviews.prod.svc.cluster.local"),
            ("reviews.prod", "reviews.prod"),
            ("*", "*"),
            ("10.0.0.1", "10.0.0.1"),
            ("::1", "::1"),
        ] {
            assert_eq!(qualify(host, "prod", "cluster.local"), qualified);
        }
    }

    #[test]
    fn the_narrower_name_of_each_pair_becomes_the_domain() {
        for (servers, hosts, domains) in [
            (list(&["*.example.com"]), list(&["*"]), list(&["*.example.com"])),
            (list(&["*"]), list(&["*.org"]), list(&["*.org"])),
            (list(&["foo.com"]), list(&["*.com"]), list(&["foo.com"])),
            (list(&["*.foo.com"]), list(&["foo.com"]), list(&[])),
            (list(&["Foo.com"]), list(&["foo.com"]), list(&[])),
            (
                list(&["*.foo.com", "a.foo.com"]),
                list(&["a.foo.com"]),
                list(&["a.foo.com"]),
            ),
        ] {
            assert_eq!(
                intersection(servers.iter().map(String::as_str), &hosts),
                domains,
                "{servers:?} and {hosts:?}"
            );
        }
    }

    #[test]
    fn a_server_host_may_be_bound_to_a_namespace() {
        let hosts = server_hosts(&list(&["./a.com", "*/b.com", "team/c.com", "d.com"]), "infra");
        assert_eq!(hosts, list(&["infra/a.com", "b.com", "team/c.com", "d.com"]));
        assert_eq!(
            open_to(&hosts, "team").collect::<Vec<_>>(),
            ["b.com", "c.com", "d.com"]
        );
        assert_eq!(server_hosts(&list(&["x.com", "*/*"]), "infra"), list(&["*"]));
    }

    #[test]
    fn the_longest_wildcard_is_the_most_specific_after_the_name_itself() {
        let patterns = [
            "*",
            "*.local",
            "*.prod.svc.cluster.local",
            "a.prod.svc.cluster.local",
        ];
        let patterns: BTreeMap<String, ()> = patterns.map(|it| (it.to_owned(), ())).into();
        let find = |host| most_specific(host, &patterns).map(|(name, ())| name.as_str());
        assert_eq!(find("a.prod.svc.cluster.local"), Some("a.prod.svc.cluster.local"));
        assert_eq!(find("b.prod.svc.cluster.local"), Some("*.prod.svc.cluster.local"));
        assert_eq!(find("example.com"), Some("*"));
    }

    #[test]
    fn no_host_in_common_is_missed_by_the_index() {
        let names = ["*", "*.com", "*.b.com", "a.b.com", "b.com", "A.b.com", "a.org"];
        // Every list of at most two names.
        let lists: Vec<Vec<String>> = names
            .iter()
            .flat_map(|one| names.iter().map(move |two| list(&[one, two])))
            .collect();
        let mut index = HostIndex::default();
        for (place, servers) in lists.iter().enumerate() {
            index.add(place, servers.iter().map(String::as_str));
        }
        for hosts in &lists {
            let near = index.near(hosts.iter().map(String::as_str));
            assert!(near.is_sorted_by(|one, other| one < other), "{near:?}");
            for (place, servers) in lists.iter().enumerate() {
                let common = intersection(servers.iter().map(String::as_str), hosts);
                assert!(
                    common.is_empty() || near.contains(&place),
                    "{servers:?} and {hosts:?} have {common:?}"
                );
            }
        }
        let exact = list(&["a.b.com"]);
        let near = index.near(exact.iter().map(String::as_str)).len();
        assert!(
            near < lists.len(),
            "lists without the name or a wildcard are left out"
        );
    }
}
