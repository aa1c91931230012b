//! Route tables: which virtual host a request belongs to, and which of its routes takes it.

use std::collections::HashMap;

use fingerpost_envoy_http::domain::fit;
use fingerpost_envoy_http::header_map::{Headers, get};
use serde::Deserialize;
use serde_json::Value;

use crate::ModelError;
use crate::edits::{Edits, WrittenEdit};
use crate::predicate::{Extension, HeaderInput, Predicate, WrittenPredicate, joined};
use crate::read::{Ignored, list, message};
use crate::route::Route;

/// A `RouteConfiguration`.
#[derive(Debug)]
pub(crate) struct RouteTable {
    /// The virtual host of each domain without a star, in lower case.
    exact: HashMap<String, usize>,
    /// The other domains, in lower case.
    wildcards: Vec<(String, usize)>,
    ignores_port: bool,
    hosts: Vec<VirtualHost>,
}

/// A `VirtualHost`.
#[derive(Debug)]
pub(crate) struct VirtualHost {
    requires_tls: bool,
    pub(crate) counts_attempts: bool,
    pub(crate) request_edits: Edits,
    pub(crate) response_edits: Edits,
    routes: Routes,
}

/// How a virtual host finds a route.
#[derive(Debug)]
enum Routes {
    /// The first that accepts the request.
    Listed(Vec<Route>),
    /// The one behind the key in this header, if it accepts the request.
    Keyed {
        header: String,
        routes: HashMap<Vec<u8>, Route>,
        /// Where there is none behind the key: the first of these that holds, and of its routes the first that
        /// accepts the request.
        otherwise: Vec<(Predicate, Vec<Route>)>,
    },
}

/// What a table says about a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RouteLookup<'m> {
    Route(&'m VirtualHost, &'m Route),
    /// It must be sent again, over TLS.
    ToHttps,
    Nothing,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTable {
    #[serde(default, rename = "name")]
    _name: Ignored,
    #[serde(default, rename = "virtual_hosts")]
    _virtual_hosts: Ignored,
    #[serde(default, rename = "validate_clusters")]
    _validate_clusters: Ignored,
    #[serde(default)]
    ignore_port_in_host_matching: bool,
    #[serde(default, rename = "max_direct_response_body_size_bytes")]
    _max_body: Ignored,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHost {
    name: String,
    domains: Vec<String>,
    #[serde(default, rename = "routes")]
    _routes: Ignored,
    matcher: Option<Matcher>,
    #[serde(default)]
    require_tls: RequireTls,
    #[serde(default)]
    include_request_attempt_count: bool,
    #[serde(default)]
    request_headers_to_add: Vec<WrittenEdit>,
    #[serde(default)]
    request_headers_to_remove: Vec<String>,
    #[serde(default)]
    response_headers_to_add: Vec<WrittenEdit>,
    #[serde(default)]
    response_headers_to_remove: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum RequireTls {
    #[default]
    None,
    ExternalOnly,
    All,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Matcher {
    matcher_tree: MatcherTree,
    on_no_match: Option<OnNoMatch>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatcherTree {
    input: Extension<HeaderInput>,
    exact_match_map: MatchMap,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchMap {
    map: HashMap<String, OnMatch>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnMatch {
    #[serde(rename = "action")]
    _action: Extension<Ignored>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnNoMatch {
    matcher: ListMatcher,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListMatcher {
    matcher_list: MatcherList,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatcherList {
    matchers: Vec<FieldMatcher>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldMatcher {
    predicate: WrittenPredicate,
    on_match: OnPredicate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnPredicate {
    action: Extension,
}

impl RouteTable {
    /// Reads a `RouteConfiguration`.
    pub(crate) fn read(value: &Value) -> Result<Self, ModelError> {
        let written: WrittenTable = message(value)?;
        let hosts = list(value, "virtual_hosts")?;
        let mut table = Self {
            exact: HashMap::new(),
            wildcards: Vec::new(),
            ignores_port: written.ignore_port_in_host_matching,
            hosts: Vec::with_capacity(hosts.len()),
        };
        for value in hosts {
            let written: WrittenHost = message(value)?;
            let index = table.hosts.len();
            for domain in &written.domains {
                let domain = domain.to_ascii_lowercase();
                if domain.contains('*') {
                    table.wildcards.push((domain, index));
                } else {
                    table.exact.insert(domain, index);
                }
            }
            let name = written.name.clone();
            table
                .hosts
                .push(VirtualHost::read(value, written).map_err(|error| error.within(name))?);
        }
        Ok(table)
    }

    /// The route of a request.
    pub(crate) fn find(&self, request: &Headers) -> RouteLookup<'_> {
        let authority = get(request, ":authority").unwrap_or_default();
        let Some(host) = self.virtual_host(authority) else {
            return RouteLookup::Nothing;
        };
        if host.requires_tls && get(request, "x-forwarded-proto") != Some(b"https") {
            return RouteLookup::ToHttps;
        }
        host.route(request)
            .map_or(RouteLookup::Nothing, |route| RouteLookup::Route(host, route))
    }

    fn virtual_host(&self, authority: &[u8]) -> Option<&VirtualHost> {
        let name = match self.ignores_port {
            true => without_port(authority),
            false => authority,
        };
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let exact = self.exact.get(&name).copied();
        let index = exact.or_else(|| {
            let domains = self.wildcards.iter();
            let fitting = domains.filter_map(|(domain, index)| Some((fit(domain, &name)?, *index)));
            fitting.max_by_key(|(fit, _)| *fit).map(|(_, index)| index)
        })?;
        self.hosts.get(index)
    }
}

/// The colons of an IPv6 address begin no port.
fn without_port(authority: &[u8]) -> &[u8] {
    let Some(colon) = authority.iter().rposition(|byte| *byte == b':') else {
        return authority;
    };
    match authority[colon..].contains(&b']') {
        true => authority,
        false => &authority[..colon],
    }
}

impl VirtualHost {
    fn read(value: &Value, written: WrittenHost) -> Result<Self, ModelError> {
        let routes = match written.matcher {
            None => {
                let routes = list(value, "routes")?;
                let routes = routes.iter().enumerate().map(|(index, value)| {
                    Route::read(value).map_err(|error| error.within(format!("routes[{index}]")))
                });
                Routes::Listed(routes.collect::<Result<_, _>>()?)
            }
            Some(matcher) => {
                let map = value.pointer("/matcher/matcher_tree/exact_match_map/map");
                Routes::read(matcher, map.unwrap_or(&Value::Null))?
            }
        };
        Ok(Self {
            // All clients are external ones to a gateway.
            requires_tls: written.require_tls != RequireTls::None,
            counts_attempts: written.include_request_attempt_count,
            request_edits: Edits::read(written.request_headers_to_add, written.request_headers_to_remove),
            response_edits: Edits::read(
                written.response_headers_to_add,
                written.response_headers_to_remove,
            ),
            routes,
        })
    }

    fn route(&self, request: &Headers) -> Option<&Route> {
        match &self.routes {
            Routes::Listed(routes) => routes.iter().find(|it| it.matches.accepts(request)),
            Routes::Keyed {
                header,
                routes,
                otherwise,
            } => {
                let accepts = |route: &&Route| route.matches.accepts(request);
                if let Some(route) = joined(request, header).and_then(|key| routes.get(&key)) {
                    return Some(route).filter(accepts);
                }
                let (_, routes) = otherwise.iter().find(|(it, _)| it.accepts(request))?;
                routes.iter().find(accepts)
            }
        }
    }
}

impl Routes {
    /// Reads a `Matcher` over the key. The routes are read in place, in `map`.
    fn read(matcher: Matcher, map: &Value) -> Result<Self, ModelError> {
        let tree = matcher.matcher_tree;
        let behind = |route: &Value, place: &str| {
            Route::read(route).map_err(|error| error.within(format!("matcher: {place}")))
        };
        let keyed = tree.exact_match_map.map.into_keys().map(|key| {
            let entry = map.get(&key).and_then(|it| it.pointer("/action/typed_config"));
            let route = behind(entry.unwrap_or(&Value::Null), &key)?;
            Ok((key.into_bytes(), route))
        });
        let unkeyed = matcher.on_no_match.map(|it| it.matcher.matcher_list.matchers);
        let unkeyed = unkeyed.into_iter().flatten().map(|it| {
            let listed = list(&it.on_match.action.typed_config, "routes")?;
            let routes = listed.iter().map(|route| behind(route, "on_no_match"));
            Ok((
                Predicate::read(it.predicate)?,
                routes.collect::<Result<_, ModelError>>()?,
            ))
        });
        Ok(Self::Keyed {
            header: tree.input.typed_config.name(),
            routes: keyed.collect::<Result<_, ModelError>>()?,
            otherwise: unkeyed.collect::<Result<_, ModelError>>()?,
        })
    }
}
