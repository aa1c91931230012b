//! All that can be seen of one request, as named texts: what the client got, what upstreams got, what Envoy logged.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_envoy_runner::Received;
use serde_json::{Value, json};

use crate::case::{Rule, rule_format};
use crate::client::{Failure, Reply};
use crate::compare::Difference;

/// What came of a request. Without what differs from one request to the next: ids, dates, times.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer(BTreeMap<String, String>);

/// The field that names the rule.
const LOGGED_RULE: &str = "log: rule";

/// What Envoy is to log of a request, beside its number.
pub(super) fn log_format() -> Value {
    json!({
        "case": "%REQ(X-CASE)%",
        "rule": rule_format(),
        "route name": "%ROUTE_NAME%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "upstream cluster": "%UPSTREAM_CLUSTER%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "original path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    })
}

impl Answer {
    pub(super) fn new(reply: &Result<Reply, Failure>, received: &[Received], logged: Option<&Value>) -> Self {
        let mut fields = BTreeMap::new();
        match reply {
            Ok(reply) => client_side(reply, &mut fields),
            Err(failure) => drop(fields.insert("status".to_owned(), failure.as_str().to_owned())),
        }
        upstream_side(received, &mut fields);
        for (name, value) in logged.and_then(Value::as_object).into_iter().flatten() {
            if name == "rule" {
                let rule = Rule::logged(value).map(|it| it.to_string());
                fields.extend(rule.map(|it| (LOGGED_RULE.to_owned(), it)));
            } else if name != "case" {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                fields.insert(format!("log: {name}"), text);
            }
        }
        Self(fields)
    }

    #[cfg(test)]
    pub(super) fn with_status(status: &str) -> Self {
        Self(BTreeMap::from([("status".to_owned(), status.to_owned())]))
    }

    /// The status, or why there was none.
    #[must_use]
    pub fn status(&self) -> &str {
        self.0.get("status").map_or("", String::as_str)
    }

    /// What is said of one field, if anything.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Takes away what differs, and is meant to, where both refuse an upgrade that a rule takes. Envoy's router does so by a route
    /// that forwards. Our filter leads the request to one that answers, so the log has other details and no cluster, and an
    /// edit of the response can show either.
    pub(super) fn refuse_alike(answers: &mut [Self; 2]) {
        let details = answers.each_ref().map(|it| it.field("log: details"));
        if details != [Some("upgrade_failed"), Some("direct_response")] {
            return;
        }
        let shows_it = |header: &&str| {
            let mut shown = ["upgrade_failed", "direct_response", "outbound|"].iter();
            shown.any(|it| header.contains(it))
        };
        for answer in answers {
            for name in ["log: details", "log: route name", "log: upstream cluster"] {
                answer.0.remove(name);
            }
            if let Some(response) = answer.0.get_mut("response") {
                let headers = response.split(", ").filter(|it| !shows_it(it));
                *response = headers.collect::<Vec<_>>().join(", ");
            }
        }
    }

    /// Whether some rule took the request.
    #[must_use]
    pub fn has_rule(&self) -> bool {
        self.field(LOGGED_RULE).is_some()
    }

    /// The fields that differ: `self` as expected, `other` as got.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let names = self
            .0
            .keys()
            .chain(other.0.keys().filter(|it| !self.0.contains_key(*it)));
        let text = |fields: &BTreeMap<String, String>, name| fields.get(name).cloned().unwrap_or_default();
        names
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .map(|name| Difference::new(name, text(&self.0, name), text(&other.0, name)))
            .collect()
    }
}

fn client_side(reply: &Reply, fields: &mut BTreeMap<String, String>) {
    const LEFT_OUT: &[&str] = &["date", "x-envoy-upstream-service-time", "x-request-id"];
    fields.insert("status".to_owned(), reply.status.to_string());
    fields.insert("body".to_owned(), reply.body.escape_ascii().to_string());
    fields.insert("response".to_owned(), headers(&reply.headers, LEFT_OUT));
}

/// Each cluster that was asked: how often, and for what. A mirrored copy may come before its original, so all are sorted.
fn upstream_side(received: &[Received], fields: &mut BTreeMap<String, String>) {
    const LEFT_OUT: &[&str] = &["x-case", "x-request-id"];
    let mut by_cluster: BTreeMap<&str, Vec<&Received>> = BTreeMap::new();
    for request in received {
        by_cluster.entry(&request.cluster).or_default().push(request);
    }
    for (cluster, requests) in by_cluster {
        fields.insert(format!("{cluster}: times asked"), requests.len().to_string());
        let line = |it: &&Received| format!("{} {} {}", it.method, it.authority, it.path);
        // The time that is left at a later attempt depends on chance.
        let is_first = |it: &Received| {
            it.header("x-envoy-attempt-count")
                .is_none_or(|count| count == "1")
        };
        let headers = |it: &&Received| match is_first(it) {
            true => headers(&it.headers, LEFT_OUT),
            false => headers(
                &it.headers,
                &[LEFT_OUT, &["x-envoy-expected-rq-timeout-ms"]].concat(),
            ),
        };
        let sorted = |texts: BTreeSet<String>| texts.into_iter().collect::<Vec<_>>().join("; ");
        fields.insert(
            format!("{cluster}: request"),
            sorted(requests.iter().map(line).collect()),
        );
        fields.insert(
            format!("{cluster}: headers"),
            sorted(requests.iter().map(headers).collect()),
        );
    }
}

/// Sorted by name; values of one name stay in order.
fn headers(headers: &[(String, String)], left_out: &[&str]) -> String {
    let mut kept: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !left_out.contains(&name.as_str()))
        .collect();
    kept.sort_by(|one, other| one.0.cmp(&other.0));
    let lines = kept.iter().map(|(name, value)| match name.as_str() {
        "set-cookie" => format!("{name}: …"),
        _ => format!("{name}: {value}"),
    });
    lines.collect::<Vec<_>>().join(", ")
}
