//! A dispatch table for a proxy whose filter does not run yet: requests without a key go by Envoy's own routes.
//!
//! Where a filter is added to a proxy that serves already, table and filter arrive one after the other. This table is right for
//! both: a request with a key takes the route of the key, and one without a key takes the route that Envoy itself
//! chooses, by native routes that mean the same. It is for the time in between only: a request that a filter should have seen,
//! and did not, must not be routed later on.

use std::collections::BTreeMap;

use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::route::{RouteConfiguration, RouteList, VirtualHost};
use fingerpost_envoy_config::xds::{
    HttpRequestHeaderMatchInput, MatchAction, MatchInput, MatchMap, Matcher, MatcherTree, MatcherType,
    OnMatch,
};

use crate::tables::union;

/// The table of `keyed`, with the routes of `native` for requests without a key.
///
/// `native` is what the same resources come to for an Envoy without the filter: its virtual hosts have routes, and no keys. A
/// `keyed` that matches by itself can't be joined: none.
pub fn with_native_routes(
    keyed: &RouteConfiguration,
    native: &RouteConfiguration,
) -> Option<RouteConfiguration> {
    let native = RouteConfiguration {
        virtual_hosts: native.virtual_hosts.iter().map(as_fallback).collect(),
        ..native.clone()
    };
    // What is done without a key is decided by the second table.
    let mut joined = union(keyed, &native)?;
    joined.virtual_hosts = joined.virtual_hosts.into_iter().map(without_empty_map).collect();
    Some(joined)
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
