//! VirtualService: which requests go where, as in
//! <https://istio.io/latest/docs/reference/config/networking/virtual-service/>.
//!
//! What else a rule does with a request (rewrite, retries, faults) is declared in `http_policy`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::decode::{Decode, Decoder, Field, OneOf, Schema, decode_alone, message};
use crate::http_policy::{
    CorsPolicy, Headers, HttpDirectResponse, HttpFaultInjection, HttpMirrorPolicy, HttpRedirect, HttpRetry,
    HttpRewrite, Percent,
};
use crate::yaml::{Entry, Node};

message! {
    /// Rules for the traffic to some hosts.
    struct VirtualService "VirtualService" {
        hosts: Vec<String>,
        gateways: Vec<String>,
        http: Vec<HttpRoute>,
        tls: Vec<TlsRoute>,
        tcp: Vec<TcpRoute>,
        export_to: Vec<String>,
    }

    /// A rule for HTTP requests.
    struct HttpRoute "HTTPRoute" {
        name: String,
        /// Any of them will do; without any the rule takes every request.
        matches: Vec<HttpMatchRequest> = "match",
        route: Vec<HttpRouteDestination>,
        redirect: Option<Box<HttpRedirect>>,
        direct_response: Option<Box<HttpDirectResponse>>,
        delegate: Option<Box<Delegate>>,
        rewrite: Option<Box<HttpRewrite>>,
        timeout: Option<Duration>,
        retries: Option<Box<HttpRetry>>,
        fault: Option<Box<HttpFaultInjection>>,
        mirror: Option<Box<Destination>>,
        mirrors: Vec<HttpMirrorPolicy>,
        /// Deprecated: `mirror_percentage` replaces it.
        mirror_percent: Option<u32>,
        mirror_percentage: Option<Percent>,
        cors_policy: Option<Box<CorsPolicy>>,
        headers: Option<Box<Headers>>,
    }

    /// Conditions on a request, all of which must hold.
    struct HttpMatchRequest "HTTPMatchRequest" {
        name: String,
        uri: Option<StringMatch>,
        scheme: Option<StringMatch>,
        method: Option<StringMatch>,
        authority: Option<StringMatch>,
        headers: BTreeMap<String, StringMatch>,
        port: Option<u32>,
        source_labels: BTreeMap<String, String>,
        gateways: Vec<String>,
        query_params: BTreeMap<String, StringMatch>,
        ignore_uri_case: Option<bool>,
        without_headers: BTreeMap<String, StringMatch>,
        source_namespace: String,
        stat_prefix: String,
    }

    /// A destination of HTTP requests and its share of them.
    struct HttpRouteDestination "HTTPRouteDestination" {
        destination: Option<Destination>,
        weight: Option<i32>,
        headers: Option<Box<Headers>>,
    }

    /// A service, or a subset of it.
    struct Destination "Destination" {
        host: String,
        subset: String,
        port: Option<PortSelector>,
    }

    /// A port by its number.
    struct PortSelector "PortSelector" {
        number: Option<u32>,
    }

    /// Another VirtualService that holds the rules.
    struct Delegate "Delegate" {
        name: String,
        namespace: String,
    }

    /// A rule for TLS that is passed through, by SNI.
    struct TlsRoute "TLSRoute" {
        matches: Vec<TlsMatchAttributes> = "match",
        route: Vec<RouteDestination>,
    }

    /// A rule for TCP connections.
    struct TcpRoute "TCPRoute" {
        matches: Vec<L4MatchAttributes> = "match",
        route: Vec<RouteDestination>,
    }

    /// Conditions on a TLS connection.
    struct TlsMatchAttributes "TLSMatchAttributes" {
        sni_hosts: Vec<String>,
        destination_subnets: Vec<String>,
        port: Option<u32>,
        source_labels: BTreeMap<String, String>,
        gateways: Vec<String>,
        source_namespace: String,
    }

    /// Conditions on a TCP connection.
    struct L4MatchAttributes "L4MatchAttributes" {
        destination_subnets: Vec<String>,
        port: Option<u32>,
        source_subnet: String,
        source_labels: BTreeMap<String, String>,
        gateways: Vec<String>,
        source_namespace: String,
    }

    /// A destination of connections and its share of them.
    struct RouteDestination "RouteDestination" {
        destination: Option<Destination>,
        weight: Option<i32>,
    }
}

/// A condition on a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StringMatch {
    /// `{}`: the text is there, whatever it is.
    #[default]
    Present,
    /// It is this text.
    Exact(String),
    /// It begins with this text.
    Prefix(String),
    /// All of it fits this regular expression (RE2).
    Regex(String),
}

const STRING_MATCH: Schema = Schema {
    name: "StringMatch",
    fields: StringMatch::fields,
};

impl OneOf for StringMatch {
    fn fields() -> Vec<Field> {
        ["exact", "prefix", "regex"]
            .map(|name| Field {
                name,
                schema: String::schema,
            })
            .into()
    }

    fn read(name: &str, entry: &Entry, cx: &mut Decoder<'_>) -> Option<Self> {
        let text = cx.field(entry);
        match name {
            "exact" => Some(Self::Exact(text)),
            "prefix" => Some(Self::Prefix(text)),
            _ => Some(Self::Regex(text)),
        }
    }
}

impl Decode for StringMatch {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        decode_alone(node, &STRING_MATCH, cx).unwrap_or_default()
    }

    fn schema() -> Option<&'static Schema> {
        Some(&STRING_MATCH)
    }
}
