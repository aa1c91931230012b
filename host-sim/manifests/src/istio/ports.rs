//! Which ports share one filter, and whether they can.
//!
//! Istio attaches a filter to ports, and Envoy has a table for each chain of a port: one for each TLS server. The filter of a
//! port is configured by all of its chains together. That is the same as a filter for each chain only if no chain would
//! answer for a host of another one in a different way; otherwise it is refused.

use std::collections::BTreeSet;

use fingerpost_config_compiler::{Compiled, CompiledChain, revision};
use fingerpost_routing_config::{RoutingConfig, Upgrades, VirtualHost};

use crate::refusal::Refusal;

/// Ports with one filter.
pub(super) struct PortGroup {
    /// As Gateways declare them and as the gateway listens on them.
    pub(super) ports: BTreeSet<u32>,
    /// What the filter reads.
    pub(super) config: RoutingConfig,
}

impl PortGroup {
    /// The filter for these ports, with a revision by which its metrics tell which rules are in force.
    fn new(ports: BTreeSet<u32>, config: RoutingConfig) -> Self {
        let numbers: Vec<String> = ports.iter().map(u32::to_string).collect();
        let revision = revision(numbers.join("_"), &config);
        let config = RoutingConfig {
            revision: Some(revision),
            ..config
        };
        Self { ports, config }
    }
}

/// The filters that are needed, by their first port.
pub(super) fn group(compiled: &Compiled) -> Result<Vec<PortGroup>, Vec<Refusal>> {
    let mut made = Vec::new();
    let mut refusals = Vec::new();
    for ports in joined(compiled.chains.iter().map(|chain| ports(compiled, chain))) {
        let is_of_ports = |chain: &&CompiledChain| ports.contains(&chain.port);
        let chains: Vec<&CompiledChain> = compiled.chains.iter().filter(is_of_ports).collect();
        match merge(&chains) {
            Ok(config) => made.extend(config.map(|config| PortGroup::new(ports, config))),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() {
        Ok(made)
    } else {
        Err(refusals)
    }
}

/// The sets, in order; those that share a number are one.
fn joined(sets: impl Iterator<Item = BTreeSet<u32>>) -> BTreeSet<BTreeSet<u32>> {
    let mut joined = BTreeSet::new();
    for mut set in sets {
        let (sharing, apart) = joined
            .into_iter()
            .partition(|it: &BTreeSet<u32>| !it.is_disjoint(&set));
        let sharing: BTreeSet<BTreeSet<u32>> = sharing;
        set.extend(sharing.into_iter().flatten());
        joined = apart;
        joined.insert(set);
    }
    joined
}

/// The numbers by which Istio may know the port of a chain.
///
/// Which of the two it is depends on the protocol (istio `gateway.go`: for a TLS server the declared one, else the one that
/// the Service of the gateway leads to).
fn ports(compiled: &Compiled, chain: &CompiledChain) -> BTreeSet<u32> {
    let listeners = &compiled.summary.listeners;
    let declared = listeners
        .iter()
        .filter(|it| it.name == chain.listener)
        .flat_map(|it| it.declared_ports.iter().copied());
    declared.chain([chain.port]).collect()
}

/// One configuration for these chains, with each virtual host once. None for no chain.
fn merge(chains: &[&CompiledChain]) -> Result<Option<RoutingConfig>, Refusal> {
    let mut hosts: Vec<VirtualHost> = Vec::new();
    for (index, chain) in chains.iter().enumerate() {
        for other in chains.iter().skip(index + 1) {
            for (one, another) in [(chain, other), (other, chain)] {
                if let Some(domain) = takes_over(&one.config, &another.config) {
                    return Err(refusal(one, another, domain));
                }
            }
        }
        for host in &chain.config.virtual_hosts {
            // By their domains: the name has the declared port in it, of which a listener may have two.
            if !hosts.iter().any(|it| it.domains == host.domains) {
                hosts.push(host.clone());
            }
        }
    }
    let edited = chains.iter().filter_map(|chain| chain.config.upgrades.as_ref());
    let edited = edited.flat_map(|it| it.refused_with_edits_by.clone());
    // What else a configuration says depends on Envoy's release alone.
    Ok(chains.first().map(|first| {
        let first = &first.config;
        RoutingConfig {
            upgrades: first.upgrades.as_ref().map(|it| Upgrades {
                refused_with_edits_by: edited.collect(),
                ..it.clone()
            }),
            virtual_hosts: hosts,
            ..first.clone()
        }
    }))
}

/// A domain of `other` that would take requests for a host of `own`: it is as specific or more, and leads elsewhere.
fn takes_over<'c>(own: &RoutingConfig, other: &'c RoutingConfig) -> Option<&'c String> {
    let mut others = domains(other);
    let found = others.find(|(domain, host)| match domains(own).find(|(it, _)| it == domain) {
        Some((_, own_host)) => own_host.routes != host.routes,
        None => domains(own).any(|(it, _)| is_within(domain, it)),
    });
    found.map(|(domain, _)| domain)
}

/// Every domain with its virtual host.
fn domains(config: &RoutingConfig) -> impl Iterator<Item = (&String, &VirtualHost)> {
    let hosts = config.virtual_hosts.iter();
    hosts.flat_map(|host| host.domains.iter().map(move |domain| (domain, host)))
}

/// Whether every host that `narrow` takes is one that `wide` takes: `a.b` and `*.b` in `*.b` and `*`.
fn is_within(narrow: &str, wide: &str) -> bool {
    wide.strip_prefix('*')
        .is_some_and(|suffix| narrow.ends_with(suffix))
}

fn refusal(one: &CompiledChain, other: &CompiledChain, domain: &str) -> Refusal {
    Refusal {
        reason: format!(
            "the servers behind {} and {} would share a filter, for Istio attaches filters to ports, but they have different \
             rules for {domain}",
            one.route_config, other.route_config
        ),
        help: "give the servers different ports, or hosts that do not overlap; the gateway can serve one of them by its own \
               routes: leave its VirtualServices out of the input"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_share_a_number_are_joined() {
        let sets = [&[80][..], &[443, 8443], &[80, 8080], &[9443, 8443], &[15443]];
        let joined: Vec<Vec<u32>> = joined(sets.iter().map(|it| it.iter().copied().collect()))
            .into_iter()
            .map(|it| it.into_iter().collect())
            .collect();
        assert_eq!(joined, [vec![80, 8080], vec![443, 8443, 9443], vec![15443]]);
    }

    #[test]
    fn a_narrower_domain_is_within_a_wider_one() {
        for (narrow, wide, expected) in [
            ("a.example.com", "*", true),
            ("a.example.com", "*.example.com", true),
            ("*.b.example.com", "*.example.com", true),
            ("example.com", "*.example.com", false),
            ("*", "*.example.com", false),
            ("a.example.com", "b.example.com", false),
        ] {
            assert_eq!(is_within(narrow, wide), expected, "{narrow} in {wide}");
        }
    }
}
