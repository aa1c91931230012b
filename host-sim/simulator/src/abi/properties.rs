//! Properties: attributes of the request, the proxy and the plugin, and values that guests set for one another.
//!
//! Attributes that need a proxy around (`xds.*`, `upstream.*`, `connection.*`) are there where the test gives them.

use super::{Answer, Call, Status, pairs, proxy};
use crate::headers::Headers;
use crate::plugin::Plugin;
use crate::state::{HostState, MapKind};
use crate::stream::Side;
use crate::world::Property;
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
    let value = find(state, path)?;
    call.give_bytes(&value, value_at, length_at)
}

/// Sets a value under `wasm.<path>` for the rest of the stream: other plugins read it by the same path.
fn set(call: &mut Call<'_>, path: u32, path_length: u32, value: u32, value_length: u32) -> Answer {
    call.note_bytes(path, path_length);
    call.note_bytes(value, value_length);
    let (memory, state) = call.parts();
    let path = super::call::slice(memory, path, path_length)?;
    let value = super::call::slice(memory, value, value_length)?;
    state.keep(path.len() + value.len())?;
    let stream = state.stream_mut().ok_or(Status::NotFound)?;
    stream.filter_state.insert(path.to_vec(), value.to_vec());
    Ok(())
}

fn find(state: &HostState, path: &[u8]) -> Result<Vec<u8>, Status> {
    let trimmed = path.strip_suffix(b"\0").unwrap_or(path);
    if trimmed.is_empty() {
        return Err(Status::SerializationFailure);
    }
    if let Some(given) = state.world.properties.get(trimmed) {
        return Ok(bytes_of(given));
    }
    let mut parts = trimmed.split(|byte| *byte == 0);
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&[u8]> = parts.collect();
    if rest.is_empty() && matches!(first, b"request" | b"response") && state.stream().is_some() {
        return Err(Status::SerializationFailure); // a map that can only be looked into
    }
    let known = match first {
        b"request" => request(state, &rest),
        b"response" => response(state, &rest),
        b"plugin_name" => plain(
            state
                .context()
                .and_then(|it| it.plugin.as_ref())
                .map(|it| it.name.as_bytes()),
            &rest,
        ),
        b"plugin_root_id" => plain(
            state
                .context()
                .and_then(|it| it.plugin.as_ref())
                .map(|it| it.root_id.as_bytes()),
            &rest,
        ),
        b"plugin_vm_id" => plain(Some(state.owner.vm_id.as_bytes()), &rest),
        b"connection_id" => state.stream().map(|stream| number(i64::from(stream.connection))),
        _ => plain(
            state
                .stream()
                .and_then(|it| it.filter_state.get(first))
                .map(Vec::as_slice),
            &rest,
        ),
    };
    known.ok_or(Status::NotFound)
}

fn plain(value: Option<&[u8]>, rest: &[&[u8]]) -> Option<Vec<u8>> {
    rest.is_empty().then_some(value?.to_vec())
}

fn number(number: i64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn bytes_of(property: &Property) -> Vec<u8> {
    match property {
        Property::Bytes(bytes) => bytes.clone(),
        Property::Int(number) => number.to_le_bytes().to_vec(),
        Property::Double(number) => number.to_le_bytes().to_vec(),
        Property::Bool(flag) => vec![u8::from(*flag)],
        Property::Map(map) => serialised(map),
    }
}

fn serialised(map: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0; pairs::size(map)];
    pairs::write(map, &mut bytes);
    bytes
}

/// Values of one name joined by commas, as the attribute shows them.
fn joined(headers: &Headers, name: &[u8]) -> Option<Vec<u8>> {
    let name = std::str::from_utf8(name).ok()?;
    let values: Vec<&[u8]> = headers.all(name).collect();
    (!values.is_empty()).then(|| values.join(&b","[..]))
}

fn headers(map: &Headers, rest: &[&[u8]]) -> Option<Vec<u8>> {
    match rest {
        [] => {
            let mut all: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            for (name, _) in map.iter() {
                if all.iter().all(|(seen, _)| seen != name) {
                    all.push((name.clone(), joined(map, name)?));
                }
            }
            Some(serialised(&all))
        }
        [name] => joined(map, name),
        _ => None,
    }
}

fn request(state: &HostState, rest: &[&[u8]]) -> Option<Vec<u8>> {
    let stream = state.stream()?;
    let (attribute, rest) = rest.split_first()?;
    let flat = rest.is_empty();
    match *attribute {
        b"protocol" if flat => return Some(stream.protocol.as_bytes().to_vec()),
        b"time" if flat => return Some(number(i64::try_from(stream.began.as_nanos()).unwrap_or(i64::MAX))),
        b"size" if flat => return Some(number(size(&stream.request))),
        b"duration" if flat && stream.complete => {
            let took = state.world.clock.now().saturating_sub(stream.began);
            return Some(number(i64::try_from(took.as_nanos()).unwrap_or(i64::MAX)));
        }
        _ => {}
    }
    let map = state.map(MapKind::RequestHeaders)?;
    let path = || map.get(":path");
    let named = |name: &str| plain(map.get(name), rest);
    match *attribute {
        b"headers" => headers(map, rest),
        b"path" => named(":path"),
        b"url_path" => plain(path()?.split(|byte| *byte == b'?').next(), rest),
        b"query" => {
            let query = path()?.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
            plain(query.split(|byte| *byte == b'#').next(), rest)
        }
        b"host" => named(":authority"),
        b"scheme" => named(":scheme"),
        b"method" => named(":method"),
        b"referer" => named("referer"),
        b"id" => named("x-request-id"),
        b"useragent" => named("user-agent"),
        b"total_size" if flat => Some(number(
            i64::try_from(stream.request.received + map.byte_size()).unwrap_or(i64::MAX),
        )),
        _ => None,
    }
}

/// What the headers announce, or else what has arrived.
fn size(side: &Side) -> i64 {
    let announced = side
        .headers
        .text("content-length")
        .and_then(|length| length.parse().ok());
    announced.unwrap_or_else(|| i64::try_from(side.received).unwrap_or(i64::MAX))
}

fn response(state: &HostState, rest: &[&[u8]]) -> Option<Vec<u8>> {
    let stream = state.stream()?;
    let (attribute, rest) = rest.split_first()?;
    let flat = rest.is_empty();
    match *attribute {
        b"code" if flat => {
            let code = stream
                .sent_status
                .or_else(|| stream.response.started.then(|| stream.status()))?;
            Some(number(i64::from(code)))
        }
        b"code_details" => plain(Some(stream.details.as_deref()?.as_bytes()), rest),
        b"size" if flat => Some(number(
            i64::try_from(stream.response.received).unwrap_or(i64::MAX),
        )),
        b"headers" => headers(state.map(MapKind::ResponseHeaders)?, rest),
        b"trailers" => headers(state.map(MapKind::ResponseTrailers)?, rest),
        _ => None,
    }
}
