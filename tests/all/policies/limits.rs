//! Connection pools and retry budgets: what is over a limit is answered at once.

use std::collections::BTreeSet;
use std::thread;

use super::{Check, Proxy, Service, expect};

pub(super) const SERVICES: &[Service] = &[
    Service {
        host: "connections.test",
        endpoints: &[("c1", "")],
        policy: "{connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}",
        rule: "",
    },
    Service {
        host: "requests.test",
        endpoints: &[("c1", "")],
        policy: "{connectionPool: {http: {http2MaxRequests: 1}}}",
        rule: "",
    },
    Service {
        host: "one-request.test",
        endpoints: &[("c1", "")],
        policy: "{connectionPool: {http: {maxRequestsPerConnection: 1}}}",
        rule: "",
    },
    Service {
        host: "many-requests.test",
        endpoints: &[("c1", "")],
        policy: "{connectionPool: {http: {maxRequestsPerConnection: 0}}}",
        rule: "",
    },
    Service {
        host: "budget.test",
        endpoints: &[("c1", "")],
        policy: "{retryBudget: {percent: 0, minRetryConcurrency: 1}}",
        rule: RETRIES,
    },
    Service {
        host: "retries.test",
        endpoints: &[("c1", "")],
        policy: "{connectionPool: {http: {maxRetries: 1}}}",
        rule: RETRIES,
    },
    Service {
        host: "unlimited-retries.test",
        endpoints: &[("c1", "")],
        policy: "{connectionPool: {http: {maxRetries: 2}}}",
        rule: RETRIES,
    },
    Service {
        host: "passthrough.test",
        endpoints: &[("c1", "")],
        policy: "{loadBalancer: {simple: PASSTHROUGH}}",
        rule: "",
    },
];

const RETRIES: &str = ", retries: {attempts: 2, retryOn: 5xx}";
const FAILS_FIRST: &str = "x-fail-first: yes\r\nx-hold: yes\r\n";

pub(super) const CHECKS: &[Check] = &[
    ("connections and waiting requests are limited", connections),
    ("requests are limited", requests),
    ("a connection carries so many requests", requests_per_connection),
    ("a budget limits retries", |proxy| {
        retries(proxy, "budget.test", 500)
    }),
    ("retries are limited", |proxy| retries(proxy, "retries.test", 500)),
    ("retries within the limit are made", |proxy| {
        retries(proxy, "unlimited-retries.test", 200)
    }),
    ("a gateway knows no original destination", |proxy| {
        let reply = proxy.client("passthrough.test")?.ask("/", "")?;
        expect("status", &reply.status, &503)?;
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        expect("body", &body.as_str(), &"no healthy upstream")
    }),
];

fn overflows(proxy: &Proxy, host: &'static str) -> Result<(), String> {
    let reply = proxy.client(host)?.ask("/", "")?;
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    expect("status of what is over the limit", &reply.status, &503)?;
    match body.contains("reset reason: overflow") {
        true => Ok(()),
        false => Err(format!("503 with {body:?}")),
    }
}

/// Runs `check` while a request with these headers is held by the upstream, and returns the status of that request.
fn while_one_is_held(
    proxy: &Proxy,
    host: &'static str,
    headers: &str,
    check: impl FnOnce() -> Result<(), String>,
) -> Result<u16, String> {
    proxy.gate.close();
    thread::scope(|scope| {
        let held = scope.spawn(|| proxy.client(host)?.ask("/", headers));
        let checked = proxy.gate.wait_for_one().and_then(|()| check());
        proxy.gate.open();
        let reply = held.join().map_err(|_| "the client panicked".to_owned())??;
        checked.map(|()| reply.status)
    })
}

fn connections(proxy: &Proxy) -> Result<(), String> {
    let host = "connections.test";
    let status = while_one_is_held(proxy, host, "x-hold: yes\r\n", || {
        let mut waiting = proxy.client(host)?;
        let waiting = thread::spawn(move || waiting.ask("/", ""));
        let checked = proxy
            .wait_for(host, "upstream_rq_pending_active", 1)
            .and_then(|()| overflows(proxy, host));
        proxy.gate.open();
        let reply = waiting.join().map_err(|_| "the client panicked".to_owned())??;
        checked.and_then(|()| expect("the request that waited", &reply.status, &200))
    })?;
    expect("the request before", &status, &200)
}

fn requests(proxy: &Proxy) -> Result<(), String> {
    let host = "requests.test";
    let status = while_one_is_held(proxy, host, "x-hold: yes\r\n", || overflows(proxy, host))?;
    expect("the request before", &status, &200)
}

fn requests_per_connection(proxy: &Proxy) -> Result<(), String> {
    for (host, expected) in [("one-request.test", 20), ("many-requests.test", 1)] {
        let mut client = proxy.client(host)?;
        let mut connections = BTreeSet::new();
        for _ in 0..20 {
            let reply = client.ask("/", "")?;
            connections.insert(reply.header("x-connection").map(str::to_owned));
        }
        expect(host, &connections.len(), &expected)?;
    }
    Ok(())
}

/// While the retry of a request is under way, another request fails and gets this status. A third is retried.
fn retries(proxy: &Proxy, host: &'static str, second: u16) -> Result<(), String> {
    let status = while_one_is_held(proxy, host, FAILS_FIRST, || {
        let reply = proxy.client(host)?.ask("/", "x-fail-first: yes\r\n")?;
        expect("the second request", &reply.status, &second)?;
        let overflows = u64::from(second != 200);
        expect(
            "retries over the limit",
            &proxy.stat(host, "upstream_rq_retry_overflow")?,
            &overflows,
        )
    })?;
    expect("the first request", &status, &200)?;
    let reply = proxy.client(host)?.ask("/", "x-fail-first: yes\r\n")?;
    expect("the third request", &reply.status, &200)
}
