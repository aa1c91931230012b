//! Which ports share one filter, and whether they can.
//!
//! Istio attaches a filter to ports, and Envoy has a table for each chain of a port: one for each TLS server. The filter of a
//! port is configured by all of its chains together. That is the same as a filter for each chain only if no chain would
//! answer for a host of another one in a different way; otherwise it is refused.

use std::collections::BTreeSet;

use fingerpost_config_compiler::{Compiled, CompiledChain};
use fingerpost_routing_config::{RoutingConfig, VirtualHost};

use crate::refusal::Refusal;

/// Ports with one filter.
pub(super) struct PortGroup {
    /// As Gateways declare them and as the gateway listens on them.
    pub(super) ports: BTreeSet<u32>,
    /// What the filter reads.
    pub(super) config: RoutingConfig,
}

/// The chains of ports that share a number, which is all that Istio tells them apart by.
struct Chains<'c> {
    ports: BTreeSet<u32>,
    first: &'c CompiledChain,
    others: Vec<&'c CompiledChain>,
}

impl<'c> Chains<'c> {
    fn all(&self) -> Vec<&'c CompiledChain> {
        let mut all = vec![self.first];
        all.extend(&self.others);
        all
    }
}

/// The filters that are needed, by their first port.
pub(super) fn group(compiled: &Compiled) -> Result<Vec<PortGroup>, Vec<Refusal>> {
    let mut groups: Vec<Chains<'_>> = Vec::new();
    for chain in &compiled.chains {
        let mut joined = Chains {
            ports: ports(compiled, chain),
            first: chain,
            others: Vec::new(),
        };
        let (sharing, others) = groups
            .into_iter()
            .partition(|it: &Chains<'_>| !it.ports.is_disjoint(&joined.ports));
        groups = others;
        for group in sharing {
            joined.others.extend(group.all());
            joined.ports.extend(group.ports);
        }
        groups.push(joined);
    }
    groups.sort_by_key(|it| it.ports.first().copied());
    let mut refusals = Vec::new();
    let mut made = Vec::new();
    for group in groups {
        match merge(&group) {
            Ok(config) => made.push(PortGroup {
                ports: group.ports,
                config,
            }),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() {
        Ok(made)
    } else {
        Err(refusals)
    }
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

/// One configuration for all chains of `group`, with each virtual host once.
fn merge(group: &Chains<'_>) -> Result<RoutingConfig, Refusal> {
    let mut hosts: Vec<VirtualHost> = Vec::new();
    let chains = group.all();
    for (index, chain) in chains.iter().enumerate() {
        for other in chains.iter().skip(index + 1) {
            for (one, another) in [(chain, other), (other, chain)] {
                if let Some(domain) = takes_over(&one.config, &another.config) {
                    return Err(refusal(one, another, &domain));
                }
            }
        }
        for host in &chain.config.virtual_hosts {
            if !hosts.contains(host) {
                hosts.push(host.clone());
            }
        }
    }
    // What else a configuration says depends on Envoy's release alone.
    Ok(RoutingConfig {
        virtual_hosts: hosts,
        ..group.first.config.clone()
    })
}

/// A domain of `other` that would take requests for a host of `own`: it is as specific or more, and leads elsewhere.
fn takes_over(own: &RoutingConfig, other: &RoutingConfig) -> Option<String> {
    let own_domains = || {
        own.virtual_hosts
            .iter()
            .flat_map(|host| host.domains.iter().map(move |it| (it, host)))
    };
    let mut others = other
        .virtual_hosts
        .iter()
        .flat_map(|host| host.domains.iter().map(move |it| (it, host)));
    others
        .find(|(domain, host)| {
            let same = own_domains().find(|(it, _)| it == domain);
            match same {
                Some((_, own_host)) => own_host.routes != host.routes,
                None => own_domains().any(|(it, _)| is_within(domain, it)),
            }
        })
        .map(|(domain, _)| domain.clone())
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
