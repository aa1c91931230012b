//! Weights of endpoints, and which localities come first.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Check, PATIENCE, Proxy, Service, expect, expect_shares};

pub(super) const SERVICES: &[Service] = &[
    Service {
        host: "weights.test",
        endpoints: &[("w90", ", weight: 90"), ("w10", ", weight: 10")],
        policy: "{loadBalancer: {simple: LEAST_REQUEST}}",
        rule: "",
    },
    Service {
        host: "weights-in-turn.test",
        endpoints: &[("w90", ", weight: 90"), ("w10", ", weight: 10")],
        policy: "{loadBalancer: {simple: ROUND_ROBIN}}",
        rule: "",
    },
    Service {
        host: "shares.test",
        endpoints: &[
            ("near", ", locality: eu/a"),
            ("near-2", ", locality: eu/a"),
            ("far", ", locality: us/b"),
            ("unshared", ", locality: asia/c"),
        ],
        policy: "{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {distribute: [{from: 'eu/*', to: {'eu/*': 80, 'us/*': 20}}]}}}",
        rule: "",
    },
    Service {
        host: "outliers.test",
        endpoints: &[("good", ""), ("bad", "")],
        policy: "{loadBalancer: {simple: ROUND_ROBIN}, \
                 outlierDetection: {consecutive5xxErrors: 3, interval: 1h, baseEjectionTime: 1h, maxEjectionPercent: 100}}",
        rule: "",
    },
    Service {
        host: "failover.test",
        endpoints: &[
            ("near", ", locality: eu/a"),
            ("same-region", ", locality: eu/b"),
            ("far", ", locality: us/b"),
        ],
        policy: EJECTS_AT_ONCE,
        rule: "",
    },
    Service {
        host: "failover-off.test",
        endpoints: &[("near", ", locality: eu/a"), ("far", ", locality: us/b")],
        policy: "{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: false}}, outlierDetection: {consecutive5xxErrors: 5}}",
        rule: "",
    },
    Service {
        host: "failover-absent.test",
        endpoints: &[
            ("same-region", ", locality: eu/b"),
            ("far", ", locality: us/b"),
            ("other-zone", ", locality: eu/c"),
        ],
        policy: EJECTS_AT_ONCE,
        rule: "",
    },
    Service {
        host: "failover-region.test",
        endpoints: &[("far", ", locality: us/b"), ("farther", ", locality: asia/c")],
        policy: "{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {failover: [{from: eu, to: asia}]}}, \
                 outlierDetection: {consecutive5xxErrors: 5}}",
        rule: "",
    },
    Service {
        host: "failover-labels.test",
        endpoints: &[
            ("silver", ", labels: {tier: silver}"),
            ("gold", ", labels: {tier: gold}"),
            ("silver-2", ", labels: {tier: silver}"),
        ],
        policy: "{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {failoverPriority: [tier]}}, \
                 outlierDetection: {consecutive5xxErrors: 1, interval: 1h, baseEjectionTime: 1h, maxEjectionPercent: 100}}",
        rule: "",
    },
];

/// Without a word on localities: that is Istio's default.
const EJECTS_AT_ONCE: &str = "{loadBalancer: {simple: ROUND_ROBIN}, \
     outlierDetection: {consecutive5xxErrors: 1, interval: 1h, baseEjectionTime: 1h, maxEjectionPercent: 100}}";

pub(super) const CHECKS: &[Check] = &[
    ("weights give their shares", |proxy| {
        for host in ["weights.test", "weights-in-turn.test"] {
            let counts = proxy.client(host)?.counts(1000, "")?;
            expect_shares(&counts, &[("w90", 90), ("w10", 10)])?;
        }
        Ok(())
    }),
    ("localities have their shares", |proxy| {
        let counts = proxy.client("shares.test")?.counts(1000, "")?;
        expect_shares(
            &counts,
            &[("near", 40), ("near-2", 40), ("far", 20), ("unshared", 0)],
        )
    }),
    ("an endpoint that fails is ejected", ejection),
    ("endpoints farther away take over, the nearest first", failover),
    ("without failover all endpoints are used", |proxy| {
        let counts = proxy.client("failover-off.test")?.counts(100, "")?;
        expect_shares(&counts, &[("near", 50), ("far", 50)])
    }),
    ("where none is near, the others of the region are used", |proxy| {
        let counts = proxy.client("failover-absent.test")?.counts(100, "")?;
        expect_shares(&counts, &[("same-region", 50), ("other-zone", 50), ("far", 0)])
    }),
    ("the region that takes over comes before another", |proxy| {
        only(proxy, "failover-region.test", "farther")
    }),
    ("endpoints with the labels of the proxy come first", labels),
];

fn only(proxy: &Proxy, host: &'static str, name: &str) -> Result<(), String> {
    let counts = proxy.client(host)?.counts(100, "")?;
    expect("requests", &counts, &BTreeMap::from([(name.to_owned(), 100)]))
}

/// Fails one endpoint until `ejected` of them are out, and sees who answers from then on.
fn eject(
    proxy: &Proxy,
    host: &'static str,
    name: &str,
    ejected: u64,
    then: &[(&str, usize)],
) -> Result<(), String> {
    let mut client = proxy.client(host)?;
    let fails = format!("x-fail: {name}\r\n");
    let deadline = Instant::now() + PATIENCE;
    while proxy.stat(host, "outlier_detection.ejections_active")? != ejected {
        client.ask("/", &fails)?;
        if Instant::now() > deadline {
            return Err(format!("{name} was not ejected"));
        }
    }
    // The worker learns of it a moment later: in turn, 20 answers of others can't be chance.
    let mut in_a_row = 0;
    while in_a_row < 20 {
        in_a_row = if client.endpoint("")? == name {
            0
        } else {
            in_a_row + 1
        };
        if Instant::now() > deadline {
            return Err(format!("{name} is still used"));
        }
    }
    let counts = client.counts(100, &fails)?;
    expect("requests to the ejected", &counts.get(name), &None)?;
    expect_shares(&counts, then)
}

fn ejection(proxy: &Proxy) -> Result<(), String> {
    let host = "outliers.test";
    let mut client = proxy.client(host)?;
    expect_shares(&client.counts(100, "")?, &[("good", 50), ("bad", 50)])?;
    // Two failures in a row are not enough.
    for _ in 0..4 {
        client.ask("/", "x-fail: bad\r\n")?;
    }
    expect_shares(&client.counts(100, "")?, &[("good", 50), ("bad", 50)])?;
    eject(proxy, host, "bad", 1, &[("good", 100)])
}

fn failover(proxy: &Proxy) -> Result<(), String> {
    let host = "failover.test";
    only(proxy, host, "near")?;
    eject(proxy, host, "near", 1, &[("same-region", 100)])?;
    eject(proxy, host, "same-region", 2, &[("far", 100)])
}

fn labels(proxy: &Proxy) -> Result<(), String> {
    let host = "failover-labels.test";
    only(proxy, host, "gold")?;
    eject(proxy, host, "gold", 1, &[("silver", 50), ("silver-2", 50)])
}
