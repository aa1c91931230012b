//! Priorities and weights of localities, one row for each way in which they come about.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::{Distribute, Failover, LocalityLoadBalancerSetting, ZoneAwareLoadBalancerSetting};

use super::{Circumstances, LocalityLb, WithinPriority};
use crate::endpoints::{Endpoint, EndpointAddress};
use crate::locality::Locality;
use crate::proxy_place::ProxyPlace;

/// Endpoints by number: `locality` or `locality x3`, and behind a `;` their labels.
fn endpoints(texts: &[&str]) -> Vec<Endpoint> {
    let endpoint = |(number, text): (usize, &&str)| {
        let (place, labels) = text.split_once(';').unwrap_or((text, ""));
        let (locality, weight) = place.split_once(" x").unwrap_or((place, "1"));
        Endpoint {
            address: EndpointAddress::Pipe(format!("/{number}")),
            weight: weight.parse().expect("a weight"),
            locality: locality.to_owned(),
            labels: labels_of(labels),
            priority: 0,
            locality_weight: None,
            source: String::new(),
        }
    };
    texts.iter().enumerate().map(endpoint).collect()
}

fn labels_of(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(',').filter_map(|it| it.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The groups in short, as `priority: locality weight [endpoints]`.
fn arranged(lb: &LocalityLb<'_>, proxy: &str, labels: &str, given: &[&str]) -> (Vec<String>, &'static str) {
    let proxy = ProxyPlace {
        locality: Locality::of(proxy),
        labels: labels_of(labels),
        several: BTreeSet::new(),
    };
    let cx = Circumstances {
        proxy: &proxy,
        detects_outliers: true,
        is_subset_by_dns: false,
    };
    let arranged = lb.arrange(&endpoints(given), cx);
    let groups = arranged.groups.iter().map(|it| {
        let endpoints: Vec<String> = it.endpoints.iter().map(|it| it.address.to_string()).collect();
        let endpoints = endpoints.concat().replace("unix:///", "");
        format!("{}: {} {} [{endpoints}]", it.priority, it.locality, it.weight)
    });
    let within_priority = match arranged.within_priority {
        WithinPriority::Alike => "none",
        WithinPriority::LocalityWeighted => "weighted",
        WithinPriority::ZoneAware(_) => "zones",
    };
    (groups.collect(), within_priority)
}

fn setting(setting: LocalityLoadBalancerSetting) -> LocalityLb<'static> {
    LocalityLb::Locality {
        setting: Cow::Owned(setting),
        is_forced: false,
    }
}

fn shares(from: &str, to: &[(&str, u32)]) -> LocalityLb<'static> {
    let to = to
        .iter()
        .map(|(locality, share)| ((*locality).to_owned(), *share));
    setting(LocalityLoadBalancerSetting {
        distribute: vec![Distribute {
            from: from.to_owned(),
            to: to.collect(),
        }],
        ..LocalityLoadBalancerSetting::default()
    })
}

fn labels(labels: &[&str]) -> LocalityLb<'static> {
    setting(LocalityLoadBalancerSetting {
        failover_priority: labels.iter().map(|it| (*it).to_owned()).collect(),
        ..LocalityLoadBalancerSetting::default()
    })
}

fn regions(pairs: &[(&str, &str)]) -> Vec<Failover> {
    let failover = |(from, to): &(&str, &str)| Failover {
        from: (*from).to_owned(),
        to: (*to).to_owned(),
    };
    pairs.iter().map(failover).collect()
}

/// The expectations are those of Istio's own cases (`loadbalancer_test.go`), with names of ours.
#[track_caller]
fn check(lb: &LocalityLb<'_>, proxy: &str, labels: &str, given: &[&str], expected: &[&str], config: &str) {
    let (groups, found) = arranged(lb, proxy, labels, given);
    assert_eq!(groups, expected);
    assert_eq!(found, config);
}

#[test]
fn nearer_endpoints_come_first() {
    let default = || setting(LocalityLoadBalancerSetting::default());
    let all = ["eu/a/1", "eu/a/2", "eu/b", "us/a"];
    check(
        &default(),
        "eu/a/1",
        "",
        &all,
        &[
            "0: eu/a/1 1 [0]",
            "1: eu/a/2 1 [1]",
            "2: eu/b 1 [2]",
            "3: us/a 1 [3]",
        ],
        "none",
    );
    check(
        &default(),
        "us/b",
        "",
        &all,
        &[
            "1: eu/a/1 1 [0]",
            "1: eu/a/2 1 [1]",
            "1: eu/b 1 [2]",
            "0: us/a 1 [3]",
        ],
        "none",
    );
    // A proxy whose locality is not known is nearest to endpoints whose locality is not known either.
    check(
        &default(),
        "",
        "",
        &["eu/a", "us/b"],
        &["0: eu/a 1 [0]", "0: us/b 1 [1]"],
        "none",
    );
    check(
        &default(),
        "",
        "",
        &["eu/a", ""],
        &["0:  1 [1]", "1: eu/a 1 [0]"],
        "none",
    );
}

#[test]
fn a_region_takes_over_before_the_others() {
    let lb = setting(LocalityLoadBalancerSetting {
        failover: regions(&[("us", "eu"), ("eu", "us")]),
        ..LocalityLoadBalancerSetting::default()
    });
    check(
        &lb,
        "eu/a",
        "",
        &["asia/a", "eu/a", "us/a x4"],
        &["2: asia/a 1 [0]", "0: eu/a 1 [1]", "1: us/a 4 [2]"],
        "weighted",
    );
}

#[test]
fn localities_have_their_shares_and_others_get_nothing() {
    let all = ["eu/a", "eu/b x3", "us/a"];
    check(
        &shares("eu/*", &[("eu/a", 80), ("us/*", 20)]),
        "eu/a",
        "",
        &all,
        &["0: eu/a 80 [0]", "0: eu/b 3 []", "0: us/a 20 [2]"],
        "weighted",
    );
    // What one entry means is shared by weight, and rounded up.
    check(
        &shares("eu/*", &[("eu/*", 81), ("us/*", 19)]),
        "eu/a",
        "",
        &all,
        &["0: eu/a 21 [0]", "0: eu/b 61 [1]", "0: us/a 19 [2]"],
        "weighted",
    );
    check(
        &shares("*", &[("eu/b", 70), ("eu/*", 30)]),
        "",
        "",
        &all,
        &["0: eu/a 30 [0]", "0: eu/b 70 [1]", "0: us/a 1 []"],
        "weighted",
    );
    check(
        &shares("us/*", &[("eu", 100)]),
        "eu/a",
        "",
        &["eu/a", "us/a"],
        &["0: eu/a 1 [0]", "0: us/a 1 [1]"],
        "weighted",
    );
}

#[test]
fn endpoints_are_ordered_by_the_labels_that_they_share_from_the_first_on() {
    let given = ["a;x=1,y=1", "a;x=1,y=2", "a;x=2,y=1", "b x2;x=1,y=1"];
    check(
        &labels(&["x", "y"]),
        "",
        "x=1,y=1",
        &given,
        &["0: a 1 [0]", "1: a 1 [1]", "2: a 1 [2]", "0: b 2 [3]"],
        "weighted",
    );
    // The value in `key=value` replaces the proxy's, but not in `key=value=more`.
    check(
        &labels(&["x=2"]),
        "",
        "x=1",
        &given,
        &["0: a 1 [2]", "1: a 2 [01]", "1: b 2 [3]"],
        "weighted",
    );
    check(
        &labels(&["x=2=3"]),
        "",
        "x=1",
        &given,
        &["0: a 2 [01]", "1: a 1 [2]", "0: b 2 [3]"],
        "weighted",
    );
}

#[test]
fn another_network_comes_behind_all_others() {
    let network = super::NETWORK;
    let given = [
        &format!("a;{network}=n,x=1"),
        &format!("a;{network}=n,x=2"),
        &format!("a;{network}=m,x=1"),
        &format!("a;{network}=m,x=2"),
    ];
    check(
        &labels(&[network, "x"]),
        "",
        &format!("{network}=n,x=1"),
        &given.map(String::as_str),
        &["0: a 1 [0]", "1: a 1 [1]", "2: a 1 [2]", "3: a 1 [3]"],
        "weighted",
    );
}

#[test]
fn zone_aware_balancing_orders_regions() {
    let zones = ZoneAwareLoadBalancerSetting {
        failover: regions(&[("eu", "us")]),
        ..ZoneAwareLoadBalancerSetting::default()
    };
    let all = ["asia/a", "eu/a", "eu/b", "us/a"];
    check(
        &LocalityLb::ZoneAware(&zones),
        "eu/a",
        "",
        &all,
        &[
            "2: asia/a 1 [0]",
            "0: eu/a 1 [1]",
            "0: eu/b 1 [2]",
            "1: us/a 1 [3]",
        ],
        "zones",
    );
    let off = ZoneAwareLoadBalancerSetting {
        enabled: Some(false),
        ..zones
    };
    let alike = [
        "0: asia/a 1 [0]",
        "0: eu/a 1 [1]",
        "0: eu/b 1 [2]",
        "0: us/a 1 [3]",
    ];
    check(&LocalityLb::ZoneAware(&off), "eu/a", "", &all, &alike, "zones");
    check(&LocalityLb::Off, "eu/a", "", &all, &alike, "none");
}
