//! Header maps and trailers.

use super::{Answer, Call, Status, pairs, proxy};
use crate::module::AbiVersion;
use crate::plugin::Plugin;
use crate::state::{HostState, MapKind};
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_get_header_map_value" => get, (map: u32, name: u32, name_length: u32, value_at: u32, length_at: u32);
        "proxy_get_header_map_pairs" => get_all, (map: u32, pairs_at: u32, length_at: u32);
        "proxy_get_header_map_size" => byte_size, (map: u32, size_at: u32);
        "proxy_set_header_map_pairs" => set_all, (map: u32, pairs: u32, length: u32);
        "proxy_add_header_map_value" => add, (map: u32, name: u32, name_length: u32, value: u32, value_length: u32);
        "proxy_replace_header_map_value" => replace, (map: u32, name: u32, name_length: u32, value: u32, value_length: u32);
        "proxy_remove_header_map_value" => remove, (map: u32, name: u32, name_length: u32);
    }
    Ok(())
}

fn kind(map: u32) -> Result<MapKind, Status> {
    MapKind::from_number(map).ok_or(Status::BadArgument)
}

/// Of a repeated header only the first value.
fn get(call: &mut Call<'_>, map: u32, name: u32, name_length: u32, value_at: u32, length_at: u32) -> Answer {
    let kind = kind(map)?;
    call.note_bytes(name, name_length);
    let (key, state) = call.bytes_and_state(name, name_length)?;
    let old = state.abi == AbiVersion::V0_1_0;
    let found = match state.map(kind) {
        Some(headers) => headers.get(key).map(<[u8]>::len),
        None if state.context().is_some_and(|context| context.logging) => None,
        None => return Err(Status::BadArgument.into()),
    };
    let length = match found {
        Some(length) => length,
        None if old => 0,
        None => return Err(Status::NotFound.into()),
    };
    if length == 0 {
        return call.give_bytes(&[], value_at, length_at);
    }
    // The guest's memory may move when it allocates, so the name and the value are looked up again.
    let key = call.bytes(name, name_length)?.to_vec();
    call.give(length, value_at, length_at, |place, state| {
        if let Some(value) = state.map(kind).and_then(|headers| headers.get(&key)) {
            place.copy_from_slice(value);
        }
    })
}

/// A map that is not there is empty.
fn get_all(call: &mut Call<'_>, map: u32, pairs_at: u32, length_at: u32) -> Answer {
    let kind = kind(map)?;
    let length = match call.state().map(kind) {
        Some(headers) if !headers.is_empty() => pairs::size(headers),
        _ => 0,
    };
    call.give(length, pairs_at, length_at, |place, state| {
        if let Some(headers) = state.map(kind) {
            pairs::write(headers, place);
        }
    })
}

/// In bytes, not in pairs. Like a write it needs the map that can be written.
fn byte_size(call: &mut Call<'_>, map: u32, size_at: u32) -> Answer {
    let kind = kind(map)?;
    let headers = call.state().map_mut(kind).ok_or(Status::BadArgument)?;
    let size = u32::try_from(headers.byte_size()).unwrap_or(u32::MAX);
    call.put_u32(size_at, size)
}

fn set_all(call: &mut Call<'_>, map: u32, at: u32, length: u32) -> Answer {
    let kind = kind(map)?;
    let (bytes, state) = call.bytes_and_state(at, length)?;
    let new = pairs::read(bytes);
    state.map_mut(kind).ok_or(Status::BadArgument)?.replace_all(&new);
    changed(call, kind);
    Ok(())
}

fn add(call: &mut Call<'_>, map: u32, name: u32, name_length: u32, value: u32, value_length: u32) -> Answer {
    let kind = kind(map)?;
    call.note_bytes(name, name_length);
    call.note_bytes(value, value_length);
    let (memory, state) = call.parts();
    let name = super::call::slice(memory, name, name_length)?;
    let value = super::call::slice(memory, value, value_length)?;
    state.map_mut(kind).ok_or(Status::BadArgument)?.add(name, value);
    changed(call, kind);
    Ok(())
}

fn replace(
    call: &mut Call<'_>,
    map: u32,
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
) -> Answer {
    let kind = kind(map)?;
    call.note_bytes(name, name_length);
    call.note_bytes(value, value_length);
    let (memory, state) = call.parts();
    let name = super::call::slice(memory, name, name_length)?;
    let value = super::call::slice(memory, value, value_length)?;
    state.map_mut(kind).ok_or(Status::BadArgument)?.set(name, value);
    changed(call, kind);
    Ok(())
}

fn remove(call: &mut Call<'_>, map: u32, name: u32, name_length: u32) -> Answer {
    let kind = kind(map)?;
    call.note_bytes(name, name_length);
    let (name, state) = call.bytes_and_state(name, name_length)?;
    state.map_mut(kind).ok_or(Status::BadArgument)?.remove(name);
    changed(call, kind);
    Ok(())
}

/// Up to ABI 0.2.1 any write to request headers clears the route cache, whether it changed anything or not.
fn changed(call: &mut Call<'_>, kind: MapKind) {
    if kind == MapKind::RequestHeaders
        && let Some(stream) = call.state().stream_mut()
    {
        stream.route_cache_cleared += 1;
    }
}
