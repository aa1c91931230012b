//! Properties: attributes of the request, the proxy and the plugin, and values that guests set for one another.
//!
//! `src/attributes.rs` lists the attributes and their values; values that the test sets come first.

use super::{Answer, Call, pairs, proxy};
use crate::attributes::{self, Message, Value};
use crate::headers::Headers;
use crate::limits::{self, price};
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::status::Status;
use crate::world::Property;
use std::collections::BTreeMap;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_get_property" => get, (path: u32, path_length: u32, value_at: u32, length_at: u32);
        "proxy_set_property" => set, (path: u32, path_length: u32, value: u32, value_length: u32);
    }
    Ok(())
}

fn get(call: &mut Call<'_>, path: u32, path_length: u32, value_at: u32, length_at: u32) -> Answer {
    call.note_bytes(path, path_length);
    let (path, state) = call.bytes_and_state(path, path_length)?;
    let walked = state.stream().map_or(0, |stream| {
        stream.request.headers.len() + stream.response.headers.len()
    });
    let value = find(state, path)?;
    call.pay_each(walked, price::ENTRY)?;
    call.give(&value, value_at, length_at)
}

/// Sets a value under `wasm.<path>` for the rest of the stream: other plugins read it by the same path.
fn set(call: &mut Call<'_>, path: u32, path_length: u32, value: u32, value_length: u32) -> Answer {
    call.note_bytes(path, path_length);
    call.note_bytes(value, value_length);
    let (path, value, state) = call.two_and_state((path, path_length), (value, value_length))?;
    state.ask_for_stream(path.len() + value.len() + limits::ENTRY_BYTES)?;
    let stream = state.stream_mut().ok_or(Status::NotFound)?;
    stream.filter_state.set(path, value);
    stream.recount();
    Ok(())
}

fn find(state: &HostState, path: &[u8]) -> Result<Vec<u8>, Status> {
    let trimmed = path.strip_suffix(b"\0").unwrap_or(path);
    if trimmed.is_empty() {
        return Err(Status::SerializationFailure);
    }
    if let Some(given) = given(state, trimmed) {
        return Ok(given);
    }
    let mut parts = trimmed.split(|byte| *byte == 0);
    let first = parts.next().unwrap_or_default();
    let first = std::str::from_utf8(first).map_err(|_| Status::NotFound)?;
    let top = attributes::top(state, first).ok_or(Status::NotFound)?;
    let value = parts.try_fold(top, |value, part| attributes::below(state, &value, part));
    bytes_of(value.ok_or(Status::NotFound)?)
}

/// What the test gives under this path, or in a map of headers that it gives.
fn given(state: &HostState, path: &[u8]) -> Option<Vec<u8>> {
    if let Some(given) = state.world.properties.get(path) {
        return Some(given_bytes(given));
    }
    let last = path.iter().rposition(|byte| *byte == 0)?;
    let (map, key) = path.split_at_checked(last)?;
    let key = key.strip_prefix(b"\0")?;
    match state.world.properties.get(map)? {
        Property::Map(pairs) => pairs
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.clone()),
        Property::Bytes(_) | Property::Int(_) | Property::Double(_) | Property::Bool(_) => None,
    }
}

fn given_bytes(property: &Property) -> Vec<u8> {
    match property {
        Property::Bytes(bytes) => bytes.clone(),
        Property::Int(number) => number.to_le_bytes().to_vec(),
        Property::Double(number) => number.to_le_bytes().to_vec(),
        Property::Bool(flag) => vec![u8::from(*flag)],
        Property::Map(map) => pairs::serialised(map),
    }
}

/// How an attribute reaches a guest (`Context::serializeValue`).
fn bytes_of(value: Value<'_>) -> Result<Vec<u8>, Status> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        Value::Number(number) => Ok(number.to_le_bytes().to_vec()),
        Value::Flag(flag) => Ok(vec![u8::from(flag)]),
        Value::Headers(map) => Ok(pairs::serialised(&by_name(map))),
        Value::Group(_) | Value::Message(Message::Null) => Err(Status::SerializationFailure),
        Value::Message(Message::Map) => Ok(pairs::serialised::<&[u8], &[u8]>(&[])),
        Value::Message(Message::Metadata | Message::Locality) => Ok(Vec::new()),
        // `user_agent_name`, field 6; Envoy says also which extensions it has.
        Value::Message(Message::Node) => Ok(b"\x32\x05envoy".to_vec()),
    }
}

/// Each name once, with its values joined. Envoy gives them in the order of a hash table, another in every run.
fn by_name(map: Option<&Headers>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for (name, value) in map.iter().flat_map(|map| map.iter()) {
        all.entry(name.clone())
            .and_modify(|joined: &mut Vec<u8>| {
                joined.push(b',');
                joined.extend_from_slice(value);
            })
            .or_insert_with(|| value.clone());
    }
    all.into_iter().collect()
}
