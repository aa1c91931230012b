//! Looks up in an outcome what one expectation is about.

use fingerpost_config_compiler::{PlanRoute, ShareDetail};
use fingerpost_proxy_model::{Outcome, Request, Upstream};

use super::foreign::{Compared, RuleBlock, dropped};
use super::headers::{request_header, response_header, values};
use super::judge::virtual_host;
use super::want::{Text, Want};
use super::world::{World, shares};

/// An outcome and where it came from.
pub(super) struct Scene<'s> {
    pub(super) outcome: &'s Outcome,
    pub(super) sent: &'s Request,
    pub(super) world: &'s World,
    route: Option<&'s PlanRoute>,
}

/// Whether something is as wanted.
pub(super) enum Seen {
    /// It is; this is what it is.
    So(String),
    /// It is not.
    Otherwise { expected: String, actual: String },
    /// It can't be known here.
    Unknown(String),
}

impl<'s> Scene<'s> {
    pub(super) fn new(outcome: &'s Outcome, sent: &'s Request, world: &'s World) -> Self {
        let route = outcome.rule.as_ref().and_then(|it| world.route(it));
        Self {
            outcome,
            sent,
            world,
            route,
        }
    }

    /// The destinations of the route that took the request.
    pub(super) fn shares(&self) -> &'s [ShareDetail] {
        self.route.map_or(&[], shares)
    }

    /// Whether the route has a destination, whether or not it is asked.
    pub(super) fn forwards(&self) -> bool {
        self.outcome.cluster.is_some() || !self.shares().is_empty()
    }

    /// The destination that was drawn.
    pub(super) fn share(&self) -> Option<&'s ShareDetail> {
        let cluster = self.outcome.cluster.as_ref()?;
        self.shares().iter().find(|it| it.cluster == *cluster)
    }

    /// The request.
    pub(super) fn sent(&self) -> &'s Request {
        self.sent
    }

    fn upstream(&self) -> Option<&'s Upstream> {
        self.outcome.upstream.as_ref()
    }

    /// What is to be said where no upstream was asked.
    fn nobody(&self) -> String {
        let Some(error) = self.outcome.error else {
            let lack = self.shares().iter().find_map(|it| it.missing.as_ref());
            return match lack {
                Some(lack) => format!("no upstream is asked ({}: {})", self.outcome.status, lack.message),
                None => format!("no upstream is asked ({})", self.outcome.status),
            };
        };
        format!("no upstream is asked ({error})")
    }
}

/// Looks at what one expectation is about.
pub(super) fn look(want: &Want, scene: &Scene<'_>) -> Seen {
    let outcome = scene.outcome;
    match want {
        Want::Rule(wanted) => {
            let resources = &scene.world.loaded.resources;
            let is_it = outcome
                .rule
                .as_ref()
                .is_some_and(|it| wanted.names(it, resources));
            seen(is_it, wanted, rule_of(outcome))
        }
        Want::NoRule => seen(outcome.rule.is_none(), "no rule", rule_of(outcome)),
        Want::Domain(text) => {
            let host = virtual_host(scene.sent, scene.world);
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
            seen(
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
            seen(outcome.error == Some(*failure), failure, actual)
        }
        Want::Cluster(text) => one(text, outcome.cluster.as_deref(), &scene.nobody()),
        Want::NoCluster => {
            let actual = outcome.cluster.clone().unwrap_or_else(|| scene.nobody());
            seen(outcome.cluster.is_none(), "no upstream", actual)
        }
        Want::Host(_) | Want::Subset(_) | Want::Port(_) => destination(want, scene),
        Want::Method(text) => one(
            text,
            scene.upstream().map(|it| it.method.as_str()),
            &scene.nobody(),
        ),
        Want::Path(text) => one(text, scene.upstream().map(|it| it.path.as_str()), &scene.nobody()),
        Want::Authority(text) => {
            let authority = scene.upstream().map(|it| it.authority.as_str());
            one(text, authority, &scene.nobody())
        }
        Want::RequestHeader(name, text) => match scene.upstream() {
            Some(upstream) => request_header(name, text, upstream, scene.sent),
            None => seen(false, text, scene.nobody()),
        },
        Want::ResponseHeader(name, text) => match outcome.error {
            Some(error) => seen(false, text, format!("no answer: {error}")),
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
        Want::Timeout(wanted) => match scene.upstream() {
            None => seen(false, timeout(wanted.map(|it| it.as_millis())), scene.nobody()),
            Some(upstream) => {
                let actual = upstream.timeout_ms.as_deref().and_then(|it| it.parse().ok());
                let wanted = wanted.map(|it| it.as_millis()).filter(|it| *it > 0);
                seen(wanted == actual, timeout(wanted), timeout(actual))
            }
        },
        Want::Delay(wanted) => {
            let same = wanted.as_millis() == u128::from(outcome.delay_ms);
            let expected = format!("{} ms", wanted.as_millis());
            seen(same, expected, format!("{} ms", outcome.delay_ms))
        }
        Want::Weights(wanted) => weights(wanted, scene),
        Want::RuleBlock(wanted) => rule_block(wanted, scene),
        Want::InTable(wanted) => wanted.look(scene),
        Want::Header(wanted) => wanted.look(scene),
        Want::Unsupported(reason) => Seen::Unknown(reason.clone()),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what is handed in was made for this, or is borrowed already"
)]
fn seen(is_so: bool, expected: impl ToString, actual: impl ToString) -> Seen {
    let actual = actual.to_string();
    if is_so {
        Seen::So(actual)
    } else {
        Seen::Otherwise {
            expected: expected.to_string(),
            actual,
        }
    }
}

fn one(text: &Text, value: Option<&str>, missing: &str) -> Seen {
    let values: Vec<&str> = value.into_iter().collect();
    seen(text.accepts(&values), text, value.unwrap_or(missing))
}

fn one_of(text: &Text, values: &[&str], missing: &str) -> Seen {
    let found = values.iter().find(|it| text.accepts(&[it]));
    let actual = found.or(values.first()).copied().unwrap_or(missing);
    seen(
        found.is_some() || values.is_empty() && text.accepts(&[]),
        text,
        actual,
    )
}

pub(super) fn all(text: &Text, values: &[&str]) -> Seen {
    let actual = match values {
        [] => "absent".to_owned(),
        [one] => (*one).to_owned(),
        several => format!("[{}]", several.join(", ")),
    };
    seen(text.accepts(values), text, actual)
}

fn rule_of(outcome: &Outcome) -> String {
    let rule = outcome.rule.as_ref();
    rule.map_or_else(|| "no rule".to_owned(), ToString::to_string)
}

fn timeout(millis: Option<u128>) -> String {
    millis.map_or_else(|| "none".to_owned(), |it| format!("{it} ms"))
}

/// The parts of a cluster's name: `outbound|80|v1|reviews.default.svc.cluster.local`.
fn destination(want: &Want, scene: &Scene<'_>) -> Seen {
    let parts: Vec<&str> = scene
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
        let actual = scene.outcome.cluster.clone().unwrap_or_else(|| scene.nobody());
        return seen(false, expected, actual);
    };
    match want {
        Want::Port(wanted) => seen(*port == wanted.to_string(), wanted, port),
        Want::Subset(wanted) => {
            let none = |it: &str| {
                if it.is_empty() {
                    "none".to_owned()
                } else {
                    it.to_owned()
                }
            };
            seen(subset == wanted, none(wanted), none(subset))
        }
        Want::Host(wanted) => seen(is_host(wanted, host), wanted, host),
        _ => Seen::Unknown("this is no part of a destination".to_owned()),
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

fn mirrors(wanted: &[String], outcome: &Outcome) -> Seen {
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
    seen(all_found && wanted.len() == copies.len(), expected, actual)
}

/// The shares as the rule gives them. No request is sent to find them out.
fn weights(wanted: &[(String, u32)], scene: &Scene<'_>) -> Seen {
    let shares = scene.shares();
    let sum = |all: &mut dyn Iterator<Item = u32>| all.map(u64::from).sum::<u64>();
    let wanted_sum = sum(&mut wanted.iter().map(|(_, weight)| *weight));
    let actual_sum = sum(&mut shares.iter().map(|it| it.weight));
    let share_of = |name: &str| {
        let called = shares.iter().filter(|it| is_called(name, &it.cluster));
        called.map(|it| u64::from(it.weight)).sum::<u64>()
    };
    // As fractions: 90 of 100 is 9 of 10.
    let equal = !shares.is_empty()
        && wanted
            .iter()
            .all(|(name, weight)| u64::from(*weight) * actual_sum == share_of(name) * wanted_sum)
        && shares
            .iter()
            .all(|share| wanted.iter().any(|(name, _)| is_called(name, &share.cluster)));
    let expected: Vec<String> = wanted
        .iter()
        .map(|(name, weight)| format!("{name} {weight}"))
        .collect();
    let actual: Vec<String> = shares
        .iter()
        .map(|it| format!("{} {}", it.cluster, it.weight))
        .collect();
    let actual = if actual.is_empty() {
        "no destination".to_owned()
    } else {
        actual.join(", ")
    };
    seen(equal, expected.join(", "), actual)
}

/// A block of the rule that applies, held against that of the test.
fn rule_block(wanted: &RuleBlock, scene: &Scene<'_>) -> Seen {
    match wanted.compare(scene.outcome.rule.as_ref(), &scene.world.loaded.resources) {
        Compared::Equal => Seen::So(wanted.written.clone()),
        Compared::Different(actual) if scene.outcome.rule.is_none() => {
            let actual = match dropped(scene) {
                Some(reason) => format!("{actual}; {reason}"),
                None => actual,
            };
            seen(false, &wanted.written, actual)
        }
        Compared::Different(actual) => seen(false, &wanted.written, actual),
        Compared::Unknown(reason) => Seen::Unknown(reason),
    }
}
