//! Header maps and trailers.

use super::{Answer, Call, pairs, proxy};
use crate::limits::{self, price};
use crate::module::AbiVersion;
use crate::plugin::Plugin;
use crate::state::{HostState, MapKind};
use crate::status::Status;
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

/// Takes fuel for a walk down a map, with a look at each name.
fn pay_walk(call: &mut Call<'_>, kind: MapKind, name_length: u32) -> Answer {
    let Some(headers) = call.state().map(kind) else {
        return Ok(());
    };
    let entries = headers.len();
    let compared = headers
        .byte_size()
        .min(entries.saturating_mul(name_length as usize));
    call.pay_each(entries, price::ENTRY)?;
    call.pay_each(compared, price::BYTE)
}

/// Of a repeated header only the first value.
fn get(call: &mut Call<'_>, map: u32, name: u32, name_length: u32, value_at: u32, length_at: u32) -> Answer {
    let kind = kind(map)?;
    call.note_bytes(name, name_length);
    pay_walk(call, kind, name_length)?;
    let (key, state) = call.bytes_and_state(name, name_length)?;
    let old = state.abi == AbiVersion::V0_1_0;
    let found = match state.map(kind) {
        Some(headers) => headers.get(key),
        None if state.context().is_some_and(|context| context.logging) => None,
        None => return Err(Status::BadArgument.into()),
    };
    let value = match found {
        Some(value) => value.to_vec(),
        None if old => Vec::new(),
        None => return Err(Status::NotFound.into()),
    };
    call.give(&value, value_at, length_at)
}

/// A map that is not there is empty.
fn get_all(call: &mut Call<'_>, map: u32, pairs_at: u32, length_at: u32) -> Answer {
    let kind = kind(map)?;
    pay_walk(call, kind, 0)?;
    let pairs = match call.state().map(kind) {
        Some(headers) if !headers.is_empty() => pairs::serialised(headers),
        _ => Vec::new(),
    };
    call.give(&pairs, pairs_at, length_at)
}

/// In bytes, not in pairs. Like a write it needs the map that can be written.
fn byte_size(call: &mut Call<'_>, map: u32, size_at: u32) -> Answer {
    let kind = kind(map)?;
    pay_walk(call, kind, 0)?;
    let headers = call.state().map_mut(kind).ok_or(Status::BadArgument)?;
    let size = u32::try_from(headers.byte_size()).unwrap_or(u32::MAX);
    call.put_u32(size_at, size)
}

fn set_all(call: &mut Call<'_>, map: u32, pointer: u32, length: u32) -> Answer {
    let kind = kind(map)?;
    let count = pairs::read(call.bytes(pointer, length)?).len();
    call.pay_each(count.saturating_mul(count), price::ENTRY)?; // each may be joined to one before it
    let (bytes, state) = call.bytes_and_state(pointer, length)?;
    state.ask_for_stream(
        bytes
            .len()
            .saturating_add(count.saturating_mul(limits::ENTRY_BYTES)),
    )?;
    let new = pairs::read(bytes);
    state.map_mut(kind).ok_or(Status::BadArgument)?.replace_all(&new);
    for (name, _) in new {
        state.wrote_header(kind, name);
    }
    changed(state, kind);
    Ok(())
}

fn add(call: &mut Call<'_>, map: u32, name: u32, name_length: u32, value: u32, value_length: u32) -> Answer {
    let kind = kind(map)?;
    call.note_bytes(name, name_length);
    call.note_bytes(value, value_length);
    pay_walk(call, kind, name_length)?;
    let (name, value, state) = call.two_and_state((name, name_length), (value, value_length))?;
    state.ask_for_stream(name.len() + value.len() + limits::ENTRY_BYTES)?;
    state.map_mut(kind).ok_or(Status::BadArgument)?.add(name, value);
    state.wrote_header(kind, name);
    changed(state, kind);
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
    pay_walk(call, kind, name_length)?;
    let (name, value, state) = call.two_and_state((name, name_length), (value, value_length))?;
    state.ask_for_stream(name.len() + value.len() + limits::ENTRY_BYTES)?;
    state.map_mut(kind).ok_or(Status::BadArgument)?.set(name, value);
    state.wrote_header(kind, name);
    changed(state, kind);
    Ok(())
}

fn remove(call: &mut Call<'_>, map: u32, name: u32, name_length: u32) -> Answer {
    let kind = kind(map)?;
    call.note_bytes(name, name_length);
    pay_walk(call, kind, name_length)?;
    let (name, state) = call.bytes_and_state(name, name_length)?;
    state.map_mut(kind).ok_or(Status::BadArgument)?.remove(name);
    state.wrote_header(kind, name);
    changed(state, kind);
    Ok(())
}

/// Up to ABI 0.2.1 any write to request headers clears the route cache, whether it changed anything or not.
fn changed(state: &mut HostState, kind: MapKind) {
    let Some(stream) = state.stream_mut() else {
        return;
    };
    if kind == MapKind::RequestHeaders {
        stream.route_cache_cleared = stream.route_cache_cleared.saturating_add(1);
    }
    stream.recount();
}
