//! One `HTTPMatchRequest` as the conditions of a route.
//!
//! Decides what each field means to the proxy, and which matches can never apply to it. The order of
//! routes is `virtual_hosts`' matter.
//! Source: istio `pilot/pkg/networking/core/route/route.go`, `TranslateRouteMatch`,
//! `sourceMatchHTTP`; docs/istio-routing.md 2.2 to 2.6.

use std::collections::BTreeMap;

use fingerpost_envoy_config::matcher::{RegexMatcher, StringPattern};
use fingerpost_envoy_config::route::{self, PathSpecifier};
use fingerpost_resources::{HttpMatchRequest, StringMatch};
use fingerpost_routing_config::{HeaderMatch, PathMatch, QueryMatch, RouteMatch, ValueMatch};

use crate::options::Options;

/// The port of a Gateway that a match is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GatewayPort<'a> {
    /// `namespace/name` of the Gateway.
    pub gateway: &'a str,
    /// The port that the Gateway declares.
    pub port: u32,
}

/// Why a match can not apply to any request of a Gateway server. These fields are compared before a request comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// `port` is not the port of the server.
    Port {
        /// The port that the match wants.
        wanted: u32,
        /// The ports of the servers that it could be for.
        servers: Vec<u32>,
    },
    /// `gateways` does not name the Gateway.
    Gateways {
        /// The Gateways that the match names.
        wanted: Vec<String>,
        /// `namespace/name` of the Gateway.
        gateway: String,
    },
    /// The gateway's workload does not have a label of `sourceLabels`.
    SourceLabels {
        /// The label that the match wants, as `key=value`.
        wanted: String,
    },
    /// The gateway's workload is not in `sourceNamespace`.
    SourceNamespace {
        /// The namespace that the match wants.
        wanted: String,
        /// That of the gateway.
        gateway: String,
    },
}

/// Whether `request` can apply to requests of this port: the fields compared here are known before any request comes.
pub(crate) fn applies(request: &HttpMatchRequest, gateway_port: GatewayPort<'_>, options: &Options) -> bool {
    mismatch(request, gateway_port, options).is_none()
}

/// Why `request` cannot apply to any request of this port; none if it can.
pub(crate) fn mismatch(
    request: &HttpMatchRequest,
    gateway_port: GatewayPort<'_>,
    options: &Options,
) -> Option<Mismatch> {
    if let Some(mismatch) = mismatch_of_connection(request.port, &request.gateways, gateway_port) {
        return Some(mismatch);
    }
    if !request.gateways.is_empty() {
        return None;
    }
    // On a gateway these compare the gateway's own workload, never the client.
    let mut labels = request.source_labels.iter();
    if let Some((key, value)) = labels.find(|(key, value)| options.labels.get(*key) != Some(*value)) {
        return Some(Mismatch::SourceLabels {
            wanted: format!("{key}={value}"),
        });
    }
    let wanted = &request.source_namespace;
    (!wanted.is_empty() && *wanted != options.namespace).then(|| Mismatch::SourceNamespace {
        wanted: wanted.clone(),
        gateway: options.namespace.clone(),
    })
}

/// The same for a match of a `tcp` or `tls` rule, of which only the port and the Gateway count (istio gateway.go,
/// `l4SingleMatch`). The Gateways are given as `namespace/name`.
pub(crate) fn mismatch_of_connection(
    port: Option<u32>,
    gateways: &[String],
    gateway_port: GatewayPort<'_>,
) -> Option<Mismatch> {
    if let Some(wanted) = port.filter(|port| *port != 0 && *port != gateway_port.port) {
        return Some(Mismatch::Port {
            wanted,
            servers: vec![gateway_port.port],
        });
    }
    let names_it = gateways.is_empty() || gateways.iter().any(|gateway| gateway == gateway_port.gateway);
    (!names_it).then(|| Mismatch::Gateways {
        wanted: gateways.to_vec(),
        gateway: gateway_port.gateway.to_owned(),
    })
}

/// The conditions that a rule without matches has: every path that starts with a slash.
pub(crate) fn everything() -> RouteMatch {
    RouteMatch::path(PathMatch::default())
}

/// The conditions that `request` puts on a request.
pub(crate) fn conditions(request: &HttpMatchRequest) -> RouteMatch {
    let path = match &request.uri {
        Some(StringMatch::Exact(text)) => PathMatch::Exact(text.clone()),
        Some(StringMatch::Prefix(text)) => PathMatch::Prefix(text.clone()),
        Some(StringMatch::Regex(text)) => PathMatch::Regex(text.clone()),
        Some(StringMatch::Present) | None => PathMatch::default(),
    };
    let mut headers = Vec::new();
    for (name, matcher) in &request.headers {
        headers.push(header(name, matcher));
    }
    for (name, matcher) in &request.without_headers {
        headers.push(without_header(name, matcher));
    }
    for (name, matcher) in [
        (":method", &request.method),
        (":authority", &request.authority),
        (":scheme", &request.scheme),
    ] {
        headers.extend(matcher.as_ref().map(|it| header(name, it)));
    }
    headers.shrink_to_fit();
    let query = request.query_params.iter().map(|(name, matcher)| QueryMatch {
        name: name.clone(),
        // For a query parameter the regex `*` does not test presence, unlike for a header.
        want: value(matcher),
    });
    let folds_case = request.ignore_uri_case == Some(true) && !matches!(path, PathMatch::Regex(_));
    RouteMatch {
        path,
        ignore_case: folds_case,
        headers,
        query: query.collect(),
    }
}

/// Whether nothing can pass by these conditions: such a route ends its VirtualService, and sinks below
/// those of others (istio route.go, `IsCatchAllRoute`). The literals count, not what they mean.
pub(crate) fn is_catch_all(conditions: &RouteMatch) -> bool {
    let path = match &conditions.path {
        PathMatch::Prefix(text) => text == "/",
        PathMatch::Regex(text) => text == ".*",
        PathMatch::Exact(_) => false,
    };
    path && conditions.headers.is_empty() && conditions.query.is_empty()
}

fn value(matcher: &StringMatch) -> ValueMatch {
    match matcher {
        StringMatch::Present => ValueMatch::Present,
        StringMatch::Exact(text) => ValueMatch::Exact(text.clone()),
        StringMatch::Prefix(text) => ValueMatch::Prefix(text.clone()),
        StringMatch::Regex(text) => ValueMatch::Regex(text.clone()),
    }
}

/// A header's condition. The regex `*` tests presence (istio route.go, `canBeConvertedToPresentMatch`).
fn header_value(matcher: &StringMatch) -> ValueMatch {
    match matcher {
        StringMatch::Regex(text) if text == "*" => ValueMatch::Present,
        other => value(other),
    }
}

fn header(name: &str, matcher: &StringMatch) -> HeaderMatch {
    if is_claim(name) {
        return claim(true);
    }
    HeaderMatch {
        name: name.to_owned(),
        want: header_value(matcher),
        invert: false,
        missing_as_empty: false,
    }
}

fn without_header(name: &str, matcher: &StringMatch) -> HeaderMatch {
    if is_claim(name) {
        return claim(false);
    }
    let want = header_value(matcher);
    let missing_as_empty = want != ValueMatch::Present;
    HeaderMatch {
        name: name.to_owned(),
        want,
        invert: true,
        missing_as_empty,
    }
}

/// Whether a header's name asks for a claim of a token (istio `pkg/jwt/routing.go`, `ToRoutingClaim`).
pub(crate) fn is_claim(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("@request.auth.claims")
}

/// A condition on a claim of a token, written in `headers` or `withoutHeaders`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimMatch {
    /// As it is written, such as `@request.auth.claims.group`.
    pub name: String,
    /// What the claim must be, or must not be.
    pub want: ValueMatch,
    /// Whether it is in `headers`. No token is verified here: such a condition never holds, and the other always does.
    pub is_wanted: bool,
}

impl ClaimMatch {
    /// What represents it among the conditions of a route.
    pub fn is_stand_in(&self, header: &HeaderMatch) -> bool {
        *header == claim(self.is_wanted)
    }
}

/// The conditions on claims of a match.
pub(crate) fn claims(request: &HttpMatchRequest) -> Vec<ClaimMatch> {
    let of = |headers: &BTreeMap<String, StringMatch>, is_wanted: bool| {
        let claims = headers.iter().filter(|(name, _)| is_claim(name));
        let claims = claims.map(|(name, matcher)| ClaimMatch {
            name: name.clone(),
            want: header_value(matcher),
            is_wanted,
        });
        claims.collect::<Vec<ClaimMatch>>()
    };
    [of(&request.headers, true), of(&request.without_headers, false)].concat()
}

/// A token's claim. No token is verified here, so none has claims: a wanted claim is never there, an
/// unwanted one never is either. Every request has a method, which makes both expressible.
fn claim(wanted: bool) -> HeaderMatch {
    HeaderMatch {
        name: ":method".to_owned(),
        want: ValueMatch::Present,
        invert: wanted,
        missing_as_empty: false,
    }
}

/// The conditions as an Envoy `RouteMatch`.
pub(crate) fn native(conditions: &RouteMatch) -> route::RouteMatch {
    route::RouteMatch {
        headers: conditions.headers.iter().map(native_header).collect(),
        query_parameters: conditions.query.iter().map(native_query).collect(),
        ..native_path(conditions)
    }
}

/// The path's condition alone.
pub(crate) fn native_path(conditions: &RouteMatch) -> route::RouteMatch {
    let path = match &conditions.path {
        PathMatch::Exact(text) => PathSpecifier::Path(text.clone()),
        PathMatch::Prefix(text) => PathSpecifier::Prefix(text.clone()),
        PathMatch::Regex(text) => PathSpecifier::SafeRegex(RegexMatcher::new(text)),
    };
    route::RouteMatch {
        case_sensitive: conditions.ignore_case.then_some(false),
        ..path.into()
    }
}

fn native_header(header: &HeaderMatch) -> route::HeaderMatcher {
    route::HeaderMatcher {
        name: header.name.clone(),
        value: match native_value(&header.want) {
            None => route::HeaderMatch::PresentMatch(true),
            Some(pattern) => route::HeaderMatch::StringMatch(pattern.into()),
        },
        invert_match: header.invert,
        treat_missing_header_as_empty: header.missing_as_empty,
    }
}

fn native_query(parameter: &QueryMatch) -> route::QueryParameterMatcher {
    route::QueryParameterMatcher {
        name: parameter.name.clone(),
        value: match native_value(&parameter.want) {
            None => route::QueryParameterMatch::PresentMatch(true),
            Some(pattern) => route::QueryParameterMatch::StringMatch(pattern.into()),
        },
    }
}

/// The pattern of a value; none where it must only be there.
fn native_value(want: &ValueMatch) -> Option<StringPattern> {
    Some(match want {
        ValueMatch::Present => return None,
        ValueMatch::Exact(text) => StringPattern::Exact(text.clone()),
        ValueMatch::Prefix(text) => StringPattern::Prefix(text.clone()),
        ValueMatch::Regex(text) => StringPattern::SafeRegex(RegexMatcher::new(text)),
    })
}
