//! Envoy's attributes: which there are, and what each is at a moment of a stream's life.
//!
//! The values are those of an Envoy on the loopback, with one listener, one virtual host, one route without a name and
//! one upstream; a test gives others by [`crate::Simulator::property`] and [`crate::Request::client`]. Which attribute
//! is there when, and what a map or a message that is there but empty looks like, is Envoy's:
//! `source/extensions/filters/common/expr/context.cc` and `source/extensions/common/wasm/context.cc`.

use crate::headers::Headers;
use crate::state::{HostState, MapKind};
use crate::stream::{HalfStream, Stream};
use fingerpost_envoy_http::grpc;
use std::fmt;
use std::time::Duration;

/// All attributes of Envoy 1.40, by group. A group with no names is an attribute by itself.
///
/// Below these are only: a header's name (`request.headers`, `response.headers`, `response.trailers`), what is in a
/// message (`xds.node`, `upstream.locality`, and all that end in `metadata`), and the key of a filter state object
/// (`filter_state`, `upstream_filter_state`).
pub const ATTRIBUTES: &[(&str, &[&str])] = &[
    (
        "request",
        &[
            "path",
            "url_path",
            "query",
            "host",
            "scheme",
            "method",
            "referer",
            "useragent",
            "id",
            "protocol",
            "time",
            "duration",
            "size",
            "total_size",
            "headers_bytes",
            "headers",
        ],
    ),
    (
        "response",
        &[
            "code",
            "code_details",
            "flags",
            "grpc_status",
            "size",
            "total_size",
            "headers_bytes",
            "headers",
            "trailers",
            "backend_latency",
        ],
    ),
    ("source", &["address", "port"]),
    ("destination", &["address", "port"]),
    (
        "connection",
        &[
            "id",
            "mtls",
            "requested_server_name",
            "tls_version",
            "subject_local_certificate",
            "subject_peer_certificate",
            "dns_san_local_certificate",
            "dns_san_peer_certificate",
            "uri_san_local_certificate",
            "uri_san_peer_certificate",
            "sha256_peer_certificate_digest",
            "peer_certificate",
            "termination_details",
            "transport_failure_reason",
        ],
    ),
    (
        "upstream",
        &[
            "address",
            "port",
            "local_address",
            "locality",
            "transport_failure_reason",
            "request_attempt_count",
            "cx_pool_ready_duration",
            "num_endpoints",
            "tls_version",
            "subject_local_certificate",
            "subject_peer_certificate",
            "dns_san_local_certificate",
            "dns_san_peer_certificate",
            "uri_san_local_certificate",
            "uri_san_peer_certificate",
            "sha256_peer_certificate_digest",
            "peer_certificate",
        ],
    ),
    (
        "xds",
        &[
            "cluster_name",
            "cluster_metadata",
            "route_name",
            "route_metadata",
            "virtual_host_name",
            "virtual_host_metadata",
            "upstream_host_metadata",
            "upstream_host_locality_metadata",
            "filter_chain_name",
            "listener_direction",
            "listener_metadata",
            "node",
        ],
    ),
    ("metadata", &[]),
    ("filter_state", &[]),
    ("upstream_filter_state", &[]),
    ("plugin_name", &[]),
    ("plugin_root_id", &[]),
    ("plugin_vm_id", &[]),
    ("connection_id", &[]),
];

/// Groups and attributes with something below them.
const OPEN: &[&str] = &["headers", "trailers", "node", "locality"];

/// A path that leads to no attribute of Envoy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAttribute {
    path: String,
    nearest: Option<String>,
}

impl fmt::Display for UnknownAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envoy 1.40 has no attribute `{}`", self.path)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => write!(f, "; what another filter sets, `Simulator::filter_state` gives"),
        }
    }
}

impl std::error::Error for UnknownAttribute {}

/// Whether Envoy has an attribute at this path.
pub(crate) fn check(path: &[&str]) -> Result<(), UnknownAttribute> {
    let known = match path {
        [] => false,
        [group] => ATTRIBUTES
            .iter()
            .any(|(name, below)| name == group && below.is_empty()),
        [group, name, rest @ ..] => match ATTRIBUTES.iter().find(|(known, _)| known == group) {
            Some(("metadata" | "filter_state" | "upstream_filter_state", _)) => true,
            Some((_, names)) => {
                let open = OPEN.contains(name) || name.ends_with("metadata");
                names.contains(name) && (rest.is_empty() || open)
            }
            None => false,
        },
    };
    match known {
        true => Ok(()),
        false => Err(UnknownAttribute {
            path: path.join("."),
            nearest: nearest(path),
        }),
    }
}

/// The attribute with the same last name, or else the one that is written most alike.
fn nearest(path: &[&str]) -> Option<String> {
    let wanted = path.join(".");
    let all: Vec<String> = ATTRIBUTES
        .iter()
        .flat_map(|(group, names)| match names {
            [] => vec![(*group).to_owned()],
            names => names.iter().map(|name| format!("{group}.{name}")).collect(),
        })
        .collect();
    let same_name = all
        .iter()
        .find(|known| known.rsplit('.').next() == path.last().copied());
    let alike = || {
        let close = all.iter().map(|known| (distance(known, &wanted), known));
        close
            .min()
            .filter(|(edits, _)| *edits <= 3)
            .map(|(_, known)| known)
    };
    same_name.or_else(alike).cloned()
}

/// How many letters are to be written, left out or exchanged to make one of the other.
#[expect(clippy::indexing_slicing, reason = "a row has one more than `right`")]
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut before = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let exchanged = before + usize::from(letter != *other);
            before = row[column + 1];
            row[column + 1] = exchanged.min(before + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

/// An attribute, or what leads to some.
pub(crate) enum Value<'s> {
    Bytes(Vec<u8>),
    Number(i64),
    Flag(bool),
    Headers(Option<&'s Headers>),
    /// Can be looked into, but is nothing by itself.
    Group(&'static str),
    Message(Message),
}

/// Messages that have nothing set in them, but for the node's name of its program.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Message {
    Metadata,
    Locality,
    Node,
    /// A map without entries.
    Map,
    /// A message that is not there.
    Null,
}

/// The attribute of this name, in no group.
pub(crate) fn top<'s>(state: &'s HostState, name: &str) -> Option<Value<'s>> {
    let text = |text: &str| Some(Value::Bytes(text.as_bytes().to_vec()));
    let plugin = || state.context().and_then(|context| context.plugin.as_ref());
    match name {
        "plugin_name" => text(&plugin()?.name),
        "plugin_root_id" => text(&plugin()?.root_id),
        "plugin_vm_id" => text(&state.owner.vm_id),
        "xds" => Some(Value::Group("xds")),
        "connection_id" => Some(Value::Number(i64::from(state.stream()?.connection))),
        "metadata" => state.stream().map(|_| Value::Message(Message::Metadata)),
        "upstream_filter_state" => state
            .stream()?
            .has_upstream()
            .then_some(Value::Group("upstream_filter_state")),
        "filter_state" | "request" | "response" | "source" | "destination" | "connection" | "upstream" => {
            state.stream()?;
            let (group, _) = ATTRIBUTES.iter().find(|(group, _)| *group == name)?;
            Some(Value::Group(group))
        }
        _ => {
            let set = state.stream()?.filter_state.get(name.as_bytes())?;
            Some(Value::Bytes(set.to_vec()))
        }
    }
}

/// What is below a value.
pub(crate) fn below<'s>(state: &'s HostState, value: &Value<'s>, name: &[u8]) -> Option<Value<'s>> {
    let group = match value {
        Value::Bytes(_) | Value::Number(_) | Value::Flag(_) => return None,
        Value::Headers(map) => return joined((*map)?, name).map(Value::Bytes),
        Value::Message(message) => return in_message(*message, name),
        Value::Group(group) => group,
    };
    let name = std::str::from_utf8(name).ok()?;
    if *group == "xds" && name == "node" {
        return Some(Value::Message(Message::Node));
    }
    let stream = state.stream()?;
    match *group {
        "request" => request(state, stream, name),
        "response" => response(state, stream, name),
        "source" => address(&stream.client.to_string(), stream.client.port(), name),
        "destination" => address("127.0.0.1:10000", 10000, name),
        "connection" => connection(stream, name),
        "upstream" => upstream(stream, name),
        "xds" => xds(stream, name),
        "filter_state" => {
            let set = name
                .strip_prefix("wasm.")
                .and_then(|name| stream.filter_state.get(name.as_bytes()));
            let set = set.or_else(|| stream.filter_objects.get(name.as_bytes()));
            set.map(<[u8]>::to_vec).map(Value::Bytes)
        }
        _ => None,
    }
}

fn in_message<'s>(message: Message, name: &[u8]) -> Option<Value<'s>> {
    let empty = || Some(Value::Bytes(Vec::new()));
    match (message, name) {
        (Message::Metadata, b"filter_metadata" | b"typed_filter_metadata") | (Message::Node, b"metadata") => {
            Some(Value::Message(Message::Map))
        }
        (Message::Node, b"locality") => Some(Value::Message(Message::Locality)),
        (Message::Node, b"user_agent_name") => Some(Value::Bytes(b"envoy".to_vec())),
        (Message::Node, b"id" | b"cluster") | (Message::Locality, b"region" | b"zone" | b"sub_zone") => {
            empty()
        }
        (Message::Metadata | Message::Locality | Message::Node | Message::Map | Message::Null, _) => None,
    }
}

fn number<'s>(number: impl TryInto<i64>) -> Option<Value<'s>> {
    Some(Value::Number(number.try_into().unwrap_or(i64::MAX)))
}

fn text<'s>(text: impl AsRef<[u8]>) -> Option<Value<'s>> {
    Some(Value::Bytes(text.as_ref().to_vec()))
}

fn lasted<'s>(time: Duration) -> Option<Value<'s>> {
    number(time.as_nanos())
}

fn address<'s>(address: &str, port: u16, name: &str) -> Option<Value<'s>> {
    match name {
        "address" => text(address),
        "port" => number(port),
        _ => None,
    }
}

fn request<'s>(state: &'s HostState, stream: &'s Stream, name: &str) -> Option<Value<'s>> {
    let map = state.map(MapKind::RequestHeaders);
    let bytes = map.map_or(0, Headers::byte_size);
    let header = |name: &str| map?.get(name).and_then(text);
    let path = || map.map(|map| map.get(":path").unwrap_or_default());
    match name {
        "headers" => Some(Value::Headers(map)),
        "headers_bytes" => number(bytes),
        "protocol" => text(&stream.protocol),
        "time" => lasted(stream.began),
        "duration" if stream.complete => lasted(state.world.clock.now().saturating_sub(stream.began)),
        "size" => match map.and_then(|map| map.text("content-length")) {
            Some(length) => length.trim().parse().ok().map(Value::Number),
            None => number(stream.request.received),
        },
        "total_size" => number(stream.request.received + bytes),
        "path" => header(":path"),
        "url_path" => text(path()?.split(|byte| *byte == b'?').next().unwrap_or_default()),
        "query" => {
            let query = path()?.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
            text(query.split(|byte| *byte == b'#').next().unwrap_or_default())
        }
        "host" => header(":authority"),
        "scheme" => header(":scheme"),
        "method" => header(":method"),
        "referer" => header("referer"),
        "id" => header("x-request-id"),
        "useragent" => header("user-agent"),
        _ => None,
    }
}

fn response<'s>(state: &'s HostState, stream: &'s Stream, name: &str) -> Option<Value<'s>> {
    let headers = state.map(MapKind::ResponseHeaders);
    let trailers = state.map(MapKind::ResponseTrailers);
    let bytes = |map: Option<&Headers>| map.map_or(0, Headers::byte_size);
    match name {
        "headers" => Some(Value::Headers(headers)),
        "trailers" => Some(Value::Headers(trailers)),
        "headers_bytes" => number(bytes(headers)),
        "code" => number(stream.code()?),
        "code_details" => text(stream.details.as_deref()?),
        "flags" => number(stream.flags),
        "grpc_status" => {
            let said = [trailers, headers]
                .into_iter()
                .flatten()
                .find_map(|map| map.text("grpc-status"));
            match said {
                Some(status) => number(status.parse::<u32>().ok()?),
                None => number(grpc::status_of_http(stream.code()?.into())),
            }
        }
        "size" => number(sent(&stream.response)),
        "total_size" => number(sent(&stream.response) + bytes(headers) + bytes(trailers)),
        "backend_latency" if stream.response.ended && stream.asked_upstream => lasted(stream.latency),
        _ => None,
    }
}

/// Bytes of body that have left the filters.
fn sent(side: &HalfStream) -> usize {
    side.out.body.size()
}

fn connection<'s>(stream: &Stream, name: &str) -> Option<Value<'s>> {
    match name {
        "id" => number(stream.connection),
        "mtls" => Some(Value::Flag(false)),
        "requested_server_name" => text(""),
        _ => None,
    }
}

fn upstream<'s>(stream: &Stream, name: &str) -> Option<Value<'s>> {
    let there = stream.has_upstream();
    match name {
        "num_endpoints" => number(1),
        "request_attempt_count" => number(u8::from(there)),
        _ if !there => None,
        "address" => text("127.0.0.1:8080"),
        "port" => number(8080),
        "local_address" => text("127.0.0.1:40000"),
        "locality" => Some(Value::Message(Message::Locality)),
        "transport_failure_reason" => text(""),
        "cx_pool_ready_duration" => number(0),
        _ => None,
    }
}

fn xds<'s>(stream: &Stream, name: &str) -> Option<Value<'s>> {
    match name {
        "cluster_name" => text("upstream"),
        "route_name" => text(""),
        "virtual_host_name" => text("all"),
        "cluster_metadata" | "route_metadata" | "virtual_host_metadata" => {
            Some(Value::Message(Message::Metadata))
        }
        "upstream_host_metadata" | "upstream_host_locality_metadata" if stream.has_upstream() => {
            Some(Value::Message(Message::Null))
        }
        "listener_metadata" => Some(Value::Message(Message::Metadata)),
        "filter_chain_name" => text(""),
        "listener_direction" => number(0),
        _ => None,
    }
}

/// Values of one name joined by commas, as the attribute shows them.
pub(crate) fn joined(headers: &Headers, name: &[u8]) -> Option<Vec<u8>> {
    let name = std::str::from_utf8(name).ok()?;
    let values: Vec<&[u8]> = headers.all(name).collect();
    (!values.is_empty()).then(|| values.join(&b","[..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &[&str]) -> String {
        check(path).expect_err("no Envoy has it").to_string()
    }

    #[test]
    fn an_unknown_path_is_refused_with_the_nearest() {
        for (path, nearest) in [
            (&["route_name"][..], "`xds.route_name`"),
            (&["listener_direction"], "`xds.listener_direction`"),
            (&["node"], "`xds.node`"),
            (&["request", "user_agent"], "`request.useragent`"),
            (&["requests", "path"], "`request.path`"),
            (&["source", "adress"], "`source.address`"),
        ] {
            let refused = refusal(path);
            assert!(
                refused.contains(&path.join(".")) && refused.contains(nearest),
                "{refused}"
            );
        }
        assert!(refusal(&["downstream_peer"]).contains("filter_state"));
        refusal(&[]);
        refusal(&["request"]);
        refusal(&["request", "path", "deeper"]);
        refusal(&["plugin_name", "deeper"]);
    }

    #[test]
    fn what_envoy_has_is_taken() {
        for path in [
            &["xds", "route_name"][..],
            &["xds", "node", "metadata", "NAMESPACE"],
            &["xds", "route_metadata", "filter_metadata", "istio"],
            &["request", "headers", "x-a"],
            &["filter_state", "wasm.downstream_peer"],
            &["metadata", "filter_metadata", "envoy.filters.http.jwt_authn"],
            &["connection", "mtls"],
            &["plugin_name"],
        ] {
            check(path).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
