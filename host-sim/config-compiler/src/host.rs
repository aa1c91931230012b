//! Host names as Istio compares them: short names, wildcards, intersections.
//!
//! Decides which of two host strings covers the other, and what a short name means. It does
//! not choose a virtual host for a request (that is `fingerpost-routing`) and looks no service up.
//! Source of the rules: istio `pkg/config/host/name.go` and `names.go`, `pilot/pkg/model/config.go`.

use std::net::IpAddr;

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
pub(crate) fn intersection(servers: &[String], hosts: &[String]) -> Vec<String> {
    let mut common: Vec<String> = Vec::new();
    for server in servers {
        for host in hosts {
            let narrower = if is_covered_by(server, host) {
                server
            } else if is_covered_by(host, server) {
                host
            } else {
                continue;
            };
            if !common.contains(narrower) {
                common.push(narrower.clone());
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
pub(crate) fn open_to(server_hosts: &[String], namespace: &str) -> Vec<String> {
    let usable = |host: &String| match host.split_once('/') {
        Some((owner, name)) if owner == namespace || owner == "*" => Some(name.to_owned()),
        Some(_) => None,
        None => Some(host.clone()),
    };
    server_hosts.iter().filter_map(usable).collect()
}

/// A server host without its namespace part.
pub(crate) fn without_namespace(server_host: &str) -> &str {
    server_host.split_once('/').map_or(server_host, |(_, name)| name)
}

/// The most specific of `patterns` that covers `host`: itself, else the longest wildcard
/// (istio config.go, `MostSpecificHostMatch`).
pub(crate) fn most_specific<'a>(host: &str, patterns: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<&str> = None;
    for pattern in patterns {
        if pattern == host {
            return Some(pattern);
        }
        let wider = pattern.starts_with('*') && is_covered_by(host, pattern);
        if wider && best.is_none_or(|known| pattern.len() > known.len()) {
            best = Some(pattern);
        }
    }
    best
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
                intersection(&servers, &hosts),
                domains,
                "{servers:?} and {hosts:?}"
            );
        }
    }

    #[test]
    fn a_server_host_may_be_bound_to_a_namespace() {
        let hosts = server_hosts(&list(&["./a.com", "*/b.com", "team/c.com", "d.com"]), "infra");
        assert_eq!(hosts, list(&["infra/a.com", "b.com", "team/c.com", "d.com"]));
        assert_eq!(open_to(&hosts, "team"), list(&["b.com", "c.com", "d.com"]));
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
        let find = |host| most_specific(host, patterns.iter().copied());
        assert_eq!(find("a.prod.svc.cluster.local"), Some("a.prod.svc.cluster.local"));
        assert_eq!(find("b.prod.svc.cluster.local"), Some("*.prod.svc.cluster.local"));
        assert_eq!(find("example.com"), Some("*"));
    }
}
