//! Upgrades to a protocol that the gateway does not know, in a virtual host whose routes are found by key.
//!
//! Envoy refuses such a request with 403 before any filter runs, but only where a route takes it by then, and with that
//! route's edits of the response; where none does, the filters run and the answer is 404
//! (`ConnectionManagerImpl::ActiveStream::decodeHeaders`). No filter has written a key yet, so these requests alone are
//! matched by Envoy itself, against the same conditions.

use fingerpost_routing_config::PathMatch;
use serde_json::{Value, json};

use crate::matching;
use crate::native;
use crate::proto::{Fields, fields, typed};
use crate::routes::{Route, Target};

/// A `Connection` with the token `upgrade`, as Envoy reads it. No other request may be matched here: one that
/// Envoy would not refuse could reach an upstream that no filter chose.
const UPGRADES: &str = r"(?i)(?:.*,)?[\s\x0b]*upgrade[\s\x0b]*(?:,.*)?";

/// The matcher of a virtual host with these routes, for requests without a key.
pub(crate) fn matcher(routes: &[Route<'_>]) -> Value {
    let regex = |regex: &str| json!({"safe_regex": {"google_re2": {}, "regex": regex}});
    let upgrades = header("connection", &regex(UPGRADES));
    let to_something = header("upgrade", &regex(".*"));
    let to_websocket = header("upgrade", &json!({"exact": "websocket", "ignore_case": true}));
    let list = typed(
        "envoy.config.route.v3.RouteList",
        fields(json!({"routes": refusing(routes)})),
    );
    json!({"matcher_list": {"matchers": [{
        "predicate": {"and_matcher": {"predicate": [upgrades, to_something, {"not_matcher": to_websocket}]}},
        "on_match": {"action": {"name": "routes", "typed_config": list}},
    }]}})
}

fn header(name: &str, value: &Value) -> Value {
    let input = typed(
        "envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
        fields(json!({"header_name": name})),
    );
    json!({"single_predicate": {"input": {"name": name, "typed_config": input}, "value_match": value}})
}

/// The routes by which Envoy refuses: those that edit the response whole, of the others only the condition.
fn refusing(routes: &[Route<'_>]) -> Vec<Value> {
    let reached = routes
        .iter()
        .position(takes_all)
        .map_or(routes, |last| &routes[..=last]);
    // In front of a route that takes all, those that would refuse alike change nothing.
    let refuses_alike = |route: &&Route<'_>| !edits_responses(route);
    let (rest, last) = match reached.split_last() {
        Some((last, rest)) if takes_all(last) && refuses_alike(&last) => {
            let alike = rest.iter().rev().take_while(refuses_alike).count();
            (&rest[..rest.len() - alike], Some(last))
        }
        Some(_) | None => (reached, None),
    };
    rest.iter().chain(last).map(refusal).collect()
}

fn refusal(route: &Route<'_>) -> Value {
    if edits_responses(route) {
        return native::route(route);
    }
    json!({"match": matching::native(&route.conditions), "direct_response": {"status": 403}})
}

/// Whether a refusal by this route would be edited: only a route with a cluster edits what Envoy itself answers.
fn edits_responses(route: &Route<'_>) -> bool {
    let has_edits = |fields: &Fields| fields.keys().any(|name| name.starts_with("response_headers_to_"));
    match &route.target {
        Target::Cluster { .. } => has_edits(&route.outer),
        Target::Split { shares, .. } => {
            has_edits(&route.outer) || shares.iter().any(|share| has_edits(&share.edits))
        }
        Target::Redirect(_) | Target::DirectResponse(_) => false,
    }
}

fn takes_all(route: &Route<'_>) -> bool {
    let conditions = &route.conditions;
    conditions.path == PathMatch::Prefix("/".to_owned())
        && conditions.headers.is_empty()
        && conditions.query.is_empty()
}
