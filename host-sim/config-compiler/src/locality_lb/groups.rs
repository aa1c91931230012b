//! The endpoints of a cluster in groups, and what changes the order and the weights of the groups.
//!
//! Decides how each setting is worked out; which settings count for a cluster, `locality_lb` decides.
//! Source: the functions of istio `pilot/pkg/networking/core/loadbalancer/loadbalancer.go` that are named below.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::Distribute;

use crate::endpoints::Endpoint;
use crate::locality::Locality;
use crate::proxy_place::ProxyPlace;

/// A label of endpoints that may differ without ending the comparison, if it is the first one.
pub(super) const NETWORK: &str = "topology.istio.io/network";

/// Endpoints of one locality and priority.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    /// As the endpoints give it.
    pub locality: String,
    /// 0 comes first.
    pub priority: u32,
    /// Its share among the groups of its priority, if Envoy goes by these.
    pub weight: u32,
    pub endpoints: Vec<Endpoint>,
}

/// One group for each locality.
pub(super) fn by_locality(endpoints: &[Endpoint]) -> Vec<Group> {
    let mut groups: BTreeMap<&str, Vec<Endpoint>> = BTreeMap::new();
    for endpoint in endpoints {
        groups
            .entry(&endpoint.locality)
            .or_default()
            .push(endpoint.clone());
    }
    let groups = groups.into_iter().map(|(locality, endpoints)| Group {
        locality: locality.to_owned(),
        priority: 0,
        weight: sum(&endpoints),
        endpoints,
    });
    groups.collect()
}

/// The weight of endpoints together: at most the largest number there is, as in Istio.
fn sum(endpoints: &[Endpoint]) -> u32 {
    let weights = endpoints.iter().map(|it| it.weight);
    weights.fold(0, u32::saturating_add)
}

/// Gives the localities the shares of the first entry that is for the proxy's; localities without a share get no requests
/// (`applyLocalityWeights`). Without such an entry nothing changes.
pub(super) fn distribute(groups: &mut [Group], shares: &[Distribute], proxy: &Locality) {
    let Some(entry) = shares.iter().find(|it| proxy.is_in(&it.from)) else {
        return;
    };
    let mut left: BTreeSet<usize> = (0..groups.len()).collect();
    // The other way round than they are sorted, so that `a/*` has what `a/b` leaves over.
    for (locality, share) in entry.to.iter().rev() {
        let is_meant = |it: &usize| {
            groups
                .get(*it)
                .is_some_and(|it| Locality::of(&it.locality).is_in(locality))
        };
        let meant: Vec<usize> = left.iter().copied().filter(is_meant).collect();
        let weights = meant.iter().filter_map(|it| groups.get(*it));
        let total: u64 = weights.map(|it| u64::from(it.weight)).sum();
        for index in meant {
            left.remove(&index);
            let Some(group) = groups.get_mut(index) else {
                continue;
            };
            let part = (u64::from(group.weight) * u64::from(*share)).div_ceil(total.max(1));
            if part > 0 {
                group.weight = u32::try_from(part).unwrap_or(u32::MAX);
            }
        }
    }
    for index in left {
        if let Some(group) = groups.get_mut(index) {
            group.endpoints.clear();
        }
    }
}

/// From which region to which requests move.
pub(super) type Regions<'r> = Vec<(&'r str, &'r str)>;

pub(super) fn pairs<'r>(failover: impl Iterator<Item = (&'r String, &'r String)>) -> Regions<'r> {
    failover.map(|(from, to)| (from.as_str(), to.as_str())).collect()
}

/// The region that takes over from the proxy's, if one is given for that.
fn takes_over<'r>(regions: &Regions<'r>, proxy: &Locality) -> Option<&'r str> {
    let mut for_proxy = regions.iter().filter(|(from, _)| *from == proxy.region);
    for_proxy.next().map(|(_, to)| *to)
}

/// How far a group is from the proxy; 4 if another region takes over (`applyLocalityFailover`).
pub(super) fn distance(group: &Group, regions: &Regions<'_>, proxy: &Locality) -> u32 {
    let locality = Locality::of(&group.locality);
    match (proxy.distance(&locality), takes_over(regions, proxy)) {
        (3, Some(to)) if to != locality.region => 4,
        (distance, _) => distance,
    }
}

/// As [`distance`], for regions alone (`applyZoneAwareRegionalFailover`).
pub(super) fn distance_of_regions(group: &Group, regions: &Regions<'_>, proxy: &Locality) -> u32 {
    let region = Locality::of(&group.locality).region;
    if region == proxy.region {
        0
    } else if takes_over(regions, proxy) == Some(region.as_str()) {
        1
    } else {
        2
    }
}

/// Orders the groups of each priority by their distance, which is less than `limit`. Priorities are then numbered without gaps,
/// as Envoy wants them.
pub(super) fn order(groups: &mut [Group], limit: u32, distance: impl Fn(&Group) -> u32) {
    for group in groups.iter_mut() {
        group.priority = group.priority * limit + distance(group);
    }
    close_gaps(groups);
}

fn close_gaps(groups: &mut [Group]) {
    let used: BTreeSet<u32> = groups.iter().map(|it| it.priority).collect();
    let places: BTreeMap<u32, u32> = used.into_iter().zip(0..).collect();
    for group in groups {
        group.priority = places.get(&group.priority).copied().unwrap_or_default();
    }
}

/// Splits the groups by how many of the labels, from the first on, endpoints share with the proxy
/// (`applyFailoverPriorities`).
pub(super) fn by_labels(groups: Vec<Group>, wanted: &[String], proxy: &ProxyPlace) -> Vec<Group> {
    if proxy.labels.is_empty() {
        return groups;
    }
    // `key=value` compares with that value instead of the proxy's.
    let wanted: Vec<(&str, &str)> = wanted
        .iter()
        .map(|text| {
            let mut parts = text.split('=');
            let (key, value, rest) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
            let own = proxy.labels.get(key).map_or("", String::as_str);
            (key, value.filter(|_| rest.is_none()).unwrap_or(own))
        })
        .collect();
    let mut split = Vec::new();
    for group in groups {
        let mut by_priority: BTreeMap<u32, Vec<Endpoint>> = BTreeMap::new();
        for endpoint in group.endpoints {
            let priority = priority_by_labels(&endpoint, &wanted);
            by_priority.entry(priority).or_default().push(endpoint);
        }
        split.extend(by_priority.into_iter().map(|(priority, endpoints)| Group {
            locality: group.locality.clone(),
            priority,
            weight: sum(&endpoints),
            endpoints,
        }));
    }
    close_gaps(&mut split);
    split
}

fn priority_by_labels(endpoint: &Endpoint, wanted: &[(&str, &str)]) -> u32 {
    let mut other_network = 0;
    for ((key, value), missing) in wanted.iter().zip((1..=wanted.len()).rev()) {
        if endpoint.labels.get(*key).map_or("", String::as_str) == *value {
            continue;
        }
        if *key == NETWORK && missing == wanted.len() {
            // Endpoints of another network are compared among themselves.
            other_network = missing;
            continue;
        }
        return priority(missing + other_network);
    }
    priority(other_network)
}

/// There are far fewer labels than numbers.
fn priority(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
