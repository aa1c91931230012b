//! Foreign functions that Envoy has.
//!
//! Not here: the three `expr_…` of CEL. They answer NotFound, as in an Envoy that was built without them.

use super::protobuf::Message;
use super::{Answer, Call, proxy, signature};
use crate::limits::{self, price};
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::status::Status;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use std::collections::btree_map::Entry;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_call_foreign_function" => call_foreign, (name: u32, name_length: u32, arguments: u32, arguments_length: u32, result_at: u32, length_at: u32);
        "envoy_resolve_dns" => resolve_dns, (address: u32, address_length: u32, token_at: u32);
    }
    Ok(())
}

fn call_foreign(
    call: &mut Call<'_>,
    name: u32,
    name_length: u32,
    arguments: u32,
    arguments_length: u32,
    result_at: u32,
    length_at: u32,
) -> Answer {
    call.note_bytes(name, name_length);
    let name = call.bytes(name, name_length)?.to_vec();
    let arguments = call.owned(arguments, arguments_length)?;
    let outcome = match name.as_slice() {
        b"clear_route_cache" => clear_route_cache(call.state()),
        b"set_envoy_filter_state" => set_filter_state(call.state(), &arguments)?,
        b"declare_property" => declare_property(call.state(), &arguments)?,
        b"compress" => {
            let compressed = compress(call, &arguments)?;
            return give(call, compressed, result_at, length_at);
        }
        b"uncompress" => {
            let plain = uncompress(call, &arguments)?;
            return give(call, plain, result_at, length_at);
        }
        b"sign" => {
            call.pay(price::SIGNATURE)?;
            call.pay_each(arguments.len(), price::HASHED_BYTE)?;
            return give(call, signature::sign(&arguments), result_at, length_at);
        }
        b"verify_signature" => {
            call.pay(price::VERIFICATION)?;
            call.pay_each(arguments.len(), price::HASHED_BYTE)?;
            return give(call, signature::verify(&arguments), result_at, length_at);
        }
        _ => return Err(Status::NotFound.into()),
    };
    // None of these gives a result, so the guest gets a null pointer.
    give_place(call, (0, 0), result_at, length_at)?;
    Ok(outcome?)
}

/// Hands a result over. A guest that does not want it says so by a null pointer.
fn give(call: &mut Call<'_>, result: Result<Vec<u8>, Status>, result_at: u32, length_at: u32) -> Answer {
    let bytes = match result {
        Ok(bytes) => bytes,
        Err(status) => {
            give_place(call, (0, 0), result_at, length_at)?;
            return Err(status.into());
        }
    };
    let length = u32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?;
    let mut pointer = 0;
    if result_at != 0 {
        pointer = call.allocate(length)?;
        call.put(pointer, &bytes)?;
    }
    give_place(call, (pointer, length), result_at, length_at)
}

fn give_place(call: &mut Call<'_>, place: (u32, u32), result_at: u32, length_at: u32) -> Answer {
    if result_at != 0 {
        call.put_u32(result_at, place.0)?;
    }
    if length_at != 0 {
        call.put_u32(length_at, place.1)?;
    }
    Ok(())
}

/// zlib, at its own level.
fn compress(call: &mut Call<'_>, bytes: &[u8]) -> Answer<Result<Vec<u8>, Status>> {
    call.pay_each(bytes.len(), price::COMPRESSED_BYTE)?;
    let mut compressor = Compress::new(Compression::default(), true);
    // What zlib's `compressBound` allows for.
    let most = bytes.len() + (bytes.len() >> 8) + (bytes.len() >> 12) + 64;
    call.ask(most)?;
    let mut compressed = Vec::with_capacity(most);
    Ok(
        match compressor.compress_vec(bytes, &mut compressed, FlushCompress::Finish) {
            Ok(flate2::Status::StreamEnd) => Ok(compressed),
            _ => Err(Status::SerializationFailure),
        },
    )
}

/// What is behind the end of the stream does not count; what ends before its end does not either.
fn uncompress(call: &mut Call<'_>, bytes: &[u8]) -> Answer<Result<Vec<u8>, Status>> {
    let mut decompressor = Decompress::new(true);
    let mut plain = Vec::new();
    let mut more = bytes.len().saturating_mul(2).saturating_add(2);
    loop {
        // Paid for and asked about piece by piece: how long the whole is shows only at its end.
        call.pay_each(more, price::UNCOMPRESSED_BYTE)?;
        call.ask(plain.len().saturating_add(more))?;
        plain.reserve_exact(more);
        let read = usize::try_from(decompressor.total_in()).unwrap_or(usize::MAX);
        let rest = bytes.get(read..).unwrap_or_default();
        match decompressor.decompress_vec(rest, &mut plain, FlushDecompress::Finish) {
            Ok(flate2::Status::StreamEnd) => return Ok(Ok(plain)),
            Ok(_) if plain.len() == plain.capacity() => {}
            _ => return Ok(Err(Status::SerializationFailure)),
        }
        more = plain.len();
    }
}

fn clear_route_cache(state: &mut HostState) -> Result<(), Status> {
    if let Some(stream) = state.stream_mut() {
        stream.route_cache_cleared = stream.route_cache_cleared.saturating_add(1);
    }
    Ok(())
}

/// The objects that a stock Envoy can make of a text.
const FILTER_STATE_OBJECTS: &[&str] = &[
    "envoy.network.application_protocols",
    "envoy.network.ip",
    "envoy.network.transport_socket.original_dst_address",
    "envoy.network.upstream_server_name",
    "envoy.network.upstream_subject_alt_names",
    "envoy.ratelimit.hits_addend",
    "envoy.string",
    "envoy.tcp_proxy.cluster",
    "envoy.tcp_proxy.disable_tunneling",
    "envoy.tcp_proxy.per_connection_idle_timeout_ms",
    "envoy.upstream.dynamic_host",
    "envoy.upstream.dynamic_port",
];

/// Keeps the value under its own path, for the test to look at: what the object means is the proxy's business.
fn set_filter_state(state: &mut HostState, arguments: &[u8]) -> Answer<Result<(), Status>> {
    let Some(arguments) = Message::read(arguments) else {
        return Ok(Err(Status::BadArgument));
    };
    let (path, value) = (arguments.bytes(1), arguments.bytes(2));
    if std::str::from_utf8(path).is_ok_and(|path| !FILTER_STATE_OBJECTS.contains(&path)) {
        return Ok(Err(Status::NotFound));
    }
    state.ask_for_stream(path.len() + value.len() + limits::ENTRY_BYTES)?;
    let Some(stream) = state.stream_mut() else {
        return Ok(Err(Status::NotFound));
    };
    stream.filter_objects.set(path, value);
    stream.recount();
    Ok(Ok(()))
}

/// Declares how a property is stored, once for each name. Here every value is bytes, so nothing follows from it.
fn declare_property(state: &mut HostState, arguments: &[u8]) -> Answer<Result<(), Status>> {
    let Some(arguments) = Message::read(arguments) else {
        return Ok(Err(Status::BadArgument));
    };
    let name = arguments.bytes(1).to_vec();
    let root = state.context().map_or(0, |context| context.root);
    let held = state.world.budget.hold(name.len())?;
    let Some(root) = state.contexts.get_mut(&root) else {
        return Ok(Err(Status::BadArgument));
    };
    Ok(match root.declared.entry(name) {
        Entry::Vacant(vacant) => {
            vacant.insert(held);
            Ok(())
        }
        Entry::Occupied(_) => Err(Status::BadArgument),
    })
}

fn resolve_dns(call: &mut Call<'_>, address: u32, address_length: u32, _token_at: u32) -> Answer {
    call.bytes(address, address_length)?;
    Err(Status::Unimplemented.into())
}
