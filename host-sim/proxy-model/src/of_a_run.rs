//! Conditions on what only a running Envoy knows of a request: the id that it makes, and the address of the client.
//!
//! The model has stand-ins for both, [`REQUEST_ID`] and [`CLIENT`]. A route whose conditions hold or fail with them alone is
//! not chosen and not passed over: the caller says that this can't be known. Which values are of a run is decided in
//! `fingerpost-envoy-http`.

use fingerpost_envoy_http::header_map::{Headers, get};
use fingerpost_envoy_http::{ValueCondition, WrittenValue};
use fingerpost_routing::{
    Header, HeaderMatch, Mismatch, RequestHead, Route, RouteTable, StringMatch, ValueMatch, VirtualHost,
};
use fingerpost_routing_config as written;

use crate::outcome::Skipped;

/// The client's address, for want of a connection.
pub(crate) const CLIENT: &str = "127.0.0.1";

/// In a forwarded request, in place of the random `x-request-id` that Envoy would make.
pub const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The headers.
const HEADERS: [&str; 3] = ["x-request-id", "x-forwarded-for", "x-envoy-external-address"];

/// The reason that a user gets.
pub(crate) fn skipped(header: &str) -> Skipped {
    Skipped::because(format!(
        "only a running proxy knows the value of {header}, and a rule has a condition on it"
    ))
}

/// The first route that takes a request, or does not, as a run decides; and the header that it asks for. None if a route
/// before it takes the request in any run.
#[must_use]
pub fn undecided<'t>(host: &'t VirtualHost, head: &RequestHead<'_>) -> Option<(&'t Route, &'t HeaderMatch)> {
    for route in host.routes() {
        let is_open = |it: &HeaderMatch| {
            let mut values = head.values(&it.name);
            values.any(|value| is_open(it.name.as_str(), value, condition(it)))
        };
        let fails = |it: Mismatch<'_>| !matches!(it, Mismatch::Header(header) if is_open(header));
        if route.matcher.mismatches(head).any(fails) {
            continue;
        }
        // The first that nothing but a run is against.
        return route
            .matcher
            .headers
            .iter()
            .find(|it| is_open(it))
            .map(|it| (route, it));
    }
    None
}

fn condition(header: &HeaderMatch) -> ValueCondition<'_> {
    match &header.want {
        ValueMatch::Present => ValueCondition::Present,
        ValueMatch::Text(StringMatch::Exact(text)) => ValueCondition::Exact(text),
        ValueMatch::Text(StringMatch::Prefix(text)) => ValueCondition::Prefix(text),
        ValueMatch::Text(StringMatch::Regex(_)) => ValueCondition::Pattern,
    }
}

/// Whether only a run knows if this value of a header meets a condition.
pub(crate) fn is_open(name: &str, value: &[u8], condition: ValueCondition<'_>) -> bool {
    let Ok(value) = std::str::from_utf8(value) else {
        return false;
    };
    match name {
        "x-request-id" if value == REQUEST_ID => WrittenValue::RequestId.decides("", condition),
        "x-envoy-external-address" if value == CLIENT => WrittenValue::ClientAddress.decides("", condition),
        "x-forwarded-for" => value
            .strip_suffix(CLIENT)
            .is_some_and(|known| WrittenValue::ClientAddress.decides(known, condition)),
        _ => false,
    }
}

/// The table of a filter, if any of its conditions may be on such a header.
pub(crate) fn table(configuration: &[u8]) -> Option<RouteTable> {
    let text = String::from_utf8_lossy(configuration).to_ascii_lowercase();
    // What the filter refuses is reported when it starts.
    HEADERS
        .iter()
        .any(|it| text.contains(it))
        .then(|| written::load(configuration).ok())?
}

/// Refuses to say what a filter with this table makes of a request if a run decides it.
pub(crate) fn check(table: &RouteTable, request: &Headers) -> Result<(), Skipped> {
    let plain = request.iter().filter(|(name, _)| !name.starts_with(b":"));
    let plain: Vec<Header<'_>> = plain
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
        .collect();
    let head = RequestHead::new(get(request, ":authority"), get(request, ":path"))
        .with_method(get(request, ":method"))
        .with_scheme(get(request, ":scheme"))
        .with_headers(&plain);
    let host = table.virtual_host(head.authority());
    match host.and_then(|it| undecided(it, &head)) {
        Some((_, header)) => Err(skipped(header.name.as_str())),
        None => Ok(()),
    }
}
