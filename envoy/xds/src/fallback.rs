//! A dispatch table for a proxy whose filter does not run yet: requests without a key go by Envoy's own routes.
//!
//! Where a filter is added to a proxy that serves already, table and filter arrive one after the other. This table is right for
//! both: a request with a key takes the route of the key, and one without a key takes the route that Envoy itself
//! chooses, by native routes that mean the same. It is for the time in between only: a request that a filter should have seen,
//! and did not, must not be routed later on.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::route::{RouteConfiguration, RouteList, VirtualHost};
use fingerpost_envoy_config::xds::{
    HttpRequestHeaderMatchInput, MatchAction, MatchInput, MatchMap, Matcher, MatcherTree, MatcherType,
    OnMatch,
};

use crate::tables::{Base, joined};

/// The keys that a filter may write for the requests of each domain.
pub type KeysByDomain<'k> = BTreeMap<&'k str, BTreeSet<&'k str>>;

/// The table of `keyed`, with the routes of `native` for requests without a key.
///
/// Each domain has a virtual host of its own, for its own routes, so it is given no keys but those in `keys`. `native` is what the same resources come to for an Envoy without the filter: its virtual hosts have routes, and no keys. A
/// `keyed` that matches by itself can't be joined: none.
pub fn with_native_routes(
    keyed: &RouteConfiguration,
    native: &RouteConfiguration,
    keys: &KeysByDomain<'_>,
) -> Option<RouteConfiguration> {
    let native = RouteConfiguration {
        virtual_hosts: native.virtual_hosts.iter().map(as_fallback).collect(),
        ..native.clone()
    };
    let mut joined = joined(&apart(keyed, keys), &native, Base::New)?;
    joined.virtual_hosts = joined.virtual_hosts.into_iter().map(without_empty_map).collect();
    Some(joined)
}

/// The table with a virtual host for each domain, which has the keys of that domain alone.
fn apart(table: &RouteConfiguration, keys: &KeysByDomain<'_>) -> RouteConfiguration {
    let none = BTreeSet::new();
    let hosts = table.virtual_hosts.iter().flat_map(|host| {
        host.domains.iter().map(|domain| {
            let keys = keys.get(domain.as_str()).unwrap_or(&none);
            VirtualHost {
                name: domain.clone(),
                domains: vec![domain.clone()],
                matcher: host.matcher.as_ref().map(|it| with_keys(it, keys)),
                require_tls: host.require_tls,
                include_request_attempt_count: host.include_request_attempt_count,
                request_headers_to_remove: host.request_headers_to_remove.clone(),
                ..VirtualHost::default()
            }
        })
    });
    RouteConfiguration {
        virtual_hosts: hosts.collect(),
        ..RouteConfiguration::default()
    }
}

/// The matcher without the keys that are not among `keys`.
fn with_keys(matcher: &Matcher, keys: &BTreeSet<&str>) -> Matcher {
    let matcher_type = match &matcher.matcher_type {
        MatcherType::MatcherList(list) => MatcherType::MatcherList(list.clone()),
        MatcherType::MatcherTree(tree) => {
            let known = keys
                .iter()
                .filter_map(|key| tree.exact_match_map.map.get_key_value(*key));
            MatcherType::MatcherTree(MatcherTree {
                input: tree.input.clone(),
                exact_match_map: MatchMap {
                    map: known.map(|(key, route)| (key.clone(), route.clone())).collect(),
                },
            })
        }
    };
    Matcher {
        matcher_type,
        on_no_match: matcher.on_no_match.clone(),
    }
}

/// The host with its routes behind an empty map of keys.
fn as_fallback(host: &VirtualHost) -> VirtualHost {
    let routes = RouteList {
        routes: host.routes.clone(),
    };
    let on_no_match = OnMatch::Action(Extension {
        name: "routes".to_owned(),
        typed_config: MatchAction::RouteList(routes),
    });
    // The input plays no part: the keys of the other table bring their own.
    let input = Extension {
        name: "dispatch-key".to_owned(),
        typed_config: MatchInput::RequestHeader(HttpRequestHeaderMatchInput {
            header_name: String::new(),
        }),
    };
    VirtualHost {
        routes: Vec::new(),
        matcher: Some(Matcher {
            matcher_type: MatcherType::MatcherTree(MatcherTree {
                input,
                exact_match_map: MatchMap { map: BTreeMap::new() },
            }),
            on_no_match: Some(Box::new(on_no_match)),
        }),
        ..host.clone()
    }
}

/// Envoy takes no map without keys: such a host has its routes again.
fn without_empty_map(host: VirtualHost) -> VirtualHost {
    let Some(matcher) = &host.matcher else {
        return host;
    };
    let MatcherType::MatcherTree(tree) = &matcher.matcher_type else {
        return host;
    };
    if !tree.exact_match_map.map.is_empty() {
        return host;
    }
    let routes = match matcher.on_no_match.as_deref() {
        Some(OnMatch::Action(action)) => match &action.typed_config {
            MatchAction::RouteList(list) => list.routes.clone(),
            MatchAction::Route(route) => vec![(**route).clone()],
        },
        Some(OnMatch::Matcher(_)) | None => Vec::new(),
    };
    VirtualHost {
        routes,
        matcher: None,
        ..host
    }
}

#[cfg(test)]
mod tests {
    use fingerpost_envoy_config::route::{Action, DirectResponseAction, PathSpecifier, Route};

    use super::*;

    fn route(status: u32) -> Route {
        let answer = Action::DirectResponse(DirectResponseAction { status, body: None });
        Route::new(PathSpecifier::Prefix("/".to_owned()).into(), answer)
    }

    #[test]
    fn each_domain_of_a_shared_virtual_host_has_its_own_routes_and_keys() {
        let native = ["a.test", "b.test"].map(|domain| VirtualHost {
            name: domain.to_owned(),
            domains: vec![domain.to_owned()],
            routes: vec![route(if domain == "a.test" { 201 } else { 202 })],
            ..VirtualHost::default()
        });
        let map = ["of-a", "of-b", "of-both"].map(|key| {
            let action = Extension {
                name: "route".to_owned(),
                typed_config: MatchAction::Route(Box::new(route(200))),
            };
            (key.to_owned(), OnMatch::Action(action))
        });
        let shared = VirtualHost {
            name: "shared".to_owned(),
            domains: vec!["a.test".to_owned(), "b.test".to_owned()],
            matcher: Some(Matcher {
                matcher_type: MatcherType::MatcherTree(MatcherTree {
                    input: Extension {
                        name: "dispatch-key".to_owned(),
                        typed_config: MatchInput::RequestHeader(HttpRequestHeaderMatchInput {
                            header_name: "x-key".to_owned(),
                        }),
                    },
                    exact_match_map: MatchMap { map: map.into() },
                }),
                on_no_match: None,
            }),
            ..VirtualHost::default()
        };
        let table = |virtual_hosts| RouteConfiguration {
            virtual_hosts,
            ..RouteConfiguration::default()
        };
        let keys = [
            ("a.test", BTreeSet::from(["of-a", "of-both"])),
            ("b.test", BTreeSet::from(["of-b", "of-both"])),
        ];
        let joined = with_native_routes(&table(vec![shared]), &table(native.to_vec()), &keys.into());
        let hosts = joined.expect("a table").virtual_hosts;
        let seen: Vec<_> = hosts
            .iter()
            .map(|host| {
                let matcher = host.matcher.as_ref().expect("a matcher");
                let MatcherType::MatcherTree(tree) = &matcher.matcher_type else {
                    panic!("{matcher:?}")
                };
                let Some(OnMatch::Action(action)) = matcher.on_no_match.as_deref() else {
                    panic!("{matcher:?}")
                };
                let MatchAction::RouteList(list) = &action.typed_config else {
                    panic!("{action:?}")
                };
                let keys: Vec<&str> = tree.exact_match_map.map.keys().map(String::as_str).collect();
                (host.domains.clone(), keys, list.routes.clone())
            })
            .collect();
        assert_eq!(
            seen,
            [
                (
                    vec!["a.test".to_owned()],
                    vec!["of-a", "of-both"],
                    vec![route(201)]
                ),
                (
                    vec!["b.test".to_owned()],
                    vec!["of-b", "of-both"],
                    vec![route(202)]
                ),
            ]
        );
    }
}
