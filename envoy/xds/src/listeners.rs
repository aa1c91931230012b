//! Listeners while the rules change: those of the old configuration and of the new one.
//!
//! A connection goes to the filter chain that fits its server name best, so a chain that is removed hands its server names to a
//! wider chain. That chain must know the new rules by then. So chains are added before the filters change, and removed after.

use std::collections::BTreeSet;

use fingerpost_envoy_config::listener::{FilterChain, Listener};

/// The new listeners, with the chains that only the old ones have; then the listeners that are gone.
pub(crate) fn union(old: &[Listener], new: &[Listener]) -> Vec<Listener> {
    let named = |listeners: &'_ [Listener], name: &str| listeners.iter().position(|it| it.name == name);
    let joined = new.iter().map(|listener| {
        let before = named(old, &listener.name).and_then(|it| old.get(it));
        before.map_or_else(|| listener.clone(), |before| join(before, listener))
    });
    let gone = old.iter().filter(|it| named(new, &it.name).is_none());
    joined.chain(gone.cloned()).collect()
}

fn join(old: &Listener, new: &Listener) -> Listener {
    if old == new {
        return new.clone();
    }
    let mut joined = new.clone();
    let taken: BTreeSet<&str> = new.filter_chains.iter().flat_map(server_names).collect();
    let takes_all = new
        .filter_chains
        .iter()
        .any(|it| server_names(it).next().is_none());
    for chain in &old.filter_chains {
        let mut kept = chain.clone();
        let names = &mut kept.filter_chain_match.server_names;
        let took_all = names.is_empty();
        // Envoy refuses two chains with one server name.
        names.retain(|it| !taken.contains(it.as_str()));
        if (took_all && !takes_all) || !names.is_empty() {
            joined.filter_chains.push(kept);
        }
    }
    for filter in &old.listener_filters {
        if !joined.listener_filters.contains(filter) {
            joined.listener_filters.push(filter.clone());
        }
    }
    joined
}

fn server_names(chain: &FilterChain) -> impl Iterator<Item = &str> {
    chain.filter_chain_match.server_names.iter().map(String::as_str)
}
