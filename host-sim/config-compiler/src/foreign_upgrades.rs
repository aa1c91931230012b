//! Upgrades to a protocol that the gateway does not know, in a virtual host whose routes are found by key.
//!
//! Envoy refuses such a request with 403 before any filter runs, but only where a route takes it by then, and with that
//! route's edits of the response; where none does, the filters run and the answer is 404
//! (`ConnectionManagerImpl::ActiveStream::decodeHeaders`). No filter has written a key yet, so these requests alone are
//! matched by Envoy itself, against the same conditions.

use std::rc::Rc;

use fingerpost_envoy_config::Empty;
use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::matcher::{RegexMatcher, StringMatcher, StringPattern};
use fingerpost_envoy_config::route::{self, Action, DirectResponseAction, RouteList};
use fingerpost_envoy_config::xds::{
    FieldMatcher, HttpRequestHeaderMatchInput, MatchAction, MatchInput, Matcher, MatcherList, MatcherType,
    OnMatch, Predicate, PredicateList, SinglePredicate,
};
use fingerpost_routing_config::PathMatch;

use crate::matching;
use crate::native;
use crate::routes::route::{Destinations, Route, Target};

/// A `Connection` with the token `upgrade`, as Envoy reads it. No other request may be matched here: one that
/// Envoy would not refuse could reach an upstream that no filter chose.
const UPGRADES: &str = r"(?i)(?:.*,)?[\s\x0b]*upgrade[\s\x0b]*(?:,.*)?";

/// The matcher of a virtual host with these routes, for requests without a key.
pub(crate) fn matcher(routes: &[Rc<Route<'_>>]) -> Matcher {
    let upgrades = header("connection", regex(UPGRADES));
    let to_something = header("upgrade", regex(".*"));
    let websocket = StringMatcher {
        pattern: StringPattern::Exact("websocket".to_owned()),
        ignore_case: true,
    };
    let to_websocket = header("upgrade", websocket);
    let list = RouteList {
        routes: refusing(routes),
    };
    Matcher {
        matcher_type: MatcherType::MatcherList(MatcherList {
            matchers: vec![FieldMatcher {
                predicate: Predicate::AndMatcher(PredicateList {
                    predicate: vec![
                        upgrades,
                        to_something,
                        Predicate::NotMatcher(Box::new(to_websocket)),
                    ],
                }),
                on_match: OnMatch::Action(Extension {
                    name: "routes".to_owned(),
                    typed_config: MatchAction::RouteList(list),
                }),
            }],
        }),
        on_no_match: None,
    }
}

fn regex(regex: &str) -> StringMatcher {
    let regex = RegexMatcher {
        google_re2: Some(Empty {}),
        regex: regex.to_owned(),
    };
    StringPattern::SafeRegex(regex).into()
}

fn header(name: &str, value_match: StringMatcher) -> Predicate {
    Predicate::SinglePredicate(SinglePredicate {
        input: input(name, name),
        value_match,
    })
}

/// A header of the request as the input of a matcher; `name` is for people.
pub(crate) fn input(name: &str, header: &str) -> Extension<MatchInput> {
    Extension {
        name: name.to_owned(),
        typed_config: MatchInput::RequestHeader(HttpRequestHeaderMatchInput {
            header_name: header.to_owned(),
        }),
    }
}

/// The routes by which Envoy refuses: those that edit the response whole, of the others only the condition.
fn refusing(routes: &[Rc<Route<'_>>]) -> Vec<route::Route> {
    let reached = routes
        .iter()
        .position(|it| takes_all(it))
        .map_or(routes, |last| &routes[..=last]);
    // In front of a route that takes all, those that would refuse alike change nothing.
    let refuses_alike = |route: &&Rc<Route<'_>>| !edits_responses(route);
    let (rest, last) = match reached.split_last() {
        Some((last, rest)) if takes_all(last) && refuses_alike(&last) => {
            let alike = rest.iter().rev().take_while(refuses_alike).count();
            (&rest[..rest.len() - alike], Some(last))
        }
        Some(_) | None => (reached, None),
    };
    rest.iter().chain(last).map(|it| refusal(it)).collect()
}

fn refusal(route: &Route<'_>) -> route::Route {
    if edits_responses(route) {
        return native::matching_route(route);
    }
    let refused = Action::DirectResponse(DirectResponseAction {
        status: 403,
        body: None,
    });
    route::Route::new(matching::native(&route.conditions), refused)
}

/// Whether a refusal by this route would be edited: only a route with a cluster edits what Envoy itself answers.
fn edits_responses(route: &Route<'_>) -> bool {
    let Target::Forward(forward) = &route.target else {
        return false;
    };
    let by_a_share = match &forward.destinations {
        Destinations::One(_) => false,
        Destinations::Split(shares) => shares.iter().any(|share| !share.edits.response.is_empty()),
    };
    by_a_share || !route.edits.response.is_empty()
}

fn takes_all(route: &Route<'_>) -> bool {
    let conditions = &route.conditions;
    conditions.path == PathMatch::Prefix("/".to_owned())
        && conditions.headers.is_empty()
        && conditions.query.is_empty()
}
