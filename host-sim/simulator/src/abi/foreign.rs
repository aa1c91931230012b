//! Foreign functions that Envoy has.
//!
//! Not here: `compress`, `uncompress`, `sign`, `verify_signature` and the three `expr_…` of CEL. They answer NotFound, as
//! in an Envoy that was built without them.

use super::{Answer, Call, Status, proxy};
use crate::plugin::Plugin;
use crate::state::HostState;
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
    let arguments = call.bytes(arguments, arguments_length)?.to_vec();
    let outcome = match name.as_slice() {
        b"clear_route_cache" => clear_route_cache(call.state()),
        b"set_envoy_filter_state" => set_filter_state(call.state(), &arguments),
        b"declare_property" => declare_property(call.state(), &arguments),
        _ => return Err(Status::NotFound.into()),
    };
    // None of these gives a result; the guest is told so by a null pointer.
    if result_at != 0 {
        call.put_u32(result_at, 0)?;
    }
    if length_at != 0 {
        call.put_u32(length_at, 0)?;
    }
    Ok(outcome?)
}

fn clear_route_cache(state: &mut HostState) -> Result<(), Status> {
    if let Some(stream) = state.stream_mut() {
        stream.route_cache_cleared += 1;
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
fn set_filter_state(state: &mut HostState, arguments: &[u8]) -> Result<(), Status> {
    let fields = fields(arguments).ok_or(Status::BadArgument)?;
    let text = |number: u64| {
        let found = fields.iter().rev().find(|(field, _)| *field == number);
        match found {
            Some((_, Field::Bytes(bytes))) => *bytes,
            _ => &[],
        }
    };
    let (path, value) = (text(1), text(2));
    if std::str::from_utf8(path).is_ok_and(|path| !FILTER_STATE_OBJECTS.contains(&path)) {
        return Err(Status::NotFound);
    }
    let stream = state.stream_mut().ok_or(Status::NotFound)?;
    stream.filter_objects.insert(path.to_vec(), value.to_vec());
    Ok(())
}

/// Declares how a property is stored, once for each name. Here every value is bytes, so nothing follows from it.
fn declare_property(state: &mut HostState, arguments: &[u8]) -> Result<(), Status> {
    let fields = fields(arguments).ok_or(Status::BadArgument)?;
    let name = fields.iter().find_map(|(number, field)| match field {
        Field::Bytes(name) if *number == 1 => Some(name.to_vec()),
        _ => None,
    });
    let root = state.context().map_or(0, |context| context.root);
    let root = state.contexts.get_mut(&root).ok_or(Status::BadArgument)?;
    match root.declared.insert(name.unwrap_or_default()) {
        true => Ok(()),
        false => Err(Status::BadArgument),
    }
}

fn resolve_dns(call: &mut Call<'_>, address: u32, address_length: u32, _token_at: u32) -> Answer {
    call.bytes(address, address_length)?;
    Err(Status::Unimplemented.into())
}

enum Field<'b> {
    Number,
    Bytes(&'b [u8]),
}

/// The fields of a protobuf message: only of the wire types that these messages have.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let field = match tag & 7 {
            0 => {
                varint(&mut bytes)?;
                Field::Number
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (field, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Field::Bytes(field)
            }
            _ => return None,
        };
        fields.push((tag >> 3, field));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
