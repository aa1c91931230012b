//! What can be seen of a run, in a form that both sides share; and how two runs differ.

use crate::client::Read;
use crate::scenarios::Scenario;
use crate::upstream::{Got, Pairs};
use std::collections::{BTreeMap, BTreeSet};

/// Everything seen of one scenario.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What guests said before the first request.
    pub(crate) start: Vec<String>,
    pub(crate) requests: Vec<Exchange>,
    /// What guests said from then on.
    pub(crate) log: Vec<String>,
    /// Counters and gauges.
    pub(crate) metrics: BTreeMap<String, u64>,
    /// Callbacks and host functions that were called; only the simulator knows.
    pub(crate) called: BTreeSet<String>,
}

/// What client and upstream saw of one request.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) client: Read,
    pub(crate) upstream: Vec<Got>,
}

/// Made by the connection manager or the codec around the filters, never by a filter; or different in each run.
const AROUND: &[&str] = &[
    "connection",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
    "x-envoy-upstream-service-time",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-internal",
    "x-request-id",
];

fn plain(headers: &Pairs) -> Pairs {
    let mut headers = headers.clone();
    headers.retain(|(name, _)| !AROUND.contains(&name.as_str()));
    // The codec adds it where a message ends with its headers.
    headers.retain(|(name, value)| name != "content-length" || value != "0");
    headers.sort();
    headers
}

/// One line for each thing that differs: what the simulator has, and what Envoy has.
pub(crate) fn differences(scenario: &Scenario, simulated: &Seen, real: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: String, simulated: String, real: String| {
        if simulated != real {
            found.push(format!("{what}\n  simulator: {simulated}\n  envoy:     {real}"));
        }
    };
    for (index, (ours, theirs)) in simulated.requests.iter().zip(&real.requests).enumerate() {
        let path = scenario.requests[index].headers.text(":path").unwrap_or_default();
        let at = |what: &str| format!("request {index} {path}: {what}");
        let (a, b) = (&ours.client, &theirs.client);
        compare(at("status"), a.status.to_string(), b.status.to_string());
        compare(
            at("response headers"),
            format!("{:?}", plain(&a.headers)),
            format!("{:?}", plain(&b.headers)),
        );
        let body = |body: &str| match scenario.every_line {
            true => masked(body),
            false => body.to_owned(),
        };
        compare(at("response body"), body(&a.body), body(&b.body));
        compare(
            at("response trailers"),
            format!("{:?}", a.trailers),
            format!("{:?}", b.trailers),
        );
        compare(
            at("upstreams asked"),
            ours.upstream.len().to_string(),
            theirs.upstream.len().to_string(),
        );
        for (a, b) in ours.upstream.iter().zip(&theirs.upstream) {
            compare(
                at("upstream line"),
                format!("{} {}", a.method, a.path),
                format!("{} {}", b.method, b.path),
            );
            compare(
                at("upstream headers"),
                format!("{:?}", plain(&a.headers)),
                format!("{:?}", plain(&b.headers)),
            );
            compare(at("upstream body"), a.body.clone(), b.body.clone());
            compare(
                at("upstream trailers"),
                format!("{:?}", a.trailers),
                format!("{:?}", b.trailers),
            );
        }
    }
    compare(
        "metrics".to_owned(),
        format!("{:?}", simulated.metrics),
        format!("{:?}", real.metrics),
    );
    found.extend(starts_differ(&simulated.start, &real.start));
    found.extend(logs_differ(&simulated.log, &real.log));
    found
}

/// Envoy starts each plugin several times: as a canary, on the main thread and on the worker, each with its own VM. So
/// the simulator's lines must be among Envoy's, in the same order.
fn starts_differ(simulated: &[String], real: &[String]) -> Option<String> {
    let mut rest = real.iter();
    let found = simulated.iter().all(|line| rest.any(|other| other == line));
    let none_else = real
        .iter()
        .all(|line| simulated.contains(line) || line.contains(" 1 "));
    (!found || !none_else).then(|| format!("start\n  simulator: {simulated:#?}\n  envoy: {real:#?}"))
}

fn logs_differ(simulated: &[String], real: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut a, mut b) = (0, 0);
    while (a < simulated.len() || b < real.len()) && lines.len() < 60 {
        match (simulated.get(a), real.get(b)) {
            (Some(ours), Some(theirs)) if ours == theirs => (a, b) = (a + 1, b + 1),
            (ours, theirs) => {
                // The nearest place where both say the same again.
                let near = (0..24).flat_map(|sum| (0..=sum).map(move |skip| (skip, sum - skip)));
                let joint = near.filter(|skips| *skips != (0, 0)).find(|(x, y)| {
                    matches!((simulated.get(a + x), real.get(b + y)), (Some(ours), Some(theirs)) if ours == theirs)
                });
                let (x, y) = joint.unwrap_or((usize::from(ours.is_some()), usize::from(theirs.is_some())));
                lines.extend(
                    simulated
                        .iter()
                        .skip(a)
                        .take(x)
                        .map(|line| format!("log, only in the simulator: {line}")),
                );
                lines.extend(
                    real.iter()
                        .skip(b)
                        .take(y)
                        .map(|line| format!("log, only in envoy:         {line}")),
                );
                (a, b) = (a + x, b + y);
            }
        }
    }
    lines
}

/// A guest's line, with its prefix; ids that the proxy makes up are masked. Of our own guests only what
/// they say, or the SDK would be compared too.
pub(crate) fn line(scenario: &Scenario, prefix: &str, message: &str) -> Option<String> {
    let said = match scenario.every_line {
        true => message,
        false => message.strip_prefix("say: ")?,
    };
    let said = match said.split_once("x-request-id=") {
        Some((before, _)) => format!("{before}x-request-id=…"),
        None if scenario.every_line => masked(said),
        None => said.to_owned(),
    };
    Some(format!("[{}] {said}", prefix.trim()))
}

/// Other people's modules also print times and random ids, and how long the upstream took.
pub(crate) fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut word = String::new();
    let close = |word: &mut String, masked: &mut String| {
        let random = word.len() >= 16 && word.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-');
        masked.push_str(if random { "…" } else { word });
        word.clear();
    };
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || letter == '-' {
            word.push(letter);
        } else {
            close(&mut word, &mut masked);
            masked.push(letter);
        }
    }
    close(&mut word, &mut masked);
    match masked.split_once("x-envoy-upstream-service-time: ") {
        Some((before, _)) => format!("{before}x-envoy-upstream-service-time: …"),
        None => masked,
    }
}
