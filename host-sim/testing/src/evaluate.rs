//! Evaluates one expectation against one outcome.

use fingerpost_proxy_model::Outcome;

use crate::check::{Check, CheckContext, check};
use crate::foreign::{Compared, dropped};
use crate::headers::{request_header, response_header, values};
use crate::want::{Text, Want};
use crate::want_foreign::RuleBlock;

/// Looks at what one expectation is about.
pub(super) fn evaluate(want: &Want, cx: &CheckContext<'_>) -> Check {
    let outcome = cx.outcome;
    match want {
        Want::Rule(wanted) => {
            let resources = &cx.proxy.compilation.resources;
            let is_it = outcome
                .rule
                .as_ref()
                .is_some_and(|it| wanted.names(it, resources));
            check(is_it, wanted, rule_of(outcome))
        }
        Want::NoRule => check(outcome.rule.is_none(), "no rule", rule_of(outcome)),
        Want::Domain(text) => {
            let host = cx.proxy.virtual_host(cx.sent);
            let domains: Vec<&str> = host
                .iter()
                .flat_map(|it| it.domains.iter().map(String::as_str))
                .collect();
            one_of(text, &domains, "no virtual host")
        }
        Want::Status(statuses) => {
            let actual = match outcome.error {
                Some(error) => format!("no answer: {error}"),
                None => outcome.status.to_string(),
            };
            check(
                outcome.error.is_none() && statuses.accept(outcome.status),
                statuses,
                actual,
            )
        }
        Want::NoAnswer(failure) => {
            let actual = match outcome.error {
                Some(error) => error.to_string(),
                None => format!("the status {}", outcome.status),
            };
            check(outcome.error == Some(*failure), failure, actual)
        }
        Want::Cluster(text) => one(text, outcome.cluster.as_deref(), &cx.no_upstream()),
        Want::NoCluster => {
            let actual = outcome.cluster.clone().unwrap_or_else(|| cx.no_upstream());
            check(outcome.cluster.is_none(), "no upstream", actual)
        }
        Want::Host(_) | Want::Subset(_) | Want::Port(_) => destination(want, cx),
        Want::Method(text) => one(
            text,
            cx.upstream().map(|it| it.method.as_str()),
            &cx.no_upstream(),
        ),
        Want::Path(text) => one(text, cx.upstream().map(|it| it.path.as_str()), &cx.no_upstream()),
        Want::Authority(text) => {
            let authority = cx.upstream().map(|it| it.authority.as_str());
            one(text, authority, &cx.no_upstream())
        }
        Want::RequestHeader(name, text) => match cx.upstream() {
            Some(upstream) => request_header(name, text, upstream, cx.sent),
            None => check(false, text, cx.no_upstream()),
        },
        Want::ResponseHeader(name, text) => match outcome.error {
            Some(error) => check(false, text, format!("no answer: {error}")),
            None => response_header(name, text, outcome),
        },
        Want::Location(text) => {
            let found = values(&outcome.response_headers, "location");
            let actual = format!("no redirect ({})", outcome.status);
            one(text, found.first().copied(), &actual)
        }
        Want::Body(text) => {
            let echo = outcome.cluster.as_ref().map(|_| "ok");
            one(text, outcome.body.as_deref().or(echo), "no body")
        }
        Want::Mirrors(wanted) => mirrors(wanted, outcome),
        Want::Timeout(wanted) => match cx.upstream() {
            None => check(false, timeout(wanted.map(|it| it.as_millis())), cx.no_upstream()),
            Some(upstream) => {
                let actual = upstream.timeout_ms.as_deref().and_then(|it| it.parse().ok());
                let wanted = wanted.map(|it| it.as_millis()).filter(|it| *it > 0);
                check(wanted == actual, timeout(wanted), timeout(actual))
            }
        },
        Want::Delay(wanted) => {
            let same = wanted.as_millis() == u128::from(outcome.delay_ms);
            let expected = format!("{} ms", wanted.as_millis());
            check(same, expected, format!("{} ms", outcome.delay_ms))
        }
        Want::Weights(wanted) => weights(wanted, cx),
        Want::RuleBlock(wanted) => rule_block(wanted, cx),
        Want::RouteLookup(wanted) => wanted.evaluate(cx),
        Want::Header(wanted) => wanted.evaluate(cx),
        Want::Unsupported(reason) => Check::Unknown(reason.clone()),
    }
}

fn one(text: &Text, value: Option<&str>, missing: &str) -> Check {
    let values: Vec<&str> = value.into_iter().collect();
    check(text.accepts(&values), text, value.unwrap_or(missing))
}

fn one_of(text: &Text, values: &[&str], missing: &str) -> Check {
    let found = values.iter().find(|it| text.accepts(&[it]));
    let actual = found.or(values.first()).copied().unwrap_or(missing);
    check(
        found.is_some() || values.is_empty() && text.accepts(&[]),
        text,
        actual,
    )
}

fn rule_of(outcome: &Outcome) -> String {
    let rule = outcome.rule.as_ref();
    rule.map_or_else(|| "no rule".to_owned(), ToString::to_string)
}

fn timeout(millis: Option<u128>) -> String {
    millis.map_or_else(|| "none".to_owned(), |it| format!("{it} ms"))
}

/// The parts of a cluster's name: `outbound|80|v1|reviews.default.svc.cluster.local`.
fn destination(want: &Want, cx: &CheckContext<'_>) -> Check {
    let parts: Vec<&str> = cx
        .outcome
        .cluster
        .as_deref()
        .unwrap_or_default()
        .split('|')
        .collect();
    let [_, port, subset, host] = parts.as_slice() else {
        let expected = match want {
            Want::Port(port) => port.to_string(),
            Want::Host(text) | Want::Subset(text) => text.clone(),
            _ => String::new(),
        };
        let actual = cx.outcome.cluster.clone().unwrap_or_else(|| cx.no_upstream());
        return check(false, expected, actual);
    };
    match want {
        Want::Port(wanted) => check(*port == wanted.to_string(), wanted, port),
        Want::Subset(wanted) => {
            let none = |it: &str| {
                if it.is_empty() {
                    "none".to_owned()
                } else {
                    it.to_owned()
                }
            };
            check(subset == wanted, none(wanted), none(subset))
        }
        Want::Host(wanted) => check(is_host(wanted, host), wanted, host),
        _ => Check::Unknown("not a part of a destination".to_owned()),
    }
}

/// Whether `name` is the host, or the first labels of it.
pub(super) fn is_host(name: &str, host: &str) -> bool {
    host.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a destination may be called so: by its cluster, its subset or its host.
pub(super) fn is_called(name: &str, cluster: &str) -> bool {
    let parts: Vec<&str> = cluster.split('|').collect();
    match parts.as_slice() {
        [_, _, subset, host] => name == cluster || name == *subset || is_host(name, host),
        _ => name == cluster,
    }
}

fn mirrors(wanted: &[String], outcome: &Outcome) -> Check {
    let again = outcome
        .cluster
        .iter()
        .cycle()
        .take(outcome.attempts.saturating_sub(1));
    let copies: Vec<&String> = outcome.mirrors.iter().chain(again).collect();
    let all_found = wanted
        .iter()
        .all(|name| copies.iter().any(|it| is_called(name, it)));
    let expected = if wanted.is_empty() {
        "none".to_owned()
    } else {
        wanted.join(", ")
    };
    let actual = if copies.is_empty() {
        "none".to_owned()
    } else {
        copies.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ")
    };
    check(all_found && wanted.len() == copies.len(), expected, actual)
}

/// The shares as the rule gives them. No request is sent to find them out.
fn weights(wanted: &[(String, u32)], cx: &CheckContext<'_>) -> Check {
    let shares = cx.shares();
    let sum = |all: &mut dyn Iterator<Item = u32>| all.map(u64::from).sum::<u64>();
    let wanted_sum = sum(&mut wanted.iter().map(|(_, weight)| *weight));
    let actual_sum = sum(&mut shares.iter().map(|it| it.weight));
    let share_of = |name: &str| {
        let called = shares
            .iter()
            .filter(|it| is_called(name, &it.destination.cluster));
        called.map(|it| u64::from(it.weight)).sum::<u64>()
    };
    // As fractions: 90 of 100 is 9 of 10.
    let equal = !shares.is_empty()
        && wanted
            .iter()
            .all(|(name, weight)| u64::from(*weight) * actual_sum == share_of(name) * wanted_sum)
        && shares.iter().all(|share| {
            wanted
                .iter()
                .any(|(name, _)| is_called(name, &share.destination.cluster))
        });
    let expected: Vec<String> = wanted
        .iter()
        .map(|(name, weight)| format!("{name} {weight}"))
        .collect();
    let actual: Vec<String> = shares
        .iter()
        .map(|it| format!("{} {}", it.destination.cluster, it.weight))
        .collect();
    let actual = if actual.is_empty() {
        "no destination".to_owned()
    } else {
        actual.join(", ")
    };
    check(equal, expected.join(", "), actual)
}

/// A block of the rule that applies, held against that of the test.
fn rule_block(wanted: &RuleBlock, cx: &CheckContext<'_>) -> Check {
    match wanted.compare(cx.outcome.rule.as_ref(), &cx.proxy.compilation.resources) {
        Compared::Equal => Check::Holds(wanted.written.clone()),
        Compared::Different(actual) if cx.outcome.rule.is_none() => {
            let actual = match dropped(cx) {
                Some(reason) => format!("{actual}; {reason}"),
                None => actual,
            };
            check(false, &wanted.written, actual)
        }
        Compared::Different(actual) => check(false, &wanted.written, actual),
        Compared::Unknown(reason) => Check::Unknown(reason),
    }
}
