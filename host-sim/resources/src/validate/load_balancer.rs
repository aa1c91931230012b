//! Load balancers: hash keys, shares by locality, warm-up.

use crate::code::Code;
use std::collections::BTreeSet;

use super::Checker;
use super::path::Path;
use crate::load_balancer::{
    ConsistentHashLb, Failover, HashAlgorithm, HashKey, HttpCookie, LbPolicy, LoadBalancerSettings,
    LocalityLoadBalancerSetting, WarmupConfiguration, ZoneAwareLoadBalancerSetting,
};

const TOPOLOGY: [&str; 3] = [
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
];

/// `detects` says whether there is outlier detection, without which nothing fails over.
pub(super) fn check(settings: &LoadBalancerSettings, detects: bool, path: &Path<'_>, cx: &mut Checker<'_>) {
    if let Some(LbPolicy::ConsistentHash(hash)) = &settings.lb_policy {
        check_hash(hash, &path.field("consistentHash"), cx);
    }
    let zone_aware = path.field("zoneAwareLbSetting");
    if settings.locality_lb_setting.is_some() && settings.zone_aware_lb_setting.is_some() {
        cx.error(
            Code::Conflict,
            path,
            "only one of `localityLbSetting` and `zoneAwareLbSetting` can be set",
        );
    }
    if let Some(settings) = &settings.locality_lb_setting {
        check_locality(settings, detects, &path.field("localityLbSetting"), cx);
    }
    if let Some(settings) = &settings.zone_aware_lb_setting {
        check_zone_aware(settings, detects, &zone_aware, cx);
    }
    if let Some(settings) = &settings.warmup {
        check_warmup(settings, &path.field("warmup"), cx);
    }
}

fn check_hash(hash: &ConsistentHashLb, path: &Path<'_>, cx: &mut Checker<'_>) {
    if let Some(HashKey::HttpCookie(cookie)) = &hash.hash_key {
        check_cookie(cookie, &path.field("httpCookie"), cx);
    }
    if let Some(size) = hash.minimum_ring_size.filter(|it| *it != 0) {
        let path = path.field("minimumRingSize");
        cx.warn(Code::Deprecated, &path, "`minimumRingSize` is deprecated here")
            .help(format!("write `ringHash: {{minimumRingSize: {size}}}`"));
        if hash.hash_algorithm.is_some() {
            cx.error(
                Code::Conflict,
                &path,
                "only one of `minimumRingSize`, `ringHash` and `maglev` can be set",
            );
        }
    }
    if let Some(HashAlgorithm::Maglev(hash)) = &hash.hash_algorithm {
        let path = path.field("maglev");
        let path = path.field("tableSize");
        match hash.table_size.unwrap_or(0) {
            0 => {
                cx.missing(&path, "tableSize: 65537");
            }
            size if size >= 5_000_011 => {
                cx.error(
                    Code::OutOfRange,
                    &path,
                    format!("{size} is too large: the size is below 5000011"),
                );
            }
            size if !is_prime(size) => {
                cx.error(Code::BadValue, &path, format!("{size} is not a prime number"))
                    .help("for example 65537");
            }
            _ => {}
        }
    }
}

/// As Envoy sees it, for which 1 is prime.
fn is_prime(number: u64) -> bool {
    let divides = |factor: &u64| number.is_multiple_of(*factor);
    matches!(number, 1..=3)
        || !number.is_multiple_of(2)
            && !(3..)
                .step_by(2)
                .take_while(|it| it * it <= number)
                .any(|it| divides(&it))
}

fn check_cookie(cookie: &HttpCookie, path: &Path<'_>, cx: &mut Checker<'_>) {
    if cookie.name.is_empty() {
        cx.missing(&path.field("name"), "name: session");
    }
    let attributes = path.field("attributes");
    let mut seen = BTreeSet::new();
    for (index, attribute) in cookie.attributes.iter().enumerate() {
        let path = attributes.item(index);
        if attribute.name.is_empty() {
            cx.missing(&path.field("name"), "name: SameSite");
        } else if !seen.insert(&attribute.name) {
            cx.error(
                Code::Duplicate,
                &path.field("name"),
                format!("{:?} is listed already", attribute.name),
            );
        }
    }
}

fn check_warmup(warmup: &WarmupConfiguration, path: &Path<'_>, cx: &mut Checker<'_>) {
    let duration = path.field("duration");
    if warmup.duration.is_none() {
        cx.missing(&duration, "duration: 60s");
    }
    cx.duration(warmup.duration, &duration);
    if let Some(percent) = warmup.minimum_percent.filter(|it| *it > 100.0) {
        cx.error(
            Code::OutOfRange,
            &path.field("minimumPercent"),
            format!("{percent} is more than 100 per cent"),
        );
    }
    if let Some(value) = warmup.aggression.filter(|it| *it <= 0.0) {
        cx.error(
            Code::OutOfRange,
            &path.field("aggression"),
            format!("{value} is not more than 0"),
        );
    }
}

fn check_zone_aware(
    zone_aware: &ZoneAwareLoadBalancerSetting,
    detects: bool,
    path: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    let priority = path.field("failoverPriority");
    for (index, label) in zone_aware
        .failover_priority
        .iter()
        .enumerate()
        .filter(|(_, it)| is_topology(it))
    {
        let message =
            format!("{label:?} can't be listed: zone-aware balancing orders regions and zones by itself");
        cx.error(Code::Conflict, &priority.item(index), message);
    }
    check_failover(
        &zone_aware.failover,
        &zone_aware.failover_priority,
        detects,
        path,
        cx,
    );
}

fn is_topology(label: &str) -> bool {
    TOPOLOGY.contains(&label)
}

fn check_locality(
    settings: &LocalityLoadBalancerSetting,
    detects: bool,
    path: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    if !settings.distribute.is_empty() && !settings.failover.is_empty() {
        cx.error(
            Code::Conflict,
            path,
            "only one of `distribute` and `failover` can be set",
        );
        return;
    }
    let priority = path.field("failoverPriority");
    if !settings.failover.is_empty()
        && let Some((index, label)) = settings
            .failover_priority
            .iter()
            .enumerate()
            .find(|(_, it)| is_topology(it))
    {
        let message = format!("{label:?} can't be listed beside `failover`, which orders regions already");
        cx.error(Code::Conflict, &priority.item(index), message);
        return;
    }
    let distribute = path.field("distribute");
    for (index, share) in settings.distribute.iter().enumerate() {
        let path = distribute.item(index);
        let shares = path.field("to");
        for (locality, weight) in share.to.iter().filter(|(_, weight)| !(1..=100).contains(*weight)) {
            cx.error(
                Code::OutOfRange,
                &shares.field(locality),
                format!("{weight} is out of range: a share is from 1 to 100"),
            );
        }
        let total: u64 = share.to.values().map(|it| u64::from(*it)).sum();
        if total != 100 {
            cx.error(
                Code::BadWeights,
                &shares,
                format!("the shares add up to {total}, not to 100"),
            );
        }
        check_localities(share.to.keys().map(|it| (it.as_str(), None)), &shares, cx);
    }
    let sources = settings
        .distribute
        .iter()
        .enumerate()
        .map(|(index, it)| (it.from.as_str(), Some(index)));
    check_localities(sources, &distribute, cx);
    check_failover(&settings.failover, &settings.failover_priority, detects, path, cx);
}

/// `region/zone/subzone`, `region/*` and so on, of which none may hold a later one. Those with an
/// index are the `from` of an item of `at`; the others are keys of it, and have no order.
fn check_localities<'l>(
    localities: impl Iterator<Item = (&'l str, Option<usize>)>,
    path: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    let mut seen: Vec<Locality<'_>> = Vec::new();
    for (text, index) in localities {
        let reason = match Locality::parse(text) {
            Ok(it)
                if seen
                    .iter()
                    .any(|earlier| earlier.excludes(&it) || index.is_none() && it.excludes(earlier)) =>
            {
                "it overlaps with another one"
            }
            Ok(it) => {
                seen.push(it);
                continue;
            }
            Err(reason) => reason,
        };
        let message = format!("the locality {text:?} can't be: {reason}");
        match index {
            Some(index) => {
                let item = path.item(index);
                cx.error(Code::BadLocality, &item.field("from"), message);
            }
            None => {
                cx.error(Code::BadLocality, &path.field(text), message);
            }
        }
    }
}

struct Locality<'l> {
    /// Region, zone, subzone, without the `*` that may end them.
    parts: Vec<&'l str>,
    wildcard: bool,
}

impl<'l> Locality<'l> {
    fn parse(text: &'l str) -> Result<Self, &'static str> {
        let stars = text.matches('*').count();
        if stars > 1 || stars == 1 && !text.ends_with('*') {
            return Err("a `*` can only be its end");
        }
        let mut parts: Vec<_> = text.splitn(3, '/').collect();
        if parts.iter().any(|it| it.is_empty()) {
            return Err("region, zone and subzone can't be empty");
        }
        let wildcard = parts.pop_if(|it| *it == "*").is_some();
        Ok(Self { parts, wildcard })
    }

    /// Whether `later` can't follow: this one holds it, or it holds this one without a `*`.
    /// What a `*` leaves over may well come last.
    fn excludes(&self, later: &Self) -> bool {
        later.parts.starts_with(&self.parts) || !later.wildcard && self.parts.starts_with(&later.parts)
    }
}

fn check_failover(
    failover: &[Failover],
    priority: &[String],
    detects: bool,
    path: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    if !(detects || failover.is_empty() && priority.is_empty()) {
        cx.warn(
            Code::NoEffect,
            path,
            "without outlierDetection Istio never fails over",
        );
    }
    let list = path.field("failover");
    for (index, it) in failover.iter().enumerate() {
        let path = list.item(index);
        if it.from == it.to {
            cx.error(
                Code::BadLocality,
                &path.field("to"),
                format!("{:?} can't fail over to itself", it.to),
            );
        }
        for (field, region) in [("from", &it.from), ("to", &it.to)] {
            if region.contains(['/', '*']) {
                let message = format!("{region:?} is not a region: here it can't have `/` or `*`");
                cx.error(Code::BadLocality, &path.field(field), message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Locality, is_prime};

    #[test]
    fn primes_are_those_of_envoy() {
        for number in [1, 2, 3, 5, 7, 65537, 5_000_011] {
            assert!(is_prime(number), "{number}");
        }
        for number in [0, 4, 9, 65536, 65539 * 3] {
            assert!(!is_prime(number), "{number}");
        }
    }

    #[test]
    fn a_locality_excludes_what_it_holds_but_not_a_wildcard_for_the_rest() {
        for (earlier, later, excluded) in [
            ("a", "a/b", true),
            ("a/b", "a", true),
            ("a/*", "a/b", true),
            ("a/b", "a/*", false),
            ("a/b/c", "a/b/*", false),
            ("a/b", "a/b/*", true),
            ("*", "a", true),
            ("a", "*", false),
            ("a", "b", false),
        ] {
            let [earlier, later] = [earlier, later].map(|it| Locality::parse(it).expect("a locality"));
            assert_eq!(
                earlier.excludes(&later),
                excluded,
                "{:?} {:?}",
                earlier.parts,
                later.parts
            );
        }
    }
}
