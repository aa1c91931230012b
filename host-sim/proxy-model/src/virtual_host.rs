//! Route tables: which virtual host a request belongs to, and which of its routes takes it.

use std::collections::HashMap;

use fingerpost_envoy_config::core::{Extension, HeaderValueOption};
use fingerpost_envoy_config::route::TlsRequirement;
use fingerpost_envoy_config::xds::{MatchAction, MatchInput, OnMatch};
use fingerpost_envoy_http::domain::fit;
use fingerpost_envoy_http::header_map::{Headers, get, values};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::ModelError;
use crate::edits::Edits;
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

/// A `RouteConfiguration` without its virtual hosts, which are read one by one: an error then names the host.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableHead {
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

/// A `VirtualHost` without its routes, which are read one by one: an error then names the route.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostHead {
    name: String,
    domains: Vec<String>,
    #[serde(default, rename = "routes")]
    _routes: Ignored,
    matcher: Option<MatcherHead>,
    #[serde(default)]
    require_tls: TlsRequirement,
    #[serde(default)]
    include_request_attempt_count: bool,
    #[serde(default)]
    request_headers_to_add: Vec<HeaderValueOption>,
    #[serde(default)]
    request_headers_to_remove: Vec<String>,
    #[serde(default)]
    response_headers_to_add: Vec<HeaderValueOption>,
    #[serde(default)]
    response_headers_to_remove: Vec<String>,
}

/// A `Matcher` over a key without its routes, of which there can be thousands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatcherHead {
    matcher_tree: TreeHead,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TreeHead {
    input: Extension<MatchInput>,
    #[serde(rename = "exact_match_map")]
    _exact_match_map: MapHead,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MapHead {
    #[serde(rename = "map")]
    _map: Ignored,
}

impl RouteTable {
    /// Reads a `RouteConfiguration`.
    pub(crate) fn read(value: &Value) -> Result<Self, ModelError> {
        let head: TableHead = message(value)?;
        let hosts = list(value, "virtual_hosts")?;
        let mut table = Self {
            exact: HashMap::new(),
            wildcards: Vec::new(),
            ignores_port: head.ignore_port_in_host_matching,
            hosts: Vec::with_capacity(hosts.len()),
        };
        for value in hosts {
            let head: HostHead = message(value)?;
            let index = table.hosts.len();
            for domain in &head.domains {
                let domain = domain.to_ascii_lowercase();
                if domain.contains('*') {
                    table.wildcards.push((domain, index));
                } else {
                    table.exact.insert(domain, index);
                }
            }
            let name = head.name.clone();
            table
                .hosts
                .push(VirtualHost::read(value, head).map_err(|error| error.within(name))?);
        }
        Ok(table)
    }

    /// The header that decides about the route of a request, if only a run knows its value.
    pub(crate) fn undecided(&self, request: &Headers) -> Option<&str> {
        let host = self.virtual_host(get(request, ":authority").unwrap_or_default())?;
        let routes = match &host.routes {
            Routes::Listed(routes) => routes,
            // The filter tries the conditions.
            Routes::Keyed { .. } => return None,
        };
        let mut open = routes.iter().map(|it| (it.matches.undecided(request), it));
        let (undecided, _) =
            open.find(|(undecided, it)| undecided.is_some() || it.matches.accepts(request))?;
        undecided
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
    fn read(value: &Value, head: HostHead) -> Result<Self, ModelError> {
        let routes = match head.matcher {
            None => {
                let routes = list(value, "routes")?;
                let routes = routes.iter().enumerate().map(|(index, value)| {
                    Route::read(value).map_err(|error| error.within(format!("routes[{index}]")))
                });
                Routes::Listed(routes.collect::<Result<_, _>>()?)
            }
            Some(matcher) => {
                let map = value.pointer("/matcher/matcher_tree/exact_match_map/map");
                Routes::read(matcher, map.and_then(Value::as_object))?
            }
        };
        Ok(Self {
            // All clients are external ones to a gateway.
            requires_tls: head.require_tls != TlsRequirement::None,
            counts_attempts: head.include_request_attempt_count,
            request_edits: Edits::read(head.request_headers_to_add, head.request_headers_to_remove),
            response_edits: Edits::read(head.response_headers_to_add, head.response_headers_to_remove),
            routes,
        })
    }

    fn route(&self, request: &Headers) -> Option<&Route> {
        match &self.routes {
            Routes::Listed(routes) => routes.iter().find(|it| it.matches.accepts(request)),
            Routes::Keyed { header, routes } => {
                let route = routes.get(&joined(request, header)?)?;
                Some(route).filter(|it| it.matches.accepts(request))
            }
        }
    }
}

impl Routes {
    /// Reads a `Matcher` over the key, whose routes are in `map`.
    fn read(matcher: MatcherHead, map: Option<&Map<String, Value>>) -> Result<Self, ModelError> {
        let keyed = map.into_iter().flatten().map(|(key, value)| {
            let within = |error: ModelError| error.within(format!("matcher: {key}"));
            let OnMatch::Action(action) = message(value).map_err(within)? else {
                return Err(within(ModelError::new("expected an action")));
            };
            let MatchAction::Route(route) = action.typed_config else {
                return Err(within(ModelError::new("expected one route")));
            };
            Ok((key.clone().into_bytes(), Route::of(*route).map_err(within)?))
        });
        let MatchInput::RequestHeader(input) = matcher.matcher_tree.input.typed_config;
        Ok(Self::Keyed {
            header: input.header_name.to_ascii_lowercase(),
            routes: keyed.collect::<Result<_, ModelError>>()?,
        })
    }
}

/// The value of a header. Envoy's matchers read several as one text.
fn joined(request: &Headers, name: &str) -> Option<Vec<u8>> {
    let all: Vec<&[u8]> = values(request, name).collect();
    (!all.is_empty()).then(|| all.join(&b","[..]))
}
